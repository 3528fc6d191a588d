"""All SQL about mailed codes. Each function takes the transaction it works in.

A code that was used or ended stays until it is cleared out by age: how long ago the last one was mailed must be told
also when it is gone.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, exists, literal, select, update
from sqlmodel import col, insert

from app.accounts.models import AccountRow, MailedCode, VerificationRow
from app.core.db import Tx, columns
from app.core.purge import delete_older

_SPENT = -1
"""In `tries_left`: used or ended. Zero is a code whose last try is under way, which may be the right one."""


async def add(tx: Tx, *, account_id: UUID, **values: Any) -> None:
    """Nothing is stored for an account that is not there, by the same statement."""
    row = {"account_id": account_id, **values}
    typed = [literal(value, getattr(VerificationRow, name).type).label(name) for name, value in row.items()]
    there = exists(select(col(AccountRow.id)).where(col(AccountRow.id) == account_id))
    await tx.execute(insert(VerificationRow).from_select(list(row), select(*typed).where(there)))


async def latest(tx: Tx, account_id: UUID, purpose: str, address: str) -> datetime | None:
    """When the account's last code for the address was made, if that was less than a purge ago."""
    query = (
        select(col(VerificationRow.created_at))
        .where(
            col(VerificationRow.account_id) == account_id,
            col(VerificationRow.purpose) == purpose,
            col(VerificationRow.address) == address,
        )
        .order_by(col(VerificationRow.created_at).desc())
        .limit(1)
    )
    return (await tx.execute(query)).scalar_one_or_none()


async def end_oldest(tx: Tx, account_id: UUID, purpose: str, keep: int) -> None:
    """Of the codes for one purpose only the newest `keep` stay good (ASVS 6.6.2)."""
    same_kind = (col(VerificationRow.account_id) == account_id, col(VerificationRow.purpose) == purpose)
    newest = (
        select(col(VerificationRow.id))
        .where(*same_kind)
        .order_by(col(VerificationRow.created_at).desc(), col(VerificationRow.id).desc())
        .limit(keep)
    )
    older = _held(*same_kind, col(VerificationRow.id).not_in(newest))
    await tx.execute(update(VerificationRow).where(col(VerificationRow.id).in_(older)).values(tries_left=_SPENT))


async def count_try(tx: Tx, purpose: str, address: str, now: datetime) -> Sequence[MailedCode]:
    """Take a try from each live code for the address, whoever's it is, and tell those that had one left."""
    live = _held(
        col(VerificationRow.address) == address,
        col(VerificationRow.purpose) == purpose,
        col(VerificationRow.tries_left) > 0,
        col(VerificationRow.expires_at) >= now,
    )
    statement = (
        update(VerificationRow)
        .where(col(VerificationRow.id).in_(live), col(VerificationRow.tries_left) > 0)
        .values(tries_left=VerificationRow.tries_left - 1)
        .returning(*columns(VerificationRow, MailedCode))
    )
    return [MailedCode(*row) for row in await tx.execute(statement)]


async def spend(tx: Tx, code_id: UUID) -> bool:
    """False if it was used or ended, also by a transaction that ran at the same time. Its age was judged with the try:
    the time that a password takes to be hashed is not the owner's."""
    unspent = (col(VerificationRow.id) == code_id, col(VerificationRow.tries_left) != _SPENT)
    return (await tx.execute(update(VerificationRow).where(*unspent).values(tries_left=_SPENT))).rowcount == 1


async def end_all(tx: Tx, account_id: UUID, purpose: str | None = None) -> None:
    """End the account's codes, for one purpose or for all."""
    meant = [col(VerificationRow.account_id) == account_id]
    if purpose is not None:
        meant.append(col(VerificationRow.purpose) == purpose)
    statement = update(VerificationRow).where(col(VerificationRow.id).in_(_held(*meant)))
    await tx.execute(statement.values(tries_left=_SPENT))


def _held(*meant: ColumnElement[bool]) -> Select[UUID]:
    """The IDs of such codes, their rows held in this order: tries are counted without the account, and two that take
    several rows in different order would wait for each other."""
    return select(col(VerificationRow.id)).where(*meant).order_by(col(VerificationRow.id)).with_for_update()


async def purge(tx: Tx, before: datetime, limit: int) -> int:
    """Delete some that expired before then."""
    return await delete_older(tx, VerificationRow, VerificationRow.expires_at, before, limit)
