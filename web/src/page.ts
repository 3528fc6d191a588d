// What pages have in common. They live in the document itself, not in shadow trees: labels, descriptions and password
// managers reach across, and one style sheet is enough.

import { html, LitElement, nothing, type TemplateResult } from "lit";
import { notices } from "./notices.ts";
import { problemOf } from "./problem.ts";
import { report } from "./trouble.ts";

export abstract class Page extends LitElement {
  params = new URLSearchParams();
  #failed = false;

  override createRenderRoot(): HTMLElement {
    return this;
  }

  /** Run what a click asks for, and tell of a failure. Whether it worked. */
  protected async attempt(act: () => Promise<unknown>): Promise<boolean> {
    notices.clear();
    return this.#fetched(act);
  }

  async #fetched(act: () => Promise<unknown>): Promise<boolean> {
    try {
      await act();
      return true;
    } catch (error) {
      report(problemOf(error));
      return false;
    } finally {
      this.requestUpdate();
    }
  }

  /** What a page shows first. Pages that show nothing of the service's have no need of it. */
  protected load(): Promise<unknown> {
    return Promise.resolve();
  }

  override firstUpdated(): void {
    void this.#begin();
  }

  /** It leaves alone what the page before had to say. */
  async #begin(): Promise<void> {
    this.#failed = !(await this.#fetched(() => this.load()));
  }

  /** In the place of what is still under way, or did not come. */
  protected waiting(what: unknown): TemplateResult | typeof nothing {
    if (what !== undefined) return nothing;
    if (!this.#failed) return html`<p class="waiting">Loading …</p>`;
    return html`<div class="actions"><button type="button" @click=${this.#again}>Try again</button></div>`;
  }

  readonly #again = (): void => {
    notices.clear();
    this.#failed = false;
    this.requestUpdate();
    void this.#begin();
  };

  /** Where the focus goes if what had it is no longer there. */
  protected async focusHead(): Promise<void> {
    await this.updateComplete;
    this.querySelector<HTMLElement>("h1")?.focus();
  }
}

/** What only a screen reader needs to tell buttons apart. */
export function unseen(text: string): TemplateResult {
  return html`<span class="unseen"> ${text}</span>`;
}
