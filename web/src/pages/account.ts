import { html, nothing } from "lit";
import { accounts } from "../api.ts";
import { confirmed } from "../confirm.ts";
import { Form } from "../form.ts";
import type { GetAccountResponse } from "../gen/accounts/v1/accounts_v1_pb.ts";
import { notices } from "../notices.ts";
import { Page } from "../page.ts";
import { GOOD_PASSWORD } from "../passwords.ts";
import { address, go } from "../routes.ts";
import { session } from "../session.ts";
import { time } from "../times.ts";

class Account extends Page {
  #name = new Form(this, "name", async (data) => {
    await accounts.updateAccount({ data: { name: String(data.get("data.name")) } });
    await session.look();
    notices.say("Your name is changed.");
  });

  #address = new Form(this, "address", async (data) => {
    const email = String(data.get("data.email"));
    await accounts.updateAccount({ data: { email } });
    const { pendingEmail } = await session.look();
    notices.say(pendingEmail ? `A code is on its way to ${pendingEmail}.` : "Your address stays as it is.");
    await this.#address.clear();
  });

  #password = new Form(this, "password", async (data) => {
    await accounts.changePassword({
      currentPassword: { password: String(data.get("current_password")) },
      newPassword: { password: String(data.get("new_password")) },
    });
    notices.say("Your password is changed, and all other devices are signed out.");
    await this.#password.clear();
  });

  #deletion = new Form(this, "deletion", async (data) => {
    const sure = await confirmed({
      title: "Delete your account?",
      text: "Account, sessions and tokens are gone at once, and nobody can bring them back.",
      act: "Delete it for good",
    });
    if (!sure) return;
    await accounts.deleteAccount({ password: { password: String(data.get("password")) } });
    notices.later("Your account is deleted.");
    go("sign-in");
    session.ended();
  });

  override connectedCallback(): void {
    super.connectedCallback();
    session.addEventListener("known", this.#known);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    session.removeEventListener("known", this.#known);
  }

  readonly #known = () => this.requestUpdate();

  #mailCode(): Promise<boolean> {
    return this.attempt(async () => {
      await accounts.sendVerificationEmail({});
      notices.say("A code is on its way to you.");
    });
  }

  override render() {
    const account = session.account;
    if (!account) return nothing;
    return html`
      <h1 tabindex="-1">Account</h1>
      <section class="card">
        <h2>Your name</h2>
        <form novalidate @submit=${this.#name.submit}>
          ${this.#name.field("data.name", "Name", { autocomplete: "nickname", value: account.data?.name ?? "" })}
          <div class="actions">${this.#name.button("Save name")}</div>
        </form>
      </section>
      <section class="card">
        <h2>E-mail address</h2>
        ${this.#addresses(account)}
        <form novalidate @submit=${this.#address.submit}>
          ${this.#address.field("data.email", "New address", {
            type: "email",
            autocomplete: "email",
            hint: "It takes the place of the old one once you enter the code that is mailed there.",
          })}
          <div class="actions">${this.#address.button("Change address")}</div>
        </form>
      </section>
      <section class="card">
        <h2>Password</h2>
        <p>Your other devices are signed out when it changes. Tokens go on.</p>
        <form novalidate @submit=${this.#password.submit}>
          <input type="email" autocomplete="username" .value=${account.data?.email ?? ""} readonly hidden />
          ${this.#password.field("current_password", "Current password", {
            type: "password",
            autocomplete: "current-password",
          })}
          ${this.#password.field("new_password", "New password", {
            type: "password",
            autocomplete: "new-password",
            hint: GOOD_PASSWORD,
          })}
          <div class="actions">${this.#password.button("Change password")}</div>
        </form>
      </section>
      <section class="card">
        <h2>Delete account</h2>
        <p>Everything goes at once: the account, its sessions, its tokens and whatever uses them.</p>
        <form novalidate @submit=${this.#deletion.submit}>
          ${this.#deletion.field("password", "Password, to delete the account", {
            type: "password",
            autocomplete: "current-password",
          })}
          <div class="actions">${this.#deletion.button("Delete account", true)}</div>
        </form>
      </section>
      <p class="quiet">Account <code>${account.accountId}</code>, created ${time(account.createdAt)}.</p>
    `;
  }

  #addresses(account: GetAccountResponse) {
    const email = account.data?.email ?? "";
    const waits = account.pendingEmail || (account.emailVerified ? "" : email);
    return html`
      <ul class="plain">
        <li>
          <strong class="long">${email}</strong>
          <span class="badge ${account.emailVerified ? "good" : "warn"}"
            >${account.emailVerified ? "confirmed" : "not confirmed"}</span
          >
        </li>
        ${account.pendingEmail
          ? html`<li>
              <strong class="long">${account.pendingEmail}</strong> <span class="badge warn">waits for its code</span>
            </li>`
          : nothing}
      </ul>
      ${waits
        ? html`<div class="actions">
            <a class="button" href=${address("verify-email", { email: waits })}>Enter the code</a>
            <button type="button" @click=${() => this.#mailCode()}>Mail another code</button>
          </div>`
        : nothing}
    `;
  }
}
customElements.define("gp-account", Account);
