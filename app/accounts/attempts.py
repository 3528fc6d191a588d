"""Attempts at a password, counted before the password is looked at."""

from dataclasses import dataclass

from app.core.caller import Client
from app.limits import Limit, Limits, Ticket, network_of, take_all


@dataclass(frozen=True, slots=True)
class Attempts:
    """Only failures stay counted: an attempt is reserved first and given back when the password was right.

    Reserving first is what stops parallel guesses, and guesses whose client hangs up before the answer (ASVS 6.3.1).
    Addresses without an account are counted like the others, or the limit would tell which exist.
    """

    limits: Limits
    by_client_and_address: Limit
    by_address: Limit

    async def reserve(self, address: str, client: Client) -> tuple[Ticket, ...]:
        """Raises Throttled when either limit is used up."""
        return await take_all(
            self.limits,
            (self.by_client_and_address, f"{network_of(client.ip)} {address}"),
            (self.by_address, address),
        )

    async def give_back(self, tickets: tuple[Ticket, ...]) -> None:
        for ticket in tickets:
            await self.limits.give_back(ticket)
