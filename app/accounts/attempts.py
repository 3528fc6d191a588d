"""Attempts at what only an account's owner knows, counted before they are looked at, and mails that anybody can ask
for."""

from dataclasses import dataclass

from app.accounts.alarm import Alarm
from app.core.caller import Client
from app.core.errors import Throttled
from app.core.metrics import Metrics
from app.limits import Limit, Limits, Per, Ticket, take_all


@dataclass(frozen=True, slots=True)
class Attempts:
    """Attempts at a password or at a mailed code. Only failures stay counted: one is reserved first and given back
    when it was right.

    Reserving first is what stops parallel guesses, and guesses whose client hangs up before the answer (ASVS 6.3.1).
    Addresses without an account are counted like the others, or the limit would tell which exist.
    """

    limits: Limits
    by: tuple[Limit, ...]
    of: str
    """What is tried, as the metrics name it: password or code."""
    metrics: Metrics
    alarm: Alarm | None = None

    async def reserve(self, address: str, client: Client) -> tuple[Ticket, ...]:
        """Raises Throttled when any of the limits is used up, and then counts nothing."""
        tickets = await take_all(self.limits, *((limit, limit.key(client.ip, address)) for limit in self.by))
        self.metrics.attempts.labels(self.of).inc()
        return tickets if self.alarm is None else (*tickets, *await self.alarm.reserve())

    async def was_right(self, tickets: tuple[Ticket, ...]) -> None:
        self.metrics.right_attempts.labels(self.of).inc()
        await self.give_back(tickets)

    async def give_back(self, tickets: tuple[Ticket, ...]) -> None:
        """Also where nothing was looked at in the end."""
        for ticket in tickets:
            await self.limits.give_back(ticket)

    async def forget(self, address: str, client: Client) -> None:
        """What failed at the address, from the client and over all. What failed from the client at others stays."""
        for limit in self.by:
            if limit.per is not Per.CLIENT:
                await self.limits.forget(limit, limit.key(client.ip, address))


@dataclass(frozen=True, slots=True)
class ResetMails:
    """Says whether a mail with a reset code may go. Whoever asked is never told that it did not: the owner of a full
    inbox has to be spared, and the answer must not tell how often the address was asked for."""

    limits: Limits
    by: tuple[Limit, ...]

    async def may_go(self, address: str, client: Client) -> bool:
        """Counts the mail if so. Ask for every address, also one without an account, or the time would tell."""
        try:
            await take_all(self.limits, *((limit, limit.key(client.ip, address)) for limit in self.by))
        except Throttled:
            return False
        return True
