"""What a caller, and other domains, may do to an account inside a transaction of theirs."""

from collections.abc import Collection
from uuid import UUID

from app.accounts import store
from app.accounts.models import Account
from app.core.caller import Caller
from app.core.db import Database, Tx
from app.core.errors import BadCredential


async def own_account(db: Database, caller: Caller) -> Account:
    """The caller's account as it is now; nothing keeps it so. Raises BadCredential if it was deleted since the guard
    let the caller in."""
    row = await db.point(store.accounts.BY_ID, id=caller.account_id)
    if row is None:
        raise BadCredential
    return Account(*row)


async def lock(tx: Tx, account_id: UUID) -> Account | None:
    """The account, its row held until the transaction ends, so that two that count what it owns take turns."""
    return await store.accounts.by_id(tx, account_id, lock=True)


async def addresses(tx: Tx, account_ids: Collection[UUID]) -> dict[UUID, str]:
    """Where to mail the owners; disabled accounts are left out."""
    return await store.accounts.addresses(tx, account_ids)


async def hold(tx: Tx, caller: Caller) -> Account:
    """The caller's account, locked, if it and the session that was presented are still there.

    Raises BadCredential if either has ended, or the account was disabled, since the guard let the caller in: a client
    may take its time over the body, and what it did then would outlive the revocation.
    """
    account = await lock(tx, caller.account_id)
    if account is None or account.disabled_at is not None:
        raise BadCredential
    if caller.session_id is not None and not await store.sessions.exists(tx, caller.session_id):
        raise BadCredential
    return account


async def end_sessions_of_token(tx: Tx, token_id: UUID) -> int:
    """Sessions made from a token die in the transaction in which the token does; how many."""
    return await store.sessions.end_all_of_token(tx, token_id)
