import { timestampMs } from "@bufbuild/protobuf/wkt";
import { html, nothing } from "lit";
import { keyed } from "lit/directives/keyed.js";
import { tokens } from "../api.ts";
import { confirmed } from "../confirm.ts";
import { Form } from "../form.ts";
import type { GetTokenResponse } from "../gen/tokens/v1/tokens_v1_pb.ts";
import { notices } from "../notices.ts";
import { Page } from "../page.ts";
import { address } from "../routes.ts";
import { chosenEnd, chosenScopes, expiryFields, NAME, scopeFields } from "../token_fields.ts";
import { badge, facts, stateOf } from "../token_state.ts";
import "../token_value.ts";

/** What all answers about a token have. */
type Shown = Pick<GetTokenResponse, "tokenMetadata" | "tokenPermissions">;

class Token extends Page {
  #shown: Shown | undefined;
  #value = "";

  #form = new Form(
    this,
    "token",
    async (data) => {
      const name = String(data.get(NAME)).trim();
      const expiresAt = chosenEnd(data);
      const scopes = chosenScopes(data);
      this.#shown = await tokens.updateToken({
        ...this.#which,
        tokenMetadata: {
          ...(name !== this.#shown?.tokenMetadata?.name && { name }),
          ...(expiresAt && { expiresAt }),
        },
        // What stays is not sent: leave to grant a scope is wanted for each that is.
        ...(!same(scopes, this.#shown?.tokenPermissions?.scopes ?? []) && { tokenPermissions: { scopes } }),
      });
      await this.#form.clear();
      notices.say("The token is changed.");
    },
    { NAME_TAKEN: NAME },
  );

  get #which() {
    return { tokenUuid: { uuid: this.params.get("id") ?? "" } };
  }

  protected override async load(): Promise<void> {
    this.#shown = await tokens.getToken(this.#which);
  }

  async #regenerate(): Promise<void> {
    const text = "Whatever presents the old value is refused at once, and sessions made from it end.";
    if (!(await confirmed({ title: "Replace the value?", text, act: "Regenerate" }))) return;
    await this.attempt(async () => {
      const { tokenValue } = await tokens.regenerateToken(this.#which);
      this.#value = tokenValue?.token ?? "";
      await this.load();
    });
  }

  async #expire(): Promise<void> {
    const text = "Whatever presents the token is refused at once. Its value never works again.";
    if (!(await confirmed({ title: "Expire this token?", text, act: "Expire now" }))) return;
    await this.attempt(async () => {
      await tokens.forceTokenExpiration(this.#which);
      this.#value = "";
      await this.load();
      notices.say("The token is expired.");
    });
    await this.focusHead();
  }

  override render() {
    const metadata = this.#shown?.tokenMetadata;
    return html`
      <p class="back"><a href=${address("tokens")}>All tokens</a></p>
      <div class="head">
        <h1 tabindex="-1" class="long">${metadata?.name ?? "Token"}</h1>
        ${metadata ? badge(metadata) : nothing}
      </div>
      ${this.waiting(this.#shown)} ${this.#shown ? this.#all(this.#shown) : nothing}
    `;
  }

  #all({ tokenMetadata, tokenPermissions }: Shown) {
    const state = stateOf(tokenMetadata);
    const end = tokenMetadata?.expiresAt;
    return html`
      ${facts(tokenMetadata)}
      ${this.#value ? keyed(this.#value, html`<gp-token-value .value=${this.#value}></gp-token-value>`) : nothing}
      ${state === "waiting"
        ? html`<p>It ended once, and its value with it. Regenerate it to use it again.</p>`
        : nothing}
      <section class="card">
        <h2>Change</h2>
        <form novalidate @submit=${this.#form.submit}>
          ${this.#form.field(NAME, "Name", { value: tokenMetadata?.name ?? "" })}
          ${expiryFields(this.#form, end && timestampMs(end))}
          ${scopeFields(this.#form, tokenPermissions?.scopes ?? [])}
          <div class="actions">${this.#form.button("Save changes")}</div>
        </form>
      </section>
      <section class="card">
        <h2>Value</h2>
        ${state === "ended"
          ? html`<p>It has ended. Give it a later end above, then a new value here.</p>`
          : html`<p>If the value may have leaked, or to replace it in time, give the token another.</p>`}
        <div class="actions">
          <button type="button" ?disabled=${state === "ended"} @click=${() => this.#regenerate()}>Regenerate</button>
          <button type="button" class="danger" ?disabled=${state === "ended"} @click=${() => this.#expire()}>
            Expire now
          </button>
        </div>
      </section>
      <p class="quiet">Token <code>${this.params.get("id")}</code></p>
    `;
  }
}
customElements.define("gp-token", Token);

function same(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((each) => other.includes(each));
}
