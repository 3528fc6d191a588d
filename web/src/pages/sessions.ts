import { html, nothing } from "lit";
import { accounts } from "../api.ts";
import { confirmed } from "../confirm.ts";
import { device } from "../device.ts";
import type { ListSessionsResponse } from "../gen/accounts/v1/accounts_v1_pb.ts";
import { notices } from "../notices.ts";
import { Page, unseen } from "../page.ts";
import { address } from "../routes.ts";
import { signOut } from "../sign_out.ts";
import { time } from "../times.ts";

class Sessions extends Page {
  #sessions: ListSessionsResponse[] | undefined;

  protected override async load(): Promise<void> {
    const sessions = [];
    for await (const each of accounts.listSessions({})) sessions.push(each);
    this.#sessions = sessions;
  }

  async #revoke(each: ListSessionsResponse): Promise<void> {
    const text = `${device(each.userAgent)} from ${each.ipAddress || "an unknown address"} is signed out at once.`;
    if (!(await confirmed({ title: "End this session?", text, act: "End session" }))) return;
    await this.attempt(async () => {
      await accounts.revokeSession({ sessionId: each.sessionId });
      await this.load();
      notices.say("The session is ended.");
    });
    await this.focusHead();
  }

  async #signOutEverywhere(): Promise<void> {
    const text = "Every browser that is signed in to your account is signed out, this one too. Tokens go on.";
    if (!(await confirmed({ title: "Sign out everywhere?", text, act: "Sign out everywhere" }))) return;
    await this.attempt(() => signOut({ everywhere: true }));
  }

  override render() {
    return html`
      <h1 tabindex="-1">Sessions</h1>
      <p>Where your account is signed in. If you do not know one of them, end it, and change your password.</p>
      ${this.waiting(this.#sessions)}
      ${this.#sessions
        ? html`
            <ul class="list">
              ${this.#sessions.map((each) => this.#session(each))}
            </ul>
            <div class="actions">
              <button type="button" class="danger" @click=${() => this.#signOutEverywhere()}>
                Sign out everywhere
              </button>
            </div>
          `
        : nothing}
    `;
  }

  #session(each: ListSessionsResponse) {
    const name = device(each.userAgent);
    return html`
      <li class="card row">
        <div>
          <h2 title=${each.userAgent}>
            ${name} ${each.current ? html`<span class="badge good">this one</span>` : nothing}
          </h2>
          <p class="facts">
            <span>${each.ipAddress || "unknown address"}</span>
            <span>last seen ${time(each.lastSeenAt)}</span>
            <span>began ${time(each.createdAt)}</span>
            <span>ends ${time(each.expiresAt)}</span>
            ${each.tokenUuid
              ? html`<span>made from <a href=${address("token", { id: each.tokenUuid })}>a token</a></span>`
              : nothing}
          </p>
        </div>
        <div class="actions">
          ${each.current
            ? html`<button type="button" @click=${() => this.attempt(() => signOut())}>
                Sign out${unseen("of this session")}
              </button>`
            : html`<button type="button" class="danger" @click=${() => this.#revoke(each)}>
                End session${unseen(`${name}, ${each.ipAddress}`)}
              </button>`}
        </div>
      </li>
    `;
  }
}
customElements.define("gp-sessions", Sessions);
