"""What has outlived its use goes, so that no table grows for ever. Each store knows what of its own is old.

Everything goes in small batches, each a short transaction of its own, with a pause after it: who wants to write never
waits for more than one. Several processes may do it at once, also a command beside the service.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from app.accounts import store as accounts
from app.core.clock import Clock
from app.core.db import Database, Tx
from app.mail import outbox
from app.tokens import store as tokens

BATCH = 200
"""Rows a transaction: some 20 ms on SQLite."""
PAUSE = 0.05
"""Seconds between two of them: more than one takes, so that others get at least every other turn."""

Purge = Callable[[Tx, datetime, int], Awaitable[int]]
"""Deletes up to so many of what ended before then; how many there were. Fewer than asked for: there are no more."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Housekeeping:
    db: Database
    clock: Clock
    events_kept: timedelta
    pause: float = PAUSE

    async def sweep(self) -> None:
        """One pass, for a worker: the log tells what went, if anything did."""
        if any((removed := await self.purge()).values()):
            _log.info("purged", **removed)

    async def purge(self, progress: Callable[[str, int], None] | None = None) -> dict[str, int]:
        """Remove all that is too old by now; how many of each kind. `progress` is told after each full batch.

        Raises Unavailable where the database does not answer; what was removed until then stays so.
        """
        removed: dict[str, int] = {}
        for kind, before, purge in self._kinds(self.clock.now()):
            removed[kind] = 0
            while True:
                async with self.db.write() as tx:
                    batch = await purge(tx, before, BATCH)
                removed[kind] += batch
                if batch < BATCH:
                    break
                if progress is not None:
                    progress(kind, removed[kind])
                await asyncio.sleep(self.pause)
        return removed

    def _kinds(self, now: datetime) -> Iterator[tuple[str, datetime, Purge]]:
        yield "sessions", now, accounts.sessions.purge
        yield "codes", now, accounts.codes.purge
        yield "delivered_mails", now - outbox.KEEP_DELIVERED, outbox.purge_delivered
        yield "undeliverable_mails", now, outbox.purge_undeliverable
        yield "tokens", now - tokens.KEEP_DEAD, tokens.purge
        yield "security_events", now - self.events_kept, accounts.events.purge
