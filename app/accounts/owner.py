"""What other domains may do to an account inside a transaction of theirs."""

from uuid import UUID

from app.accounts import store
from app.accounts.models import Account
from app.core.db import Tx


async def lock(tx: Tx, account_id: UUID) -> Account | None:
    """The account, its row held until the transaction ends, so that two that count what it owns take turns."""
    return await store.accounts.by_id(tx, account_id, lock=True)


async def end_sessions_of_token(tx: Tx, token_id: UUID) -> None:
    """Sessions made from a token die in the transaction in which the token does."""
    await store.sessions.end_all_of_token(tx, token_id)
