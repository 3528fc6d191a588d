"""All SQL about accounts. Each function takes the transaction it works in.

Here as in other stores what runs often is built once: SQLAlchemy takes longer to build a statement than to run it.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import col

from app.accounts.models import MOST_FAILED_ATTEMPTS, Account, AccountRow
from app.core.db import Tx, columns, insert_new
from app.core.points import PointRead

_ACCOUNT = columns(AccountRow, Account)

BY_ID = PointRead(select(*_ACCOUNT).where(col(AccountRow.id) == bindparam("id")))
BY_ADDRESS = PointRead(select(*_ACCOUNT).where(col(AccountRow.address) == bindparam("address")))
_HELD_BY_ID = BY_ID.statement.with_for_update()
_HELD_BY_ADDRESS = BY_ADDRESS.statement.with_for_update()
_CHANGE = update(AccountRow).where(col(AccountRow.id) == bindparam("account"))
"""Sets what columns it is given."""
_UNCHANGED = (
    col(AccountRow.id) == bindparam("seen"),
    col(AccountRow.password_hash) == bindparam("seen_hash"),
    col(AccountRow.disabled_at).is_(None),
    col(AccountRow.failed_attempts) < MOST_FAILED_ATTEMPTS,
)
_SWAP_HASH = (
    update(AccountRow)
    .where(*_UNCHANGED)
    .values(password_hash=bindparam("hash"))
    .returning(col(AccountRow.failed_attempts))
)
_COUNT_FAILURE = _CHANGE.values(failed_attempts=AccountRow.failed_attempts + 1).returning(
    col(AccountRow.failed_attempts)
)
_FORGET_FAILURES = _CHANGE.where(col(AccountRow.failed_attempts) < MOST_FAILED_ATTEMPTS).values(failed_attempts=0)
_REMOVE = delete(AccountRow).where(col(AccountRow.id) == bindparam("account"))


async def add(tx: Tx, **values: Any) -> bool:
    """False if the address is taken, also by a transaction that ran at the same time."""
    return await insert_new(tx, AccountRow, values, unique="address")


async def by_address(tx: Tx, address: str, *, lock: bool = False) -> Account | None:
    """`lock` as in `by_id`."""
    query = _HELD_BY_ADDRESS if lock else BY_ADDRESS.statement
    row = (await tx.execute(query, {"address": address})).one_or_none()
    return None if row is None else Account(*row)


async def by_id(tx: Tx, account_id: UUID, *, lock: bool = False) -> Account | None:
    """`lock` holds the row until the transaction ends, so that counts of what belongs to the account stay true."""
    row = (await tx.execute(_HELD_BY_ID if lock else BY_ID.statement, {"id": account_id})).one_or_none()
    return None if row is None else Account(*row)


async def addresses(tx: Tx, account_ids: Collection[UUID]) -> dict[UUID, str]:
    """The addresses of those accounts that are not disabled."""
    query = select(col(AccountRow.id), col(AccountRow.address)).where(
        col(AccountRow.id).in_(account_ids), col(AccountRow.disabled_at).is_(None)
    )
    return {account_id: address for account_id, address in await tx.execute(query)}


async def swap_hash(tx: Tx, seen: Account, password_hash: str) -> int | None:
    """Store the hash, and that the password was right, only if the account is as it was when the password was checked;
    locks its row. How many attempts had failed in a row until now; None if it is not as it was."""
    values = {"seen": seen.id, "seen_hash": seen.password_hash, "hash": password_hash}
    failures = (await tx.execute(_SWAP_HASH, values)).scalar_one_or_none()
    if failures:
        await forget_failures(tx, seen.id)
    return failures


async def count_failure(tx: Tx, account_id: UUID) -> int | None:
    """How many attempts at the password have failed in a row, with this one; None if the account is gone."""
    return (await tx.execute(_COUNT_FAILURE, {"account": account_id})).scalar_one_or_none()


async def forget_failures(tx: Tx, account_id: UUID) -> None:
    """After a right password; one that was disabled meanwhile stays so."""
    await tx.execute(_FORGET_FAILURES, {"account": account_id})


async def rename(tx: Tx, account_id: UUID, name: str) -> None:
    await tx.execute(_CHANGE, {"account": account_id, "name": name})


async def await_address(tx: Tx, account_id: UUID, address: str | None) -> None:
    """The address that is to replace the account's once it is proven; None: no longer any."""
    await tx.execute(_CHANGE, {"account": account_id, "pending_address": address})


async def mark_verified(tx: Tx, account_id: UUID, now: datetime) -> None:
    await tx.execute(_CHANGE, {"account": account_id, "email_verified_at": now})


async def swap_address(tx: Tx, account_id: UUID, address: str) -> bool:
    """Let another address replace the account's; False if another account has it, also one made at the same time."""
    values = {"account": account_id, "address": address, "pending_address": None}
    try:
        async with tx.begin_nested():
            await tx.execute(_CHANGE, values)
    except IntegrityError:
        return False
    return True


async def reset_password(tx: Tx, account_id: UUID, password_hash: str) -> None:
    """A new password by a mailed code. Nothing that others have begun outlives it."""
    values = {"password_hash": password_hash, "failed_attempts": 0, "pending_address": None}
    await tx.execute(_CHANGE, {"account": account_id, **values})


async def set_disabled(tx: Tx, account_id: UUID, at: datetime | None) -> None:
    """From `at` on the account is disabled; with None it is no longer."""
    await tx.execute(_CHANGE, {"account": account_id, "disabled_at": at})


async def remove(tx: Tx, account_id: UUID) -> None:
    """With it go its sessions, tokens and codes."""
    await tx.execute(_REMOVE, {"account": account_id})
