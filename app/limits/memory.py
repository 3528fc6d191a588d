"""Attempts counted in this process."""

from app.core.clock import Clock
from app.core.errors import Throttled
from app.limits.limit import MOST_DOUBLINGS, Limit, Ticket


class MemoryLimits:
    """Counts in this process, on the monotonic clock: setting the wall clock opens nothing.

    Each limit remembers at most `keys` keys. When they are too many, the quarter with the fewest attempts is forgotten,
    of equals the oldest. To make it forget n failures an attacker must spend n attempts under each of three quarters
    of `keys` other keys. Refusing new keys instead would let the same flood keep everybody out.
    """

    def __init__(self, clock: Clock, keys: int = 20_000) -> None:
        self._clock = clock
        self._keys = keys
        self._counted: dict[str, dict[str, list[float]]] = {}
        """By limit and key, the times of the attempts that still count, oldest first. There is no other state."""

    async def take(self, limit: Limit, key: str) -> Ticket:
        # Nothing here awaits, so of calls made together each sees the count of those before it.
        now = self._clock.monotonic()
        counted = self._admitting(limit, key, now)
        table = self._counted.setdefault(limit.name, {})
        if key not in table and len(table) >= self._keys:
            table = self._counted[limit.name] = self._thinned(limit, table, now)
        table[key] = [*counted, now]
        return Ticket(limit, key, now)

    async def peek(self, limit: Limit, key: str) -> None:
        self._admitting(limit, key, self._clock.monotonic())

    async def give_back(self, ticket: Ticket) -> None:
        table = self._counted.get(ticket.limit.name, {})
        counted = table.get(ticket.key, [])
        if ticket.at in counted:
            counted.remove(ticket.at)
        if not counted:
            table.pop(ticket.key, None)

    async def forget(self, limit: Limit, key: str) -> None:
        self._counted.get(limit.name, {}).pop(key, None)

    def _admitting(self, limit: Limit, key: str, now: float) -> list[float]:
        """The times that count, or Throttled if they use the limit up."""
        counted = _still_counting(limit, self._counted.get(limit.name, {}).get(key, []), now)
        wait = _wait(limit, counted, now)
        if wait > 0:
            raise Throttled(wait)
        return counted

    def _thinned(self, limit: Limit, table: dict[str, list[float]], now: float) -> dict[str, list[float]]:
        """Without what has run out, and down to three quarters of what may be kept. Tens of ms for 20,000 keys."""
        live = {key: left for key, counted in table.items() if (left := _still_counting(limit, counted, now))}
        kept = sorted(live, key=lambda key: (len(live[key]), live[key][-1]), reverse=True)[: self._keys * 3 // 4]
        return {key: live[key] for key in kept}


def _still_counting(limit: Limit, counted: list[float], now: float) -> list[float]:
    if limit.backoff and len(counted) >= limit.events:
        # Used up: all count until it has been quiet, or the delay would never grow past what fits into the window.
        quiet = now - counted[-1] - _delay(limit, limit.backoff, counted)
        return [] if quiet >= limit.seconds else counted[-limit.events - MOST_DOUBLINGS :]
    return [at for at in counted if now - at < limit.seconds]


def _wait(limit: Limit, counted: list[float], now: float) -> float:
    """Seconds until the next attempt may be made, 0 or less if it may be made now."""
    if len(counted) < limit.events:
        return 0
    if limit.backoff:
        return counted[-1] + _delay(limit, limit.backoff, counted) - now
    return counted[-limit.events] + limit.seconds - now


def _delay(limit: Limit, backoff: tuple[float, float], counted: list[float]) -> float:
    first, longest = backoff
    return min(first * 2.0 ** (len(counted) - limit.events), longest)
