"""Limits on attempts: so many by one key in so much time, then a refusal that says when to come back.

An attempt is counted before it is made and given back if it was legitimate, so that guesses made in parallel, and
clients that hang up, are counted. What is refused is not counted: hammering on a used-up limit does not prolong it.
"""

import ipaddress
from dataclasses import dataclass
from typing import Protocol

from app.core.clock import Clock
from app.core.errors import Throttled

UNKNOWN_NETWORK = "unknown"

_MOST_DOUBLINGS = 32
"""More than any delay needs: it bounds what an attacker who takes every opening for months makes us remember."""


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `events` attempts in any `seconds`.

    With `backoff` (first, longest; seconds) a used-up limit lets a single attempt through after the first delay, and
    each such attempt doubles the delay, up to the longest. After the last delay and `seconds` more without an attempt
    the limit is fresh. Nobody is ever told to wait for longer than the longest delay: no lasting lock-out (ASVS 6.1.1).
    """

    name: str
    events: int
    seconds: float
    backoff: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Ticket:
    """One counted attempt, to be given back."""

    limit: Limit
    key: str
    at: float


class Limits(Protocol):
    """Where attempts are counted."""

    async def take(self, limit: Limit, key: str) -> Ticket:
        """Count an attempt by `key`, or raise Throttled with the seconds to wait if the limit is used up."""
        ...

    async def give_back(self, ticket: Ticket) -> None:
        """Make it as if the attempt had never been counted. Call it at most once; a forgotten ticket is nothing."""
        ...


async def take_all(limits: Limits, *wanted: tuple[Limit, str]) -> tuple[Ticket, ...]:
    """Count one attempt under each limit, or under none of them if one raises Throttled.

    Otherwise an owner who waits for one limit would use up another by asking.
    """
    taken: list[Ticket] = []
    try:
        for limit, key in wanted:
            taken.append(await limits.take(limit, key))
    except Throttled:
        for ticket in taken:
            await limits.give_back(ticket)
        raise
    return tuple(taken)


class NoLimits:
    """Counts nothing: LIMITS=off, for benchmarks."""

    async def take(self, limit: Limit, key: str) -> Ticket:
        return Ticket(limit, key, at=0)

    async def give_back(self, ticket: Ticket) -> None:
        pass


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
        table = self._counted.setdefault(limit.name, {})
        counted = _still_counting(limit, table.get(key, []), now)
        wait = _wait(limit, counted, now)
        if wait > 0:
            raise Throttled(wait)
        if key not in table and len(table) >= self._keys:
            table = self._counted[limit.name] = self._thinned(limit, table, now)
        table[key] = [*counted, now]
        return Ticket(limit, key, now)

    async def give_back(self, ticket: Ticket) -> None:
        table = self._counted.get(ticket.limit.name, {})
        counted = table.get(ticket.key, [])
        if ticket.at in counted:
            counted.remove(ticket.at)
        if not counted:
            table.pop(ticket.key, None)

    def _thinned(self, limit: Limit, table: dict[str, list[float]], now: float) -> dict[str, list[float]]:
        """Without what has run out, and down to three quarters of what may be kept. Tens of ms for 20,000 keys."""
        live = {key: left for key, counted in table.items() if (left := _still_counting(limit, counted, now))}
        kept = sorted(live, key=lambda key: (len(live[key]), live[key][-1]), reverse=True)[: self._keys * 3 // 4]
        return {key: live[key] for key in kept}


def network_of(ip: str) -> str:
    """The key of a client address: IPv4 as it is, also when mapped into IPv6; IPv6 by /64, which one client owns whole.

    What is no address shares one key. It must never come to mean "no limit".
    """
    try:
        address = ipaddress.ip_address(ip)
    except ValueError:
        return UNKNOWN_NETWORK
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(address), 64), strict=False))


def _still_counting(limit: Limit, counted: list[float], now: float) -> list[float]:
    if limit.backoff and len(counted) >= limit.events:
        # Used up: all count until it has been quiet, or the delay would never grow past what fits into the window.
        quiet = now - counted[-1] - _delay(limit, limit.backoff, counted)
        return [] if quiet >= limit.seconds else counted[-limit.events - _MOST_DOUBLINGS :]
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
