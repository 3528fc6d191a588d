"""What a limit is, and what keeps count of one."""

from dataclasses import dataclass
from enum import Enum, auto
from typing import Protocol

from app.core.errors import Throttled
from app.limits.keys import network_of

MOST_DOUBLINGS = 32
"""More than any delay needs: it bounds what an attacker who takes every opening for months makes us remember."""


class Per(Enum):
    """Whose attempts a limit counts together."""

    CLIENT = auto()
    """All from one client network, so that the guard can refuse before the body is read."""
    ADDRESS = auto()
    """All at one mail address, whether or not it has an account."""
    CLIENT_AND_ADDRESS = auto()
    ACCOUNT = auto()
    """All by one account."""
    SERVICE = auto()
    """All there are."""


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
    per: Per = Per.SERVICE
    backoff: tuple[float, float] | None = None

    def key(self, ip: str = "", address: str = "", account: str = "") -> str:
        """What an attempt from `ip` at the normalised `address`, by the account's ID, is counted by."""
        match self.per:
            case Per.CLIENT:
                return network_of(ip)
            case Per.ADDRESS:
                return address
            case Per.CLIENT_AND_ADDRESS:
                return f"{network_of(ip)} {address}"
            case Per.ACCOUNT:
                return account
            case Per.SERVICE:
                return ""


@dataclass(frozen=True, slots=True)
class Ticket:
    """One counted attempt, to be given back."""

    limit: Limit
    key: str
    at: float
    shared: bool = False
    """Whether it was counted in the store that processes share."""


class Limits(Protocol):
    """Where attempts are counted."""

    async def take(self, limit: Limit, key: str) -> Ticket:
        """Count an attempt by `key`, or raise Throttled with the seconds to wait if the limit is used up."""
        ...

    async def peek(self, limit: Limit, key: str) -> None:
        """Raise Throttled where `take` would, and count nothing."""
        ...

    async def give_back(self, ticket: Ticket) -> None:
        """Make it as if the attempt had never been counted. Call it at most once; a forgotten ticket is nothing."""
        ...

    async def forget(self, limit: Limit, key: str) -> None:
        """Make it as if no attempt by `key` had ever been counted."""
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

    async def peek(self, limit: Limit, key: str) -> None:
        pass

    async def give_back(self, ticket: Ticket) -> None:
        pass

    async def forget(self, limit: Limit, key: str) -> None:
        pass
