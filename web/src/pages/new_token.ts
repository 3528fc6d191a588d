import { html } from "lit";
import { tokens } from "../api.ts";
import { Form } from "../form.ts";
import type { CreateTokenResponse } from "../gen/tokens/v1/tokens_v1_pb.ts";
import { Page } from "../page.ts";
import { address } from "../routes.ts";
import { chosenEnd, chosenScopes, expiryFields, NAME, scopeFields } from "../token_fields.ts";
import { facts } from "../token_state.ts";
import "../token_value.ts";

class NewToken extends Page {
  #made: CreateTokenResponse | undefined;

  #form = new Form(
    this,
    "new-token",
    async (data) => {
      const expiresAt = chosenEnd(data);
      this.#made = await tokens.createToken({
        tokenMetadata: { name: String(data.get(NAME)), ...(expiresAt && { expiresAt }) },
        tokenPermissions: { scopes: chosenScopes(data) },
      });
    },
    { NAME_TAKEN: NAME },
  );

  override render() {
    return this.#made ? this.#told(this.#made) : this.#asked();
  }

  #asked() {
    return html`
      <h1 tabindex="-1">New token</h1>
      <form class="card" novalidate @submit=${this.#form.submit}>
        ${this.#form.field(NAME, "Name", { hint: "What it is for, so that you know it again." })}
        ${expiryFields(this.#form)} ${scopeFields(this.#form, ["account:read", "tokens:read"])}
        <div class="actions">
          ${this.#form.button("Create token")} <a href=${address("tokens")}>Cancel</a>
        </div>
      </form>
    `;
  }

  #told(made: CreateTokenResponse) {
    return html`
      <h1 tabindex="-1" class="long">${made.tokenMetadata?.name}</h1>
      ${facts(made.tokenMetadata)}
      <gp-token-value .value=${made.tokenValue?.token ?? ""}></gp-token-value>
      <div class="actions"><a class="button" href=${address("tokens")}>Done</a></div>
    `;
  }
}
customElements.define("gp-new-token", NewToken);
