// The service's clock as its answers tell it. A browser's own may be hours off, and sessions end by the other.

let ahead = 0;

/** Learn from a Date header (RFC 9110, 6.6.1), which is exact to a second. */
export function learn(date: string | null): void {
  const told = Date.parse(date ?? "");
  if (!Number.isNaN(told) && Math.abs(told - Date.now()) > 2000) ahead = told - Date.now();
}

/** Milliseconds since 1970, by the service's clock. */
export function now(): number {
  return Date.now() + ahead;
}
