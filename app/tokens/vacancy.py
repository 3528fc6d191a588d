"""Whether an account may have one more live token: a confirmed address, a free name, and the quota.

"Live" depends on the time, so no unique index can say the latter two; the callers hold the account's row instead.
"""

from datetime import datetime
from uuid import UUID

from app.accounts.errors import EmailNotVerified
from app.accounts.models import Account
from app.core.db import Tx
from app.tokens import store
from app.tokens.errors import NameTaken, QuotaReached
from app.tokens.token import Token


def require_verified_email(account: Account) -> None:
    """Where TOKENS_REQUIRE_VERIFIED_EMAIL says so, for what hands out a value, or leads to one."""
    if account.email_verified_at is None:
        raise EmailNotVerified


async def require_free_name(tx: Tx, token: Token, now: datetime) -> None:
    if await store.name_is_taken(tx, token, now):
        raise NameTaken


async def require_room(tx: Tx, account_id: UUID, quota: int, now: datetime) -> None:
    if await store.count_live(tx, account_id, now) >= quota:
        raise QuotaReached(quota)
