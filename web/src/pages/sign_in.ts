import { html, nothing } from "lit";
import { publicAccounts } from "../api.ts";
import { Form } from "../form.ts";
import { notices } from "../notices.ts";
import { Page } from "../page.ts";
import { problemOf } from "../problem.ts";
import { remembered } from "../remembered.ts";
import { address, go, openInstead, target } from "../routes.ts";
import { session } from "../session.ts";

const BECAUSE: Record<string, string> = {
  recent: "For this you have to sign in again. Afterwards you are back where you were.",
  ended: "Your session has ended. Sign in to go on where you were.",
};

class SignIn extends Page {
  #form = new Form(this, "sign-in", async (data) => {
    const email = String(data.get("email"));
    remembered.email = email;
    try {
      await publicAccounts.signIn({ email, password: String(data.get("password")) });
    } catch (error) {
      if (problemOf(error).reason !== "EMAIL_NOT_VERIFIED") throw error;
      notices.later("Confirm your address first. A code was mailed to it.");
      go("verify-email", { email, to: this.params.get("to") ?? "" });
      return;
    }
    session.begun();
    openInstead(target(this.params, "tokens"));
  });

  override render() {
    const because = BECAUSE[this.params.get("because") ?? ""];
    return html`
      <h1 tabindex="-1">Sign in</h1>
      ${because ? html`<p>${because}</p>` : nothing}
      <form class="card" novalidate @submit=${this.#form.submit}>
        ${this.#form.field("email", "E-mail address", {
          type: "email",
          autocomplete: "username",
          value: this.params.get("email") ?? remembered.email,
        })}
        ${this.#form.field("password", "Password", { type: "password", autocomplete: "current-password" })}
        <div class="actions">
          ${this.#form.button("Sign in")}
          <a href=${address("forgotten-password")}>Forgotten your password?</a>
        </div>
      </form>
      <p>New here? <a href=${address("sign-up")}>Create an account</a></p>
    `;
  }
}
customElements.define("gp-sign-in", SignIn);
