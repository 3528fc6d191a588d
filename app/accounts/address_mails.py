"""How often codes are mailed to addresses that an account names."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

from app.core.errors import Refusal
from app.limits import Limit, Limits, take_all


@dataclass(frozen=True, slots=True)
class AddressMails:
    """Mails with a code for an address that an account names, which may be a stranger's: so many by the account, and so
    many to the address, however many accounts name it."""

    limits: Limits
    by_account: Limit
    by_address: Limit

    @asynccontextmanager
    async def counted(self, account_id: UUID, address: str) -> AsyncIterator[None]:
        """Counts one mail unless the block is refused. Raises Throttled, for a taken address as for a free one."""
        tickets = await take_all(
            self.limits,
            (self.by_account, self.by_account.key(account=account_id.hex)),
            (self.by_address, self.by_address.key(address=address)),
        )
        try:
            yield
        except Refusal:
            for ticket in tickets:
                await self.limits.give_back(ticket)
            raise
