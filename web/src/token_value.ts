// A token's value, which is shown once.

import { html, LitElement } from "lit";
import { notices } from "./notices.ts";

class TokenValue extends LitElement {
  value = "";
  #copied = false;

  override createRenderRoot(): HTMLElement {
    return this;
  }

  override firstUpdated(): void {
    this.querySelector("input")?.focus();
  }

  async #copy(): Promise<void> {
    const field = this.querySelector("input")!;
    field.select();
    try {
      await navigator.clipboard.writeText(this.value);
      this.#copied = true;
      notices.say("Copied.");
    } catch {
      // Without https there is no clipboard, and a browser may refuse it.
      notices.say("The value is selected. Copy it with Ctrl+C, or ⌘C.");
    }
    this.requestUpdate();
  }

  override render() {
    return html`
      <section class="card value">
        <h2>Copy the value now</h2>
        <p id="value-hint">
          <strong>It is shown this once.</strong> Who has it can act for you: keep it in a password manager or a vault,
          and never in source code.
        </p>
        <div class="field">
          <label for="token-value">Token value</label>
          <div class="copyable">
            <input
              id="token-value"
              readonly
              spellcheck="false"
              autocomplete="off"
              aria-describedby="value-hint"
              .value=${this.value}
              @focus=${(event: FocusEvent) => (event.target as HTMLInputElement).select()}
            />
            <button type="button" class="primary" @click=${() => this.#copy()}>
              ${this.#copied ? "Copied" : "Copy"}
            </button>
          </div>
        </div>
      </section>
    `;
  }
}
customElements.define("gp-token-value", TokenValue);
