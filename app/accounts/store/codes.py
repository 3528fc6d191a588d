"""All SQL about mailed codes. Each function takes the transaction it works in.

A code that was used or ended stays until it is cleared out by age: how long ago the last one was mailed must be told
also when it is gone.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Update, bindparam, exists, select, update
from sqlmodel import col, insert

from app.accounts.models import AccountRow, MailedCode, VerificationRow
from app.core.db import Tx, columns
from app.core.purge import delete_older

_SPENT = -1
"""In `tries_left`: used or ended. Zero is a code whose last try is under way, which may be the right one."""


def _held(*meant: ColumnElement[bool]) -> Select[UUID]:
    """The IDs of such codes, their rows held in this order: tries are counted without the account, and two that take
    several rows in different order would wait for each other."""
    return select(col(VerificationRow.id)).where(*meant).order_by(col(VerificationRow.id)).with_for_update()


def _ended(*meant: ColumnElement[bool]) -> Update:
    return update(VerificationRow).where(col(VerificationRow.id).in_(_held(*meant))).values(tries_left=_SPENT)


_ROW = ("id", "account_id", "purpose", "address", "code_digest", "tries_left", "created_at", "expires_at")
_ADD = insert(VerificationRow).from_select(
    _ROW,
    select(*(bindparam(name, type_=getattr(VerificationRow, name).type).label(name) for name in _ROW)).where(
        exists(select(col(AccountRow.id)).where(col(AccountRow.id) == bindparam("account_id")))
    ),
)
_OF_ACCOUNT = col(VerificationRow.account_id) == bindparam("account")
_FOR_PURPOSE = col(VerificationRow.purpose) == bindparam("meant_for")
_TO_ADDRESS = col(VerificationRow.address) == bindparam("to")
_LATEST = (
    select(col(VerificationRow.created_at))
    .where(_OF_ACCOUNT, _FOR_PURPOSE, _TO_ADDRESS)
    .order_by(col(VerificationRow.created_at).desc())
    .limit(1)
)
_NEWEST = (
    select(col(VerificationRow.id))
    .where(_OF_ACCOUNT, _FOR_PURPOSE)
    .order_by(col(VerificationRow.created_at).desc(), col(VerificationRow.id).desc())
    .limit(bindparam("keep"))
)
_END_OLDEST = _ended(_OF_ACCOUNT, _FOR_PURPOSE, col(VerificationRow.id).not_in(_NEWEST))
_END_FOR_PURPOSE = _ended(_OF_ACCOUNT, _FOR_PURPOSE)
_END_ALL = _ended(_OF_ACCOUNT)
_UNSPENT = col(VerificationRow.tries_left) > 0
_COUNT_TRY = (
    update(VerificationRow)
    .where(
        col(VerificationRow.id).in_(
            _held(_TO_ADDRESS, _FOR_PURPOSE, _UNSPENT, col(VerificationRow.expires_at) >= bindparam("now"))
        ),
        _UNSPENT,
    )
    .values(tries_left=VerificationRow.tries_left - 1)
    .returning(*columns(VerificationRow, MailedCode))
)
_SPEND = (
    update(VerificationRow)
    .where(col(VerificationRow.id) == bindparam("code"), col(VerificationRow.tries_left) != _SPENT)
    .values(tries_left=_SPENT)
)


async def add(tx: Tx, *, account_id: UUID, **values: Any) -> None:
    """Nothing is stored for an account that is not there, by the same statement."""
    await tx.execute(_ADD, {"account_id": account_id, **values})


async def latest(tx: Tx, account_id: UUID, purpose: str, address: str) -> datetime | None:
    """When the account's last code for the address was made, if that was less than a purge ago."""
    values = {"account": account_id, "meant_for": purpose, "to": address}
    return (await tx.execute(_LATEST, values)).scalar_one_or_none()


async def end_oldest(tx: Tx, account_id: UUID, purpose: str, keep: int) -> None:
    """Of the codes for one purpose only the newest `keep` stay good (ASVS 6.6.2)."""
    await tx.execute(_END_OLDEST, {"account": account_id, "meant_for": purpose, "keep": keep})


async def count_try(tx: Tx, purpose: str, address: str, now: datetime) -> Sequence[MailedCode]:
    """Take a try from each live code for the address, whoever's it is, and tell those that had one left."""
    values = {"to": address, "meant_for": purpose, "now": now}
    return [MailedCode(*row) for row in await tx.execute(_COUNT_TRY, values)]


async def spend(tx: Tx, code_id: UUID) -> bool:
    """False if it was used or ended, also by a transaction that ran at the same time. Its age was judged with the try:
    the time that a password takes to be hashed is not the owner's."""
    return (await tx.execute(_SPEND, {"code": code_id})).rowcount == 1


async def end_all(tx: Tx, account_id: UUID, purpose: str | None = None) -> None:
    """End the account's codes, for one purpose or for all."""
    if purpose is None:
        await tx.execute(_END_ALL, {"account": account_id})
    else:
        await tx.execute(_END_FOR_PURPOSE, {"account": account_id, "meant_for": purpose})


async def purge(tx: Tx, before: datetime, limit: int) -> int:
    """Delete some that expired before then."""
    return await delete_older(tx, VerificationRow, VerificationRow.expires_at, before, limit)
