import { html } from "lit";
import { publicAccounts } from "../api.ts";
import { Form } from "../form.ts";
import { notices } from "../notices.ts";
import { Page } from "../page.ts";
import { remembered } from "../remembered.ts";
import { address, go } from "../routes.ts";

class ForgottenPassword extends Page {
  #form = new Form(this, "forgotten-password", async (data) => {
    const email = String(data.get("data.email"));
    await publicAccounts.resetPassword({ data: { email } });
    remembered.email = email;
    notices.later("If there is an account with this address, a code is on its way to it.");
    go("new-password", { email });
  });

  override render() {
    return html`
      <h1 tabindex="-1">Forgotten password</h1>
      <p>We mail you a code, and with it you set a new password.</p>
      <form class="card" novalidate @submit=${this.#form.submit}>
        ${this.#form.field("data.email", "E-mail address", {
          type: "email",
          autocomplete: "username",
          value: this.params.get("email") ?? remembered.email,
        })}
        <div class="actions">
          ${this.#form.button("Mail me a code")} <a href=${address("sign-in")}>Back to sign-in</a>
        </div>
      </form>
    `;
  }
}
customElements.define("gp-forgotten-password", ForgottenPassword);
