"""Deleting rows by age, a few at a time. Each store says of its own table what is old."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, delete, select
from sqlmodel import col

from app.core.db import Table, Tx


async def delete_older(
    tx: Tx, table: type[Table], age: Any, before: datetime, limit: int, *also: ColumnElement[bool]
) -> int:
    """Delete up to `limit` rows whose `age`, an indexed column, is earlier than `before`, the oldest first; how many.

    A row that somebody holds is left for the next time: on a server of many writers nobody waits for this, and where
    its holder gives it more life it is not deleted.
    """
    key = col(table.id)  # type: ignore[attr-defined]  # all that are purged have one
    older = select(key).where(col(age) < before, *also).order_by(col(age)).limit(limit)
    return (await tx.execute(delete(table).where(key.in_(older.with_for_update(skip_locked=True))))).rowcount
