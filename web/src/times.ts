// Times as people say them, with the exact one at hand.

import { timestampMs, type Timestamp } from "@bufbuild/protobuf/wkt";
import { html, LitElement, nothing } from "lit";
import { now } from "./clock.ts";

const UNITS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["year", 31_557_600],
  ["month", 2_629_800],
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
];
const RELATIVE = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const EXACT = new Intl.DateTimeFormat("en-GB", { dateStyle: "long", timeStyle: "medium" });
const DAY = new Intl.DateTimeFormat("en-GB", { dateStyle: "long" });

/** `in 3 days`, `2 hours ago`, `just now`: the largest unit of which there is at least one. */
export function relative(at: number, from: number): string {
  const seconds = (at - from) / 1000;
  for (const [unit, length] of UNITS) {
    if (Math.abs(seconds) >= length) return RELATIVE.format(Math.trunc(seconds / length), unit);
  }
  return seconds > 0 ? "in less than a minute" : "just now";
}

export function exact(at: number): string {
  return EXACT.format(at);
}

export function day(at: number): string {
  return DAY.format(at);
}

/** `4 minutes`, `1 second`: rounded up, since it is how long to wait. */
export function duration(seconds: number): string {
  const [count, unit] = seconds > 120 ? [Math.ceil(seconds / 60), "minute"] : [Math.ceil(seconds), "second"];
  return `${count} ${unit}${count === 1 ? "" : "s"}`;
}

const shown = new Set<RelativeTime>();
setInterval(() => shown.forEach((time) => time.requestUpdate()), 30_000);

class RelativeTime extends LitElement {
  at = 0;

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
