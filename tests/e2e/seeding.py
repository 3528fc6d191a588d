"""More tokens than anybody makes by calls, written straight into the database of a started server."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlmodel import insert

from app.accounts import store
from app.core import secrets
from app.core.db import Database, Tx
from app.tokens import format as value_format
from app.tokens.models import TokenRow
from app.tokens.token import Token


def seed_account(database_url: str, email: str) -> UUID:
    """An account that nobody can sign in to. No password is hashed, whose memory would count as the server's."""
    now = datetime.now(UTC)
    account_id = secrets.new_id(now)
    account = {"id": account_id, "address": email, "name": "seeded", "password_hash": "none", "created_at": now}
    _write(database_url, lambda tx: store.accounts.add(tx, **account))
    return account_id


def seed_tokens(database_url: str, account_id: UUID, count: int) -> str:
    """Give the account live tokens named token-0 and so on, the oldest first, and answer the value of the newest."""
    now, value = datetime.now(UTC), value_format.new_value("gp_")
    tokens = [_token(account_id, number, now - timedelta(seconds=count - number)) for number in range(count)]
    rows = [asdict(token) for token in tokens]
    rows[-1] |= {"value_digest": secrets.digest(value), "value_hint": value_format.hint(value)}
    _write(database_url, lambda tx: tx.execute(insert(TokenRow), rows))
    return value


def _write(database_url: str, change: Callable[[Tx], Awaitable[object]]) -> None:
    async def written() -> None:
        db = Database(database_url)
        try:
            async with db.write() as tx:
                await change(tx)
        finally:
            await db.close()

    asyncio.run(written())


def _token(account_id: UUID, number: int, created_at: datetime) -> Token:
    return Token(
        id=secrets.new_id(created_at),
        account_id=account_id,
        name=f"token-{number}",
        scopes=(),
        value_digest=None,
        value_hint="gp_seed0",
        created_at=created_at,
        expires_at=created_at + timedelta(days=90),
        last_used_at=None,
        regenerated_at=None,
    )
