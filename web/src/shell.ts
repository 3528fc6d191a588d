// What stays while pages change: head, navigation, notices; and which page is open, for whom.

import { html, LitElement, nothing, svg, type TemplateResult } from "lit";
import { keyed } from "lit/directives/keyed.js";
import { notices } from "./notices.ts";
import "./notice_board.ts";
import "./pages/account.ts";
import "./pages/activity.ts";
import "./pages/forgotten_password.ts";
import "./pages/new_password.ts";
import "./pages/new_token.ts";
import "./pages/sessions.ts";
import "./pages/sign_in.ts";
import "./pages/sign_up.ts";
import "./pages/token.ts";
import "./pages/tokens.ts";
import "./pages/verify_email.ts";
import { problemOf } from "./problem.ts";
import { address, here, open, openInstead, parse, target, type Route } from "./routes.ts";
import { session } from "./session.ts";
import { signOut } from "./sign_out.ts";
import { report } from "./trouble.ts";

interface Opened {
  title: string;
  /** Nobody needs to be signed in. */
  open?: true;
  page: (params: URLSearchParams) => TemplateResult;
}

const PAGES: Record<string, Opened> = {
  "sign-in": { title: "Sign in", open: true, page: (params) => html`<gp-sign-in .params=${params}></gp-sign-in>` },
  "sign-up": { title: "Create an account", open: true, page: () => html`<gp-sign-up></gp-sign-up>` },
  "verify-email": {
    title: "Confirm your address",
    open: true,
    page: (params) => html`<gp-verify-email .params=${params}></gp-verify-email>`,
  },
  "forgotten-password": {
    title: "Forgotten password",
    open: true,
    page: (params) => html`<gp-forgotten-password .params=${params}></gp-forgotten-password>`,
  },
  "new-password": {
    title: "New password",
    open: true,
    page: (params) => html`<gp-new-password .params=${params}></gp-new-password>`,
  },
  tokens: { title: "Tokens", page: () => html`<gp-tokens></gp-tokens>` },
  "new-token": { title: "New token", page: () => html`<gp-new-token></gp-new-token>` },
  token: { title: "Token", page: (params) => html`<gp-token .params=${params}></gp-token>` },
  sessions: { title: "Sessions", page: () => html`<gp-sessions></gp-sessions>` },
  activity: { title: "Activity", page: () => html`<gp-activity></gp-activity>` },
  account: { title: "Account", page: () => html`<gp-account></gp-account>` },
};
const FIRST = "tokens";
const IN_THE_NAVIGATION = ["tokens", "sessions", "activity", "account"];

const SERVICE = document.querySelector<HTMLMetaElement>("meta[name=application-name]")?.content ?? "Gatepost";
const MARK = svg`<svg viewBox="0 0 32 32" width="28" height="28" aria-hidden="true"><rect width="32" height="32" rx="7"
  /><path d="M10 26V9l3-3 3 3v17zM16 14h10M16 20h10" /></svg>`;

class Console extends LitElement {
  #route: Route = { page: "", params: new URLSearchParams() };
  /** Counts the pages that were opened: each begins afresh, also the same one with other parameters. */
  #opened = 0;
  #ready = false;
  #failed = false;

  override createRenderRoot(): HTMLElement {
    return this;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    addEventListener("hashchange", () => void this.#open());
    session.addEventListener("known", () => this.requestUpdate());
    session.addEventListener("ended", (event) => this.#ended((event as CustomEvent<{ wasKnown: boolean }>).detail));
    session.addEventListener("signed-in-elsewhere", () => this.#signedInElsewhere());
    void this.#open();
  }

  async #open(): Promise<void> {
    const route = parse(here());
    const page = PAGES[route.page];
    if (!page) return openInstead(address(FIRST));
    const turn = ++this.#opened;
    this.#route = route;
    this.#ready = page.open === true || session.account !== undefined;
    this.#failed = false;
    notices.turn();
    document.title = `${page.title} · ${SERVICE}`;
    this.requestUpdate();
    if (!this.#ready && !(await this.#known())) return;
    if (turn !== this.#opened) return;
    this.#ready = true;
    this.requestUpdate();
    await this.updateComplete;
    this.#begin();
  }

  /** A page that opened has the focus at its head, so that keyboards and screen readers begin there. */
  #begin(): void {
    scrollTo(0, 0);
    const head = this.querySelector<HTMLElement>("main h1");
    if (head) head.focus({ preventScroll: true });
  }

  async #known(): Promise<boolean> {
    try {
      await session.load();
      return true;
    } catch (error) {
      report(problemOf(error));
      this.#failed = true;
      this.requestUpdate();
      return false;
    }
  }

  #ended({ wasKnown }: { wasKnown: boolean }): void {
    this.requestUpdate();
    if (PAGES[this.#current]?.open) return;
    if (notices.news) notices.later(notices.news);
    const to = this.#current === FIRST ? "" : here();
    openInstead(address("sign-in", { to, because: wasKnown ? "ended" : "" }));
  }

  get #current(): string {
    return parse(here()).page;
  }

  #signedInElsewhere(): void {
    if (this.#current === "sign-in") open(target(this.#route.params, FIRST));
    else if (session.account) void this.#lookWhose(session.account.accountId);
  }

  /** A page stays as it is, and with it what was typed, unless it shows another account's things. */
  async #lookWhose(accountId: string): Promise<void> {
    try {
      if ((await session.look()).accountId !== accountId) await this.#open();
    } catch (error) {
      report(problemOf(error));
    }
  }

  override render() {
    const page = PAGES[this.#route.page];
    return html`
      <a class="skip" href="#main" @click=${this.#skip}>Skip to content</a>
      <header>
        <div class="wide">
          <a class="brand" href=${address(session.account ? FIRST : "sign-in")}>${MARK}<span>${SERVICE}</span></a>
          ${session.account ? this.#navigation() : nothing}
        </div>
      </header>
      <main id="main" tabindex="-1" class=${page?.open ? "narrow" : "wide"}>
        <gp-notices></gp-notices>
        ${page && this.#ready ? keyed(this.#opened, page.page(this.#route.params)) : this.#notYet(page)}
      </main>
    `;
  }

  #notYet(page: Opened | undefined) {
    if (!this.#failed) return html`<p class="waiting">Loading …</p>`;
    return html`
      <div>
        <h1 tabindex="-1">${page?.title}</h1>
        <div class="actions"><button type="button" @click=${() => this.#open()}>Try again</button></div>
      </div>
    `;
  }

  #navigation() {
    return html`
      <nav aria-label="Main">
        ${IN_THE_NAVIGATION.map(
          (name) =>
            html`<a href=${address(name)} aria-current=${this.#route.page === name ? "page" : nothing}
              >${PAGES[name]?.title}</a
            >`,
        )}
      </nav>
      <button type="button" class="sign-out" @click=${this.#signOut}>Sign out</button>
    `;
  }

  /** A link to the fragment would lead to another page. */
  readonly #skip = (event: Event): void => {
    event.preventDefault();
    this.querySelector<HTMLElement>("main")?.focus();
  };

  readonly #signOut = (): void => {
    signOut().catch((error: unknown) => report(problemOf(error)));
  };
}
customElements.define("gp-console", Console);
