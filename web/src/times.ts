// Times as people say them, with the exact one at hand.

import { timestampMs, type Timestamp } from "@bufbuild/protobuf/wkt";
import { html, LitElement, nothing } from "lit";
import { now } from "./clock.ts";
import { exact, relative } from "./spans.ts";

const shown = new Set<RelativeTime>();
setInterval(() => shown.forEach((time) => time.requestUpdate()), 30_000);

class RelativeTime extends LitElement {
  static override properties = { at: { attribute: false } };
  declare at: number;

  constructor() {
    super();
    this.at = 0;
  }

  override createRenderRoot(): HTMLElement {
    return this;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    shown.add(this);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    shown.delete(this);
  }

  override render() {
    return html`<time datetime=${new Date(this.at).toISOString()} title=${exact(this.at)}
      >${relative(this.at, now())}</time
    >`;
  }
}
customElements.define("gp-time", RelativeTime);

export function time(at: Timestamp | undefined) {
  return at ? html`<gp-time .at=${timestampMs(at)}></gp-time>` : nothing;
}
