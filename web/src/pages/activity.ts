import { html, nothing } from "lit";
import { accounts } from "../api.ts";
import { device } from "../device.ts";
import type { ListSecurityEventsResponse } from "../gen/accounts/v1/accounts_v1_pb.ts";
import { Page } from "../page.ts";
import { address } from "../routes.ts";
import { time } from "../times.ts";

const AT_A_TIME = 50;

const KINDS: Record<string, string> = {
  signed_up: "Account created",
  signed_in: "Signed in",
  sign_in_failed: "Failed attempt with a wrong password",
  signed_out: "Signed out",
  session_refreshed: "Session prolonged",
  session_reused: "Session ended: an old cookie of it was used",
  session_revoked: "Session ended",
  password_changed: "Password changed",
  password_reset: "New password set with a mailed code",
  email_verified: "Address confirmed",
  email_changed: "Address changed",
  token_created: "Token created",
  token_updated: "Token changed",
  token_regenerated: "Token given a new value",
  token_expired: "Token expired",
  token_authorized: "Session opened with a token",
  account_disabled: "Account disabled",
  account_enabled: "Account enabled",
  account_deleted: "Account deleted",
};
const ALARMING = new Set(["sign_in_failed", "session_reused"]);

class Activity extends Page {
  #events: ListSecurityEventsResponse[] | undefined;
  #wanted = AT_A_TIME;
  #more = false;

  /** Take as many as are shown and let go of the rest, of which there may be years. */
  protected override async load(): Promise<void> {
    const events: ListSecurityEventsResponse[] = [];
    const enough = new AbortController();
    let more = false;
    for await (const each of accounts.listSecurityEvents({}, { signal: enough.signal })) {
      more = events.length === this.#wanted;
      if (more) break;
      events.push(each);
    }
    if (more) enough.abort();
    this.#events = events;
    this.#more = more;
  }

  async #showMore(): Promise<void> {
    const first = this.#wanted;
    this.#wanted += 2 * AT_A_TIME;
    await this.attempt(() => this.load());
    await this.updateComplete;
    this.querySelectorAll<HTMLElement>("ol > li")[first]?.focus();
  }

  override render() {
    return html`
      <h1 tabindex="-1">Activity</h1>
      <p>What happened to your account, newest first. If it was not you, change your password.</p>
      ${this.waiting(this.#events)}
      ${this.#events
        ? html`<ol class="log card">
            ${this.#events.map((each) => this.#event(each))}
          </ol>`
        : nothing}
      ${this.#more
        ? html`<div class="actions"><button type="button" @click=${() => this.#showMore()}>Show more</button></div>`
        : nothing}
    `;
  }

  #event(each: ListSecurityEventsResponse) {
    const kind = KINDS[each.kind] ?? each.kind.replaceAll("_", " ");
    return html`
      <li tabindex="-1">
        <span class=${ALARMING.has(each.kind) ? "what alarming" : "what"}
          >${each.kind.startsWith("token_") && each.tokenUuid
            ? html`<a href=${address("token", { id: each.tokenUuid })}>${kind}</a>`
            : kind}</span
        >
        <span class="facts">
          <span>${time(each.occurredAt)}</span>
          ${each.ipAddress ? html`<span>${each.ipAddress}</span>` : nothing}
          ${each.userAgent ? html`<span title=${each.userAgent}>${device(each.userAgent)}</span>` : nothing}
        </span>
      </li>
    `;
  }
}
customElements.define("gp-activity", Activity);
