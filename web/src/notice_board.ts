// Shows what `notices` has: failures at once, good news when there is a pause, and how long is left to wait.

import { html, LitElement, nothing } from "lit";
import { notices } from "./notices.ts";
import { duration } from "./spans.ts";

class NoticeBoard extends LitElement {
  #ticking: ReturnType<typeof setInterval> | undefined;
  #until: number | undefined;
  /** Seconds that were left when the alarm came up: it is read out once, and the clock beside it only runs. */
  #told = 0;

  override createRenderRoot(): HTMLElement {
    return this;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    notices.addEventListener("change", this.#changed);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    notices.removeEventListener("change", this.#changed);
    clearInterval(this.#ticking);
  }

  readonly #changed = (): void => {
    clearInterval(this.#ticking);
    this.#until = notices.until;
    this.#told = this.#left();
    if (this.#until) this.#ticking = setInterval(() => this.#tick(), 250);
    this.requestUpdate();
  };

  #tick(): void {
    if (this.#left() === 0) {
      clearInterval(this.#ticking);
      notices.say("You can try again now.");
    }
    this.requestUpdate();
  }

  #left(): number {
    return this.#until ? Math.max(0, Math.ceil((this.#until - performance.now()) / 1000)) : 0;
  }

  override render() {
    const wait = this.#told ? ` Wait ${duration(this.#told)}, then try again.` : "";
    return html`
      <div class="notices">
        <div role="alert" class=${notices.alarm ? "notice bad" : nothing}>
          ${notices.alarm ? html`<p>${notices.alarm}${wait}</p>` : nothing}
        </div>
        ${this.#until && notices.alarm
          ? html`<p role="timer" class="countdown" aria-label="Time left to wait">${clock(this.#left())}</p>`
          : nothing}
        <div role="status" class=${notices.news ? "notice good" : nothing}>
          ${notices.news ? html`<p>${notices.news}</p>` : nothing}
        </div>
      </div>
    `;
  }
}
customElements.define("gp-notices", NoticeBoard);

/** `4:05` */
function clock(seconds: number): string {
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}
