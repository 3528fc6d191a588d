"""When sessions and tokens were last used, written in batches off the hot path."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from app.core.db import Database, Tx

EXACT_TO = timedelta(minutes=1)
"""How stale a stored time may be before a use is noted (semantics.md, "Times")."""

AT_ONCE = 500
"""Rows that one statement notes, whose parameters databases bound."""

Touch = Callable[[Tx, Sequence[UUID], datetime], Awaitable[None]]
"""Notes that these were last used then."""


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
            for used_then, at in _by_second(batch):
                await self._touch(tx, used_then, at)
        for used, at in batch.items():
            if self._pending.get(used) == at:
                del self._pending[used]


def _by_second(uses: dict[UUID, datetime]) -> Iterator[tuple[Sequence[UUID], datetime]]:
    """Those of one second together, as of the last of them: one time for many rows costs a quarter of one for each."""
    seconds: dict[datetime, list[UUID]] = {}
    for used, at in uses.items():
        seconds.setdefault(at.replace(microsecond=0), []).append(used)
    for used_then in seconds.values():
        last = max(uses[used] for used in used_then)
        for start in range(0, len(used_then), AT_ONCE):
            yield used_then[start : start + AT_ONCE], last
