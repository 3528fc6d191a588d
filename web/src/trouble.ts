// Where a refusal leads that is about no field: to a sign-in and back, or into the alarm.

import { notices } from "./notices.ts";
import type { Problem } from "./problem.ts";
import { go, here } from "./routes.ts";
import { ENDED, session } from "./session.ts";

export function report(problem: Problem): void {
  if (ENDED.has(problem.reason)) session.ended();
  else if (problem.reason === "SIGN_IN_NOT_RECENT") go("sign-in", { to: here(), because: "recent" });
  else notices.refuse(problem);
}

/** Whether a refusal leaves the page, to come back after a sign-in. */
export function leavesThePage(problem: Problem): boolean {
  return ENDED.has(problem.reason) || problem.reason === "SIGN_IN_NOT_RECENT";
}
