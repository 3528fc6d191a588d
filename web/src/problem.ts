// What a failed call means for people: a sentence, the fields it is about, how long to wait.

import { Code, ConnectError } from "@connectrpc/connect";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "./gen/google/rpc/error_details_pb.ts";

export interface Problem {
  /** The stable reason of the error, or "" where the service did not answer. */
  reason: string;
  sentence: string;
  /** By the path of the field in the request, without positions in lists. */
  fields: Map<string, string>;
  /** Seconds to wait before another try, where that is known. */
  wait?: number;
}

// The service's sentences are for programmers too; these are for people in front of a page.
const IN_OUR_WORDS: Record<string, string> = {
  THROTTLED: "Too many attempts.",
  BUSY: "The service is busy at the moment.",
  UNAVAILABLE: "The service cannot do this at the moment. Nothing was lost.",
  DEADLINE: "This took too long. It may still have happened: look before you repeat it.",
  LOST_RACE: "Something else changed this at the same moment. Look at it again, then decide.",
  NOT_FOUND: "This does not exist, or not any more.",
  EMAIL_NOT_VERIFIED: "Confirm your address first, with the code that was mailed to it.",
  TOKEN_EXPIRED: "The end of this token has passed. Give it a later one first.",
  SCOPE_MISSING: "You are signed in by a token, which may not do this. Sign in with your password.",
};
// A rule that is a regular expression is told as one, which is nothing for people.
const FORMS: Record<string, string> = {
  "token_permissions.scopes": "Each is resource:action in small letters, such as orders:read.",
};
const UNREACHABLE = "The service cannot be reached. Is this machine online? Try again in a moment.";

export function problemOf(error: unknown): Problem {
  const failure = ConnectError.from(error);
  const reason = failure.findDetails(ErrorInfoSchema)[0]?.reason ?? "";
  const fields = new Map<string, string>();
  for (const violation of failure.findDetails(BadRequestSchema).flatMap((details) => details.fieldViolations)) {
    const path = violation.field.replace(/\[\d+\]/g, "");
    const form = /\bpattern\b/.test(violation.description) ? FORMS[path] : undefined;
    if (!fields.has(path)) fields.set(path, form ?? asSentence(violation.description));
  }
  const problem: Problem = { reason, fields, sentence: IN_OUR_WORDS[reason] ?? told(failure, reason) };
  const delay = failure.findDetails(RetryInfoSchema)[0]?.retryDelay;
  if (delay) problem.wait = Number(delay.seconds) + (delay.nanos > 0 ? 1 : 0);
  return problem;
}

/** The name of the field that a path of the service belongs to: `new_password.password` to `new_password`. */
export function fieldOf(path: string, names: readonly string[]): string | undefined {
  const within = names.filter((name) => path === name || path.startsWith(`${name}.`));
  return within.sort((one, other) => other.length - one.length)[0];
}

function told(failure: ConnectError, reason: string): string {
  const silent = !reason && [Code.Unknown, Code.Unavailable].includes(failure.code);
  return silent ? UNREACHABLE : asSentence(failure.rawMessage);
}

function asSentence(text: string): string {
  const begun = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(begun) ? begun : `${begun}.`;
}
