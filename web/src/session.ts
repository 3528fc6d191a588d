// The session behind the cookie, which no script can read: whose it is, and that it goes on while a tab is open.

import { timestampMs } from "@bufbuild/protobuf/wkt";
import { accounts } from "./api.ts";
import { now } from "./clock.ts";
import type { GetAccountResponse } from "./gen/accounts/v1/accounts_v1_pb.ts";
import { plan } from "./plan.ts";
import { problemOf } from "./problem.ts";
import { lead, listen, tell } from "./tabs.ts";

/** Reasons that end the session: there is none any more, whatever the page was about to do. */
export const ENDED: ReadonlySet<string> = new Set(["NO_CREDENTIAL", "BAD_CREDENTIAL"]);

/** Events: `known`, `ended`, `signed-in-elsewhere`. */
class Session extends EventTarget {
  /** Undefined until it is known that somebody is signed in. */
  account: GetAccountResponse | undefined;

  #endsAt = 0;
  #leads: Promise<boolean> | undefined;
  #isLeader = false;
  #isNew = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    super();
    listen((news) => {
      if (news.happened === "refreshed") this.#set(news.endsAt);
      else if (news.happened === "signed-out") this.#over();
      else this.dispatchEvent(new Event("signed-in-elsewhere"));
    });
    // Timers stand still while a machine sleeps or a tab is frozen.
    document.addEventListener("visibilitychange", () => this.account && this.#set(this.#endsAt));
  }

  /** Find out who is signed in. The first tab also refreshes: using the console counts as use of the session. */
  async load(): Promise<GetAccountResponse> {
    this.#leads ??= lead(() => {
      this.#isLeader = true;
      if (this.account) this.#set(this.#endsAt);
    }).then((leads) => (this.#isLeader = leads));
    if ((await this.#leads) && !this.#isNew) await this.#prolong();
    this.#isNew = false;
    return this.look();
  }

  /** Ask for the account anew. `before`: the end of the session before it was refreshed, if it just was. */
  async look(before?: number): Promise<GetAccountResponse> {
    this.account = await accounts.getAccount({});
    const endsAt = this.account.credentialExpiresAt;
    if (endsAt) this.#set(timestampMs(endsAt), before);
    this.dispatchEvent(new Event("known"));
    return this.account;
  }

  /** After a sign-in. */
  begun(): void {
    this.account = undefined;
    this.#isNew = true;
    tell({ happened: "signed-in" });
  }

  /** After a sign-out, or when a call was refused for want of a session. */
  ended(): void {
    tell({ happened: "signed-out" });
    this.#over();
  }

  #over(): void {
    clearTimeout(this.#timer);
    const wasKnown = this.account !== undefined;
    this.account = undefined;
    this.dispatchEvent(new CustomEvent<{ wasKnown: boolean }>("ended", { detail: { wasKnown } }));
  }

  /** Whether it worked. What fails for another reason than an ended session is tried again later. */
  async #prolong(): Promise<boolean> {
    try {
      await accounts.refreshSession({});
      return true;
    } catch (error) {
      if (ENDED.has(problemOf(error).reason)) throw error;
      return false;
    }
  }

  #set(endsAt: number, before?: number): void {
    clearTimeout(this.#timer);
    this.#endsAt = endsAt;
    const { wait, due } = plan(now(), endsAt, this.#isLeader, before);
    this.#timer = setTimeout(() => void this.#act(due), wait);
  }

  async #act(due: "refresh" | "look" | "plan"): Promise<void> {
    if (due === "plan") return this.#set(this.#endsAt);
    try {
      const before = this.#endsAt;
      const moved = due === "refresh" && (await this.#prolong());
      await this.look(moved ? before : undefined);
      if (moved) tell({ happened: "refreshed", endsAt: this.#endsAt });
    } catch (error) {
      if (ENDED.has(problemOf(error).reason)) this.ended();
      else this.#set(this.#endsAt);
    }
  }
}

export const session = new Session();
