"""What an operator does to a token by its UUID: expire it, whoever's it is."""

from dataclasses import dataclass
from uuid import UUID

from app.accounts import owner
from app.accounts.events import record
from app.core.caller import Client
from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import NotFound
from app.tokens import store


@dataclass(frozen=True, slots=True)
class Operated:
    account_id: UUID
    token_id: UUID
    changed: bool
    """False if it was dead for good already."""
    sessions: int = 0
    """Sessions made from it that ended, those whose time was over among them."""


@dataclass(frozen=True, slots=True)
class ExpireToken:
    """End a token and the sessions made from it, at once and for good, as ForceTokenExpiration does for its owner.

    For a value that was found where it should not be: its owner need not be there. Also of a disabled account.
    """

    db: Database
    clock: Clock

    async def __call__(self, token_id: UUID) -> Operated:
        """Raises NotFound."""
        async with self.db.write() as tx:
            account_id = await store.owner_of(tx, token_id)
            account = None if account_id is None else await owner.lock(tx, account_id)
            # Read after the account is held, as all do who change its tokens.
            token = None if account is None else await store.find(tx, account.id, token_id)
            if token is None:
                raise NotFound("There is no token with this UUID.")
            now = self.clock.now()
            expired = token.expired(now)
            if expired == token:
                return Operated(token.account_id, token_id, changed=False)
            await store.change(tx, expired)
            sessions = await owner.end_sessions_of_token(tx, token_id)
            by = Client(ip="", user_agent="gatepost token expire")
            await record(tx, token.account_id, "token_expired", by, now, token_id=token_id)
        return Operated(token.account_id, token_id, changed=True, sessions=sessions)
