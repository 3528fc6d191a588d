"""All SQL about accounts. Each function takes the transaction it works in."""

from typing import Any
from uuid import UUID

from sqlalchemy import select, update
from sqlmodel import col

from app.accounts.models import Account, AccountRow
from app.core.db import Tx, columns, insert_new

_ACCOUNT = columns(AccountRow, Account)


async def add(tx: Tx, **values: Any) -> bool:
    """False if the address is taken, also by a transaction that ran at the same time."""
    return await insert_new(tx, AccountRow, values, unique="address")


async def by_address(tx: Tx, address: str) -> Account | None:
    row = (await tx.execute(select(*_ACCOUNT).where(col(AccountRow.address) == address))).one_or_none()
    return None if row is None else Account(*row)


async def by_id(tx: Tx, account_id: UUID, *, lock: bool = False) -> Account | None:
    """`lock` holds the row until the transaction ends, so that counts of what belongs to the account stay true."""
    query = select(*_ACCOUNT).where(col(AccountRow.id) == account_id)
    row = (await tx.execute(query.with_for_update() if lock else query)).one_or_none()
    return None if row is None else Account(*row)


async def swap_hash(tx: Tx, seen: Account, password_hash: str) -> bool:
    """Store the hash only if the account is as it was when the password was checked; locks its row."""
    unchanged = (
        col(AccountRow.id) == seen.id,
        col(AccountRow.password_hash) == seen.password_hash,
        col(AccountRow.disabled_at).is_(None),
    )
    return (await tx.execute(update(AccountRow).where(*unchanged).values(password_hash=password_hash))).rowcount == 1
