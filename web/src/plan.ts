// When a session is to be refreshed. Times are milliseconds since 1970, by the service's clock.

/** No timer reaches further than 2^31 - 1 ms, and a machine that slept would be late anyway. */
const LONGEST = 86_400_000;
const SHORTEST = 1000;

export interface Plan {
  /** Milliseconds until something is due. */
  wait: number;
  /** What is due: a refresh, a look whether the session has ended, or another plan. */
  due: "refresh" | "look" | "plan";
}

/**
 * Half of what is left may pass before a refresh, so that one that fails can be repeated. One that did not move the
 * end was the last: the session has reached its absolute end.
 *
 * `leads`: whether this tab refreshes for all of them. `before`: the end before the last refresh, if there was one.
 */
export function plan(now: number, endsAt: number, leads: boolean, before?: number): Plan {
  const left = endsAt - now;
  const refreshes = leads && (before === undefined || endsAt > before);
  const wait = Math.max(refreshes ? left / 2 : left, SHORTEST);
  if (wait > LONGEST) return { wait: LONGEST, due: "plan" };
  return { wait, due: refreshes ? "refresh" : "look" };
}
