"""All SQL about tokens. Each function takes the transaction it works in."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, bindparam, case, func, literal, or_, select, update
from sqlmodel import UTCDateTime, col, insert

from app.core.db import Tx, columns
from app.core.listing import Position, newest_first
from app.core.points import PointRead
from app.core.purge import delete_older
from app.tokens.models import TokenRow
from app.tokens.token import Token

KEEP_DEAD = timedelta(days=90)
"""How long a token that ended stays listed (semantics.md, "tokens.v1.TokensService")."""


@dataclass(frozen=True, slots=True)
class Ending:
    """What a warning says of a token."""

    account_id: UUID
    name: str
    expires_at: datetime


_TOKEN = columns(TokenRow, Token)

TOKEN_BY_DIGEST = PointRead(select(*_TOKEN).where(col(TokenRow.value_digest) == bindparam("digest")))
TOKEN_BY_ID = PointRead(select(*_TOKEN).where(col(TokenRow.id) == bindparam("id")))
TOKEN_OF_ACCOUNT = PointRead(TOKEN_BY_ID.statement.where(col(TokenRow.account_id) == bindparam("account_id")))

_ADD = insert(TokenRow)
_LIVE = (col(TokenRow.account_id) == bindparam("account_id"), col(TokenRow.expires_at) > bindparam("now"))
_NAMESAKE = (
    select(col(TokenRow.id))
    .where(*_LIVE, col(TokenRow.name) == bindparam("name"), col(TokenRow.id) != bindparam("id"))
    .limit(1)
)
_COUNT_LIVE = select(func.count()).where(*_LIVE)
_CHANGE = update(TokenRow).where(col(TokenRow.id) == bindparam("token"))
"""Sets what columns it is given."""
_SWAP_VALUE = _CHANGE.where(
    col(TokenRow.value_digest).is_not_distinct_from(bindparam("seen_digest")),
    col(TokenRow.expires_at) > bindparam("now"),
)


async def add(tx: Tx, token: Token) -> None:
    await tx.execute(_ADD, {**asdict(token), "warned_days": token.needless_warning(token.created_at)})


async def find(tx: Tx, account_id: UUID, token_id: UUID) -> Token | None:
    """None for another account's token as for none."""
    row = (await tx.execute(TOKEN_OF_ACCOUNT.statement, {"id": token_id, "account_id": account_id})).one_or_none()
    return None if row is None else Token(*row)


async def owner_of(tx: Tx, token_id: UUID) -> UUID | None:
    """The account that the token belongs to."""
    return (await tx.execute(select(col(TokenRow.account_id)).where(col(TokenRow.id) == token_id))).scalar_one_or_none()


async def newest(tx: Tx, account_id: UUID, after: Position | None, limit: int) -> list[Token]:
    """Up to `limit` tokens in listing order, from the one that follows `after` on."""
    query = select(*_TOKEN).where(col(TokenRow.account_id) == account_id)
    query = newest_first(query, TokenRow.created_at, TokenRow.id, after, limit)
    return [Token(*row) for row in await tx.execute(query)]


async def live_ends(tx: Tx, token_ids: Collection[UUID], now: datetime) -> Mapping[UUID, datetime]:
    """The ends of those that are live and have a value."""
    query = select(col(TokenRow.id), col(TokenRow.expires_at)).where(
        col(TokenRow.id).in_(token_ids), col(TokenRow.expires_at) > now, col(TokenRow.value_digest).is_not(None)
    )
    return {token_id: expires_at for token_id, expires_at in await tx.execute(query)}


async def name_is_taken(tx: Tx, token: Token, now: datetime) -> bool:
    """Whether another live token of the same account is called like `token`."""
    values = {"account_id": token.account_id, "now": now, "name": token.name, "id": token.id}
    return (await tx.execute(_NAMESAKE, values)).first() is not None


async def count_live(tx: Tx, account_id: UUID, now: datetime) -> int:
    return (await tx.execute(_COUNT_LIVE, {"account_id": account_id, "now": now})).scalar_one()


async def change(tx: Tx, token: Token) -> bool:
    """Store what UpdateToken and ForceTokenExpiration change; the account's row must be held since it was read.

    False if the token is gone: a purge holds no account.
    """
    values = {
        "token": token.id,
        "name": token.name,
        "scopes": token.scopes,
        "expires_at": token.expires_at,
        "value_digest": token.value_digest,
        "value_hint": token.value_hint,
    }
    return (await tx.execute(_CHANGE, values)).rowcount == 1


