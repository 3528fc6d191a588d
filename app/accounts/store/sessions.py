"""All SQL about sessions. Each function takes the transaction it works in."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Delete, bindparam, delete, func, select, update
from sqlmodel import col, insert

from app.accounts.models import ListedSession, Session, SessionRow
from app.core.db import Tx, columns
from app.core.listing import Position, newest_first
from app.core.points import PointRead
from app.core.purge import delete_older

_SESSION = columns(SessionRow, Session)
_LISTED = columns(SessionRow, ListedSession)

BY_ID = PointRead(select(*_SESSION).where(col(SessionRow.id) == bindparam("id")))
_ADD = insert(SessionRow)
_HELD_BY_ID = BY_ID.statement.with_for_update()
_EXISTS = select(col(SessionRow.id)).where(col(SessionRow.id) == bindparam("id"))
_CHANGE = update(SessionRow).where(col(SessionRow.id) == bindparam("session"))
"""Sets what columns it is given."""
_MARK_CURRENT_SEEN = _CHANGE.where(
    col(SessionRow.secret_digest) == bindparam("seen_digest"), col(SessionRow.current_seen_at).is_(None)
)
_END = delete(SessionRow).where(col(SessionRow.id) == bindparam("id"))
_END_ALL_OF_ACCOUNT = delete(SessionRow).where(col(SessionRow.account_id) == bindparam("account_id"))
_END_OTHERS_OF_ACCOUNT = _END_ALL_OF_ACCOUNT.where(col(SessionRow.id) != bindparam("but"))
_END_ALL_OF_TOKEN = delete(SessionRow).where(col(SessionRow.token_id) == bindparam("token_id"))


def _make_room(*same_kind: ColumnElement[bool]) -> Delete:
    kept = (
        select(col(SessionRow.id))
        .where(*same_kind, col(SessionRow.idle_ends_at) > bindparam("now"))
        .order_by(col(SessionRow.created_at).desc(), col(SessionRow.id).desc())
        .limit(bindparam("kept"))
    )
    return delete(SessionRow).where(*same_kind, col(SessionRow.id).not_in(kept))


# Two, since NULL as a value would have SQLite look through the interactive sessions of all accounts.
_MAKE_ROOM_FOR_INTERACTIVE = _make_room(
    col(SessionRow.account_id) == bindparam("account_id"), col(SessionRow.token_id).is_(None)
)
_MAKE_ROOM_FOR_TOKENS = _make_room(col(SessionRow.token_id) == bindparam("token_id"))


async def add(tx: Tx, **values: Any) -> None:
    await tx.execute(_ADD, values)


async def by_id(tx: Tx, session_id: UUID) -> Session | None:
    """The session, with its row held until the transaction ends: two refreshes of it take turns."""
    row = (await tx.execute(_HELD_BY_ID, {"id": session_id})).one_or_none()
    return None if row is None else Session(*row)


async def newest(tx: Tx, account_id: UUID, now: datetime, after: Position | None, limit: int) -> list[ListedSession]:
    """Up to `limit` sessions that have not ended by time, in listing order, from the one that follows `after` on."""
    query = select(*_LISTED).where(col(SessionRow.account_id) == account_id, col(SessionRow.idle_ends_at) > now)
    query = newest_first(query, SessionRow.created_at, SessionRow.id, after, limit)
    return [ListedSession(*row) for row in await tx.execute(query)]


async def exists(tx: Tx, session_id: UUID) -> bool:
    """Without holding its row, for those that hold the account's: SignIn takes the two the other way round."""
    return (await tx.execute(_EXISTS, {"id": session_id})).first() is not None


async def change(tx: Tx, session_id: UUID, **values: Any) -> None:
    await tx.execute(_CHANGE, {"session": session_id, **values})


async def mark_current_seen(tx: Tx, session_id: UUID, secret_digest: bytes, now: datetime) -> None:
    """The first return of a new secret; only the first counts, and only for the secret it was."""
    values = {"session": session_id, "seen_digest": secret_digest, "current_seen_at": now}
    await tx.execute(_MARK_CURRENT_SEEN, values)


async def touch(tx: Tx, seen: Sequence[UUID], at: datetime) -> None:
    """Note that sessions were last used then; a refresh or another process may have noted a later time, which stays.

    A row that somebody holds is passed over: two that take many rows in different order would wait for each other.
    """
    earlier = select(col(SessionRow.id)).where(col(SessionRow.id).in_(seen), col(SessionRow.last_seen_at) < at)
    free = earlier.with_for_update(skip_locked=True, key_share=True)
    await tx.execute(update(SessionRow).where(col(SessionRow.id).in_(free)).values(last_seen_at=at))


async def end(tx: Tx, session_id: UUID) -> bool:
    """False if it had ended already."""
    return (await tx.execute(_END, {"id": session_id})).rowcount == 1


async def end_all_of_account(tx: Tx, account_id: UUID, *, but: UUID | None = None) -> int:
    """How many ended; `but` may stay. The account's row must be held: two that end many in different order would
    otherwise wait for each other."""
    if but is None:
        return (await tx.execute(_END_ALL_OF_ACCOUNT, {"account_id": account_id})).rowcount
    return (await tx.execute(_END_OTHERS_OF_ACCOUNT, {"account_id": account_id, "but": but})).rowcount


async def end_all_of_token(tx: Tx, token_id: UUID) -> int:
    """How many ended."""
    return (await tx.execute(_END_ALL_OF_TOKEN, {"token_id": token_id})).rowcount


async def count_live(tx: Tx, account_id: UUID, now: datetime) -> int:
    query = select(func.count()).where(col(SessionRow.account_id) == account_id, col(SessionRow.idle_ends_at) > now)
    return (await tx.execute(query)).scalar_one()


async def make_room(tx: Tx, account_id: UUID, token_id: UUID | None, quota: int, now: datetime) -> None:
    """Of one account's interactive sessions, or of one token's, end the dead and the oldest: with one more there are
    at most `quota`.

    Called before the new one is there, which must stay even if a clock that was set back makes it look like the oldest.
    """
    if token_id is None:
        await tx.execute(_MAKE_ROOM_FOR_INTERACTIVE, {"account_id": account_id, "now": now, "kept": quota - 1})
    else:
        await tx.execute(_MAKE_ROOM_FOR_TOKENS, {"token_id": token_id, "now": now, "kept": quota - 1})


async def purge(tx: Tx, before: datetime, limit: int) -> int:
    """Delete some whose idle end, never later than the absolute one, was before then."""
    return await delete_older(tx, SessionRow, SessionRow.idle_ends_at, before, limit)
