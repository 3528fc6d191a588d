import { html } from "lit";
import { publicAccounts } from "../api.ts";
import { Form } from "../form.ts";
import { notices } from "../notices.ts";
import { Page } from "../page.ts";
import { remembered } from "../remembered.ts";
import { address, forget, go } from "../routes.ts";
import { session } from "../session.ts";

class VerifyEmail extends Page {
  #form = new Form(this, "verify-email", async (data) => {
    const email = String(data.get("data.email"));
    await publicAccounts.verifyEmail({ data: { email }, code: String(data.get("code")).replace(/\s/g, "") });
    remembered.email = email;
    notices.later(`${email} is confirmed.${session.account ? "" : " You can sign in with it."}`);
    if (session.account) {
      go("account");
      await session.look();
    } else go("sign-in", { email, to: this.params.get("to") ?? "" });
  });

  /** A link from a mail fills the form in and no more: some programs open links before their readers do. */
  protected override async load(): Promise<void> {
    forget("verify-email", "code");
  }

  override render() {
    return html`
      <h1 tabindex="-1">Confirm your address</h1>
      <p>The code is in the newest mail that you got from here. It is good for a few minutes.</p>
      <form class="card" novalidate @submit=${this.#form.submit}>
        ${this.#form.field("data.email", "E-mail address", {
          type: "email",
          autocomplete: "email",
          value: this.params.get("email") ?? remembered.email,
        })}
        ${this.#form.field("code", "Code", {
          autocomplete: "one-time-code",
          inputmode: "numeric",
          value: this.params.get("code") ?? "",
        })}
        <div class="actions">${this.#form.button("Confirm")}</div>
      </form>
      <p>
        No mail? It may be among the junk. <a href=${address("account")}>Your account</a> has another code for you, once
        you are signed in.
      </p>
    `;
  }
}
customElements.define("gp-verify-email", VerifyEmail);
