"""Mails that say a token is about to end, so that what uses it does not stop unforeseen (ASVS 6.4.5)."""

import asyncio
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import structlog

from app.accounts import owner
from app.core.clock import Clock
from app.core.db import Database
from app.mail.outbox import GIVE_UP_AFTER, Mail, Outbox
from app.tokens import store
from app.tokens.store import Ending
from app.tokens.token import WARNINGS

BATCH = 100
"""Mails a transaction."""
PAUSE = 0.05
"""Seconds between two of them, for others who want to write."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class WarnOfExpiry:
    db: Database
    clock: Clock
    outbox: Outbox
    pause: float = PAUSE

    async def __call__(self) -> int:
        """Queue all warnings that are due; of how many tokens. Raises Unavailable where the database does not answer.

        The nearest end comes first: after a long stop a token is warned of once, not of both marks that it passed.
        """
        total = 0
        for days in sorted(WARNINGS):
            while warned := await self._some(days):
                total += warned
                await asyncio.sleep(self.pause)
        if total:
            _log.info("expiry_warned", tokens=total)
        return total

    async def _some(self, days: int) -> int:
        now = self.clock.now()
        # Looked for outside the write: among many tokens that were warned of already it takes long to find none.
        async with self.db.read() as tx:
            due = await store.due_for_warning(tx, now, days, BATCH)
        if not due:
            return 0
        async with self.db.write() as tx:
            ending = await store.mark_warned(tx, due, now, days)
            addresses = await owner.addresses(tx, [each.account_id for each in ending])
            await self.outbox.queue_all(tx, _mails(ending, addresses, now))
        return len(ending)


def _mails(ending: list[Ending], addresses: Mapping[UUID, str], now: datetime) -> list[Mail]:
    return [
        Mail(
            "token_expires",
            addresses[each.account_id],
            {
                "name": each.name,
                "days": str(math.ceil((each.expires_at - now) / timedelta(days=1))),
                "expires_at": each.expires_at.isoformat(),
            },
            each.account_id,
            valid_until=min(each.expires_at, now + GIVE_UP_AFTER),
        )
        for each in ending
        if each.account_id in addresses
    ]
