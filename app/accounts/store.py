"""All SQL about accounts, sessions, codes and the audit trail. Each function takes the transaction it works in."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, delete, select, update
from sqlmodel import col, insert

from app.accounts.models import (
    Account,
    AccountRow,
    SecurityEventRow,
    Session,
    SessionRow,
    VerificationRow,
)
from app.core.db import PointRead, Tx, columns, insert_new

_ACCOUNT = columns(AccountRow, Account)
_SESSION = columns(SessionRow, Session)

SESSION_BY_ID = PointRead(select(*_SESSION).where(col(SessionRow.id) == bindparam("id")))


async def add_account(tx: Tx, **values: Any) -> bool:
    """False if the address is taken, also by a transaction that ran at the same time."""
    return await insert_new(tx, AccountRow, values, unique="address")


async def account_by_address(tx: Tx, address: str) -> Account | None:
    row = (await tx.execute(select(*_ACCOUNT).where(col(AccountRow.address) == address))).one_or_none()
    return None if row is None else Account(*row)


async def account_by_id(tx: Tx, account_id: UUID, *, lock: bool = False) -> Account | None:
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


async def add_session(tx: Tx, **values: Any) -> None:
    await tx.execute(insert(SessionRow).values(**values))


async def session_by_id(tx: Tx, session_id: UUID) -> Session | None:
    """The session, with its row held until the transaction ends: two refreshes of it take turns."""
    query = select(*_SESSION).where(col(SessionRow.id) == session_id).with_for_update()
    row = (await tx.execute(query)).one_or_none()
    return None if row is None else Session(*row)


async def change_session(tx: Tx, session_id: UUID, **values: Any) -> None:
    await tx.execute(update(SessionRow).where(col(SessionRow.id) == session_id).values(**values))


async def mark_current_seen(tx: Tx, session_id: UUID, secret_digest: bytes, now: datetime) -> None:
    """The first return of a new secret; only the first counts, and only for the secret it was."""
    await tx.execute(
        update(SessionRow)
        .where(
            col(SessionRow.id) == session_id,
            col(SessionRow.secret_digest) == secret_digest,
            col(SessionRow.current_seen_at).is_(None),
        )
        .values(current_seen_at=now)
    )


async def touch_sessions(tx: Tx, seen: Sequence[tuple[UUID, datetime]]) -> None:
    """Note when sessions were last used; a refresh or another process may have noted a later time, which stays."""
    statement = update(SessionRow).where(
        col(SessionRow.id) == bindparam("seen_id"), col(SessionRow.last_seen_at) < bindparam("seen_at")
    )
    await tx.execute(
        statement.values(last_seen_at=bindparam("seen_at")), [{"seen_id": id_, "seen_at": at} for id_, at in seen]
    )


async def end_session(tx: Tx, session_id: UUID) -> bool:
    """False if it had ended already."""
    return (await tx.execute(delete(SessionRow).where(col(SessionRow.id) == session_id))).rowcount == 1


async def end_sessions_of_account(tx: Tx, account_id: UUID) -> None:
    await tx.execute(delete(SessionRow).where(col(SessionRow.account_id) == account_id))


async def end_sessions_of_token(tx: Tx, token_id: UUID) -> None:
    await tx.execute(delete(SessionRow).where(col(SessionRow.token_id) == token_id))


async def make_room_for_session(tx: Tx, account_id: UUID, token_id: UUID | None, quota: int, now: datetime) -> None:
    """Of one account's interactive sessions, or of one token's, end the dead and the oldest: with one more there are
    at most `quota`.

    Called before the new one is there, which must stay even if a clock that was set back makes it look like the oldest.
    """
    same_kind = (col(SessionRow.account_id) == account_id, col(SessionRow.token_id).is_not_distinct_from(token_id))
    kept = (
        select(col(SessionRow.id))
        .where(*same_kind, col(SessionRow.idle_ends_at) > now)
        .order_by(col(SessionRow.created_at).desc(), col(SessionRow.id).desc())
        .limit(quota - 1)
    )
    await tx.execute(delete(SessionRow).where(*same_kind, col(SessionRow.id).not_in(kept)))


async def add_verification(tx: Tx, **values: Any) -> None:
    await tx.execute(insert(VerificationRow).values(**values))


async def latest_verification(tx: Tx, account_id: UUID, purpose: str) -> datetime | None:
    query = (
        select(col(VerificationRow.created_at))
        .where(col(VerificationRow.account_id) == account_id, col(VerificationRow.purpose) == purpose)
        .order_by(col(VerificationRow.created_at).desc())
        .limit(1)
    )
    return (await tx.execute(query)).scalar_one_or_none()


async def end_oldest_verifications(tx: Tx, account_id: UUID, purpose: str, keep: int) -> None:
    """Of the codes for one purpose only the newest `keep` stay good (ASVS 6.6.2)."""
    same_kind = (col(VerificationRow.account_id) == account_id, col(VerificationRow.purpose) == purpose)
    newest = (
        select(col(VerificationRow.id))
        .where(*same_kind)
        .order_by(col(VerificationRow.created_at).desc(), col(VerificationRow.id).desc())
        .limit(keep)
    )
    await tx.execute(delete(VerificationRow).where(*same_kind, col(VerificationRow.id).not_in(newest)))


async def add_security_event(tx: Tx, **values: Any) -> None:
    await tx.execute(insert(SecurityEventRow).values(**values))


async def signed_up_from(tx: Tx, account_id: UUID) -> str | None:
    """The address of the client that signed the account up, as long as the trail goes back that far."""
    query = select(col(SecurityEventRow.ip_address)).where(
        col(SecurityEventRow.account_id) == account_id, col(SecurityEventRow.kind) == "signed_up"
    )
    return (await tx.execute(query.limit(1))).scalar_one_or_none()
