import { html } from "lit";
import { publicAccounts } from "../api.ts";
import { Form } from "../form.ts";
import { notices } from "../notices.ts";
import { Page } from "../page.ts";
import { GOOD_PASSWORD } from "../passwords.ts";
import { remembered } from "../remembered.ts";
import { address, go } from "../routes.ts";

class SignUp extends Page {
  #form = new Form(
    this,
    "sign-up",
    async (data) => {
      const email = String(data.get("email"));
      await publicAccounts.signUp({ email, password: String(data.get("password")) });
      remembered.email = email;
      notices.later("A code was mailed to your address. Enter it here.");
      go("verify-email", { email });
    },
    { EMAIL_TAKEN: "email" },
  );

  override render() {
    return html`
      <h1 tabindex="-1">Create an account</h1>
      <form class="card" novalidate @submit=${this.#form.submit}>
        ${this.#form.field("email", "E-mail address", {
          type: "email",
          autocomplete: "username",
          value: remembered.email,
        })}
        ${this.#form.field("password", "Password", {
          type: "password",
          autocomplete: "new-password",
          hint: GOOD_PASSWORD,
        })}
        <div class="actions">${this.#form.button("Create account")}</div>
      </form>
      <p>Have one already? <a href=${address("sign-in")}>Sign in</a></p>
    `;
  }
}
customElements.define("gp-sign-up", SignUp);
