"""What an operator sees of an account: enough to help its owner, nothing secret."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.accounts import store
from app.accounts.addresses import normalized_or_as_typed
from app.accounts.models import SecurityEvent
from app.core.clock import Clock
from app.core.db import Database, Tx
from app.core.errors import NotFound

EVENTS = 10
"""Of the audit trail the newest so many."""

CountTokens = Callable[[Tx, UUID, datetime], Awaitable[int]]
"""Counts the live tokens of an account. Tokens belong to a domain that builds on this one, so `domains` passes the
function in."""


@dataclass(frozen=True, slots=True)
class Inspected:
    account_id: UUID
    address: str
    pending_address: str | None
    name: str
    email_verified_at: datetime | None
    created_at: datetime
    disabled_at: datetime | None
    failed_attempts: int
    """Wrong passwords in a row."""
    sessions: int
    """Live ones, those made from tokens among them."""
    tokens: int
    """Live ones."""
    events: tuple[SecurityEvent, ...]
    """Newest first."""


@dataclass(frozen=True, slots=True)
class ShowAccount:
    db: Database
    clock: Clock
    count_tokens: CountTokens

    async def __call__(self, email: str) -> Inspected:
        """Raises NotFound."""
        async with self.db.read() as tx:
            account = await store.accounts.by_address(tx, normalized_or_as_typed(email))
            if account is None:
                raise NotFound("There is no account with this address.")
            now = self.clock.now()
            return Inspected(
                account_id=account.id,
                address=account.address,
                pending_address=account.pending_address,
                name=account.name,
                email_verified_at=account.email_verified_at,
                created_at=account.created_at,
                disabled_at=account.disabled_at,
                failed_attempts=account.failed_attempts,
                sessions=await store.sessions.count_live(tx, account.id, now),
                tokens=await self.count_tokens(tx, account.id, now),
                events=tuple(await store.events.newest(tx, account.id, None, EVENTS)),
            )
