"""Room for one more live token: a free name, and the quota.

"Live" depends on the time, so no unique index can say either; the callers hold the account's row instead.
"""

from datetime import datetime
from uuid import UUID

from app.core.db import Tx
from app.tokens import store
from app.tokens.errors import NameTaken, QuotaReached
from app.tokens.token import Token


async def require_free_name(tx: Tx, token: Token, now: datetime) -> None:
    if await store.name_is_taken(tx, token, now):
        raise NameTaken


async def require_room(tx: Tx, account_id: UUID, quota: int, now: datetime) -> None:
    if await store.count_live(tx, account_id, now) >= quota:
        raise QuotaReached(quota)
