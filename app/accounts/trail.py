"""ListSecurityEvents: the audit trail, as the owner reads it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from app.accounts import store
from app.accounts.models import SecurityEvent
from app.core.caller import Caller
from app.core.db import Database, Tx
from app.core.listing import Position, pages


@dataclass(frozen=True, slots=True)
class ListSecurityEvents:
    """All that happened to the account and is still kept, newest first."""

    db: Database

    async def __call__(self, caller: Caller) -> AsyncIterator[SecurityEvent]:
        async def read(tx: Tx, after: Position | None, limit: int) -> list[SecurityEvent]:
            return await store.events.newest(tx, caller.account_id, after, limit)

        async for page in pages(self.db, read, lambda event: (event.occurred_at, event.id)):
            for event in page:
                yield event
