import { html } from "lit";
import { publicAccounts } from "../api.ts";
import { Form } from "../form.ts";
import { notices } from "../notices.ts";
import { Page } from "../page.ts";
import { GOOD_PASSWORD } from "../passwords.ts";
import { remembered } from "../remembered.ts";
import { address, forget, go } from "../routes.ts";
import { session } from "../session.ts";

class NewPassword extends Page {
  #form = new Form(this, "new-password", async (data) => {
    const email = String(data.get("data.email"));
    await publicAccounts.newPassword({
      data: { email },
      code: String(data.get("code")).replace(/\s/g, ""),
      password: { password: String(data.get("password")) },
    });
    remembered.email = email;
    notices.later("The new password is in force. Sign in with it.");
    go("sign-in", { email });
    if (session.account) session.ended();
  });

  protected override async load(): Promise<void> {
    forget("new-password", "code");
  }

  override render() {
    return html`
      <h1 tabindex="-1">New password</h1>
      <p>All devices that are signed in to the account will be signed out.</p>
      <form class="card" novalidate @submit=${this.#form.submit}>
        ${this.#form.field("data.email", "E-mail address", {
          type: "email",
          autocomplete: "username",
          value: this.params.get("email") ?? remembered.email,
        })}
        ${this.#form.field("code", "Code", {
          autocomplete: "one-time-code",
          inputmode: "numeric",
          hint: "It is in the newest mail that you got from here, and good for a few minutes.",
          value: this.params.get("code") ?? "",
        })}
        ${this.#form.field("password", "New password", {
          type: "password",
          autocomplete: "new-password",
          hint: GOOD_PASSWORD,
        })}
        <div class="actions">
          ${this.#form.button("Set new password")}
          <a href=${address("forgotten-password")}>Ask for another code</a>
        </div>
      </form>
    `;
  }
}
customElements.define("gp-new-password", NewPassword);
