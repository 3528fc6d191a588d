"""When sessions and tokens were last used, written in batches off the hot path."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from app.core.db import Database, Tx

EXACT_TO = timedelta(minutes=1)
"""How stale a stored time may be before a use is noted (semantics.md, "Times")."""

Touch = Callable[[Tx, Sequence[tuple[UUID, datetime]]], Awaitable[None]]


class Activity:
    """Remembers uses until the next flush. What is not flushed yet is lost in a crash, which is documented."""

    def __init__(self, db: Database, touch: Touch) -> None:
        self._db = db
        self._touch = touch
        self._pending: dict[UUID, datetime] = {}

    def note(self, used: UUID, stored: datetime | None, now: datetime) -> None:
        """Cheap enough for every call: most of them find that the stored time is recent."""
        if (stored is None or now - stored >= EXACT_TO) and used not in self._pending:
            self._pending[used] = now

    async def flush(self) -> None:
        """Write what is pending in one short transaction; on failure it stays pending."""
        if not self._pending:
            return
        batch = self._pending.copy()
        async with self._db.write(spares_credentials=True) as tx:
            await self._touch(tx, list(batch.items()))
        for used, at in batch.items():
            if self._pending.get(used) == at:
                del self._pending[used]
