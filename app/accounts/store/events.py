"""All SQL about the audit trail. Each function takes the transaction it works in."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, exists, select, update
from sqlmodel import col, insert

from app.accounts.models import AccountRow, SecurityEvent, SecurityEventRow
from app.core.db import Tx, columns
from app.core.listing import Position, newest_first
from app.core.purge import delete_older

_EVENT = columns(SecurityEventRow, SecurityEvent)
_ADD = insert(SecurityEventRow)


async def add(tx: Tx, **values: Any) -> None:
    await tx.execute(_ADD, values)


async def newest(tx: Tx, account_id: UUID, after: Position | None, limit: int) -> list[SecurityEvent]:
    """Up to `limit` events in listing order, from the one that follows `after` on."""
    query = select(*_EVENT).where(col(SecurityEventRow.account_id) == account_id)
    query = newest_first(query, SecurityEventRow.occurred_at, SecurityEventRow.id, after, limit)
    return [SecurityEvent(*row) for row in await tx.execute(query)]


async def remove_if_nobodys(tx: Tx, event_id: UUID) -> None:
    """Remove the event unless its account is there."""
    theirs = exists(select(col(AccountRow.id)).where(col(AccountRow.id) == col(SecurityEventRow.account_id)))
    await tx.execute(delete(SecurityEventRow).where(col(SecurityEventRow.id) == event_id, ~theirs))


async def blank_clients(tx: Tx, account_id: UUID) -> None:
    """Forget where the account was used from, and with what."""
    theirs = update(SecurityEventRow).where(col(SecurityEventRow.account_id) == account_id)
    await tx.execute(theirs.values(ip_address="", user_agent=""))


async def signed_up_from(tx: Tx, account_id: UUID) -> str | None:
    """The address of the client that signed the account up, as long as the trail goes back that far."""
    query = select(col(SecurityEventRow.ip_address)).where(
        col(SecurityEventRow.account_id) == account_id, col(SecurityEventRow.kind) == "signed_up"
    )
    return (await tx.execute(query.limit(1))).scalar_one_or_none()


async def drop_all(tx: Tx, account_id: UUID) -> None:
    """For an ID that never was an account's; the trail of one that was goes by age alone."""
    await tx.execute(delete(SecurityEventRow).where(col(SecurityEventRow.account_id) == account_id))


async def purge(tx: Tx, before: datetime, limit: int) -> int:
    """Delete some that happened before then."""
    return await delete_older(tx, SecurityEventRow, SecurityEventRow.occurred_at, before, limit)