async def judge_warnings_anew(tx: Tx, token: Token, now: datetime) -> None:
    """The token's end was moved now; what was told of the old one is forgotten."""
    await tx.execute(_CHANGE, {"token": token.id, "warned_days": token.needless_warning(now)})


async def due_for_warning(tx: Tx, now: datetime, days: int, limit: int) -> list[UUID]:
    """Up to `limit` tokens that end within `days` without a word, the nearest end first."""
    query = select(col(TokenRow.id)).where(*_unwarned(now, days)).order_by(col(TokenRow.expires_at)).limit(limit)
    return list((await tx.execute(query)).scalars())


async def mark_warned(tx: Tx, token_ids: Sequence[UUID], now: datetime, days: int) -> list[Ending]:
    """Of these tokens, those that this transaction is to warn of; another process may have been faster with some."""
    held = select(col(TokenRow.id)).where(col(TokenRow.id).in_(token_ids), *_unwarned(now, days))
    statement = (
        update(TokenRow)
        .where(col(TokenRow.id).in_(held.with_for_update(skip_locked=True)))
        .values(warned_days=days)
        .returning(*columns(TokenRow, Ending))
    )
    return [Ending(*row) for row in await tx.execute(statement)]


def _unwarned(now: datetime, days: int) -> list[ColumnElement[bool]]:
    warned_days = col(TokenRow.warned_days)
    return [
        col(TokenRow.expires_at) > now,
        col(TokenRow.expires_at) <= now + timedelta(days=days),
        col(TokenRow.value_digest).is_not(None),
        or_(warned_days.is_(None), warned_days > days),
    ]


async def swap_value(tx: Tx, seen: Token, value_digest: bytes, value_hint: str, now: datetime) -> bool:
    """Give the token another value, only if it still has the one that was seen and its end has not passed."""
    found = {"token": seen.id, "seen_digest": seen.value_digest, "now": now}
    values = {"value_digest": value_digest, "value_hint": value_hint, "regenerated_at": now}
    return (await tx.execute(_SWAP_VALUE, {**found, **values})).rowcount == 1


async def expire_all(tx: Tx, account_id: UUID, now: datetime, *, made_until: datetime | None = None) -> int:
    """End all tokens of the account that are live, and wipe all values; how many tokens that changed.

    With `made_until` only those that were made until then.
    """
    expires_at, value_digest = col(TokenRow.expires_at), col(TokenRow.value_digest)
    statement = update(TokenRow).where(
        col(TokenRow.account_id) == account_id, or_(expires_at > now, value_digest.is_not(None))
    )
    if made_until is not None:
        statement = statement.where(col(TokenRow.created_at) <= made_until)
    sooner = case((expires_at > now, literal(now, UTCDateTime())), else_=expires_at)
    return (await tx.execute(statement.values(expires_at=sooner, value_digest=None))).rowcount


async def live_names(tx: Tx, account_id: UUID, now: datetime) -> list[str]:
    """Oldest first."""
    query = select(col(TokenRow.name)).where(col(TokenRow.account_id) == account_id, col(TokenRow.expires_at) > now)
    return list((await tx.execute(query.order_by(col(TokenRow.created_at), col(TokenRow.id)))).scalars())


async def touch(tx: Tx, used: Sequence[UUID], at: datetime) -> None:
    """Note that tokens were last used then; another process may have noted a later time, which stays.

    A row that somebody holds is passed over: two that take many rows in different order would wait for each other.
    """
    last_used_at = col(TokenRow.last_used_at)
    earlier = select(col(TokenRow.id)).where(col(TokenRow.id).in_(used), or_(last_used_at.is_(None), last_used_at < at))
    free = earlier.with_for_update(skip_locked=True, key_share=True)
    await tx.execute(update(TokenRow).where(col(TokenRow.id).in_(free)).values(last_used_at=at))


async def purge(tx: Tx, before: datetime, limit: int) -> int:
    """Delete some that ended before then, by time or by force."""
    return await delete_older(tx, TokenRow, TokenRow.expires_at, before, limit)
