// The service's clock as its answers tell it. A browser's own may be hours off, and sessions end by the other.

/** A Date header is cut to the second, and servers write a new one once a second. */
const COARSE = 2000;

let ahead = 0;

/**
 * How far the service's clock is ahead, from the Date header of an answer (RFC 9110, 6.6.1) to a request that was sent
 * at one time and answered at another, by the browser's clock: none, unless that is impossible.
 */
export function difference(date: number, sent: number, answered: number): number {
  const least = date - answered;
  const most = date + COARSE - sent;
  return Math.max(least, Math.min(0, most));
}

export function learn(date: string | null, sent: number): void {
  const told = Date.parse(date ?? "");
  if (!Number.isNaN(told)) ahead = difference(told, sent, Date.now());
}

/** Milliseconds since 1970, by the service's clock. */
export function now(): number {
  return Date.now() + ahead;
}
