import { html, nothing, type TemplateResult } from "lit";
import { tokens } from "../api.ts";
import type { ListTokensResponse } from "../gen/tokens/v1/tokens_v1_pb.ts";
import { Page } from "../page.ts";
import { address } from "../routes.ts";
import { badge, facts, stateOf } from "../token_state.ts";

class Tokens extends Page {
  #tokens: ListTokensResponse[] | undefined;

  protected override async load(): Promise<void> {
    const found = [];
    for await (const each of tokens.listTokens({})) found.push(each);
    this.#tokens = found;
  }

  override render() {
    const ended = this.#tokens?.filter((each) => stateOf(each.tokenMetadata) === "ended") ?? [];
    const usable = this.#tokens?.filter((each) => stateOf(each.tokenMetadata) !== "ended") ?? [];
    return html`
      <div class="head">
        <h1 tabindex="-1">Tokens</h1>
        ${this.#tokens?.length ? html`<a class="button primary" href=${address("new-token")}>New token</a>` : nothing}
      </div>
      <p>Programs that act for you present a token. Give each its own, that may do no more than it has to.</p>
      ${this.waiting(this.#tokens)} ${this.#tokens?.length === 0 ? this.#none() : nothing}
      ${usable.length ? html`<h2 class="unseen">Live</h2> ${list(usable)}` : nothing}
      ${ended.length ? html`<h2>Ended</h2> <p>They stay listed for some weeks.</p> ${list(ended)}` : nothing}
    `;
  }

  #none(): TemplateResult {
    return html`
      <div class="card empty">
        <h2>No tokens yet</h2>
        <p>Create one for your command line, your CI, or whatever else should get in without you.</p>
        <a class="button primary" href=${address("new-token")}>Create a token</a>
      </div>
    `;
  }
}
customElements.define("gp-tokens", Tokens);

function list(tokens: ListTokensResponse[]) {
  return html`<ul class="list">
    ${tokens.map(
      ({ tokenUuid, tokenMetadata, tokenPermissions }) => html`
        <li class="card">
          <h3>
            <a class="long" href=${address("token", { id: tokenUuid?.uuid ?? "" })}>${tokenMetadata?.name}</a>
            ${badge(tokenMetadata)}
          </h3>
          ${facts(tokenMetadata)}
          <p class="scopes">
            ${tokenPermissions?.scopes.length
              ? tokenPermissions.scopes.map((scope) => html`<code>${scope}</code> `)
              : html`<span class="quiet">may read</span>`}
          </p>
        </li>
      `,
    )}
  </ul>`;
}
