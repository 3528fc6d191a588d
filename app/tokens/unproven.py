"""Tokens from before the account's address was proven: whoever made them may have been anybody."""

from datetime import datetime
from uuid import UUID

from app.core.db import Tx
from app.tokens import store


async def expire_unproven(tx: Tx, account_id: UUID, proven_at: datetime | None, now: datetime) -> list[str]:
    """End the tokens that were made before the address was proven, all if it never was; the names of those that stay.

    The account's row must be held.
    """
    await store.expire_all(tx, account_id, now, made_until=proven_at)
    return await store.live_names(tx, account_id, now)
