// What pages have in common. They live in the document itself, not in shadow trees: labels, descriptions and password
// managers reach across, and one style sheet is enough.

import { html, LitElement, nothing, type TemplateResult } from "lit";
import { notices } from "./notices.ts";
import { problemOf } from "./problem.ts";
import { report } from "./trouble.ts";

export abstract class Page extends LitElement {
  params = new URLSearchParams();

  override createRenderRoot(): HTMLElement {
    return this;
  }

  /** Run what a click asks for, and tell of a failure. Whether it worked. */
  protected async attempt(act: () => Promise<unknown>): Promise<boolean> {
    notices.clear();
    return this.fetched(act);
  }

  /** The same for what the page itself needs: it leaves alone what the page before had to say. */
  protected async fetched(act: () => Promise<unknown>): Promise<boolean> {
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
}

export function waiting(list: unknown): TemplateResult | typeof nothing {
  return list === undefined ? html`<p class="waiting">Loading …</p>` : nothing;
}

/** What only a screen reader needs to tell buttons apart. */
export function unseen(text: string): TemplateResult {
  return html`<span class="unseen"> ${text}</span>`;
}
