"""RegenerateToken."""

from dataclasses import dataclass
from uuid import UUID

from app.accounts.events import record
from app.accounts.owner import end_sessions_of_token
from app.core import secrets
from app.core.caller import Caller
from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import LostRace, NotFound
from app.tokens import format, store
from app.tokens.authority import lock_account, require_current, require_regenerator
from app.tokens.errors import TokenExpired


@dataclass(frozen=True, slots=True)
class RegenerateToken:
    """Replace a token's value; the old one and the sessions made with it die in the same transaction."""

    db: Database
    clock: Clock
    prefix: str

    async def __call__(self, caller: Caller, token_id: UUID) -> str:
        """The new value. Raises NotForTokens, NotFound, BadCredential, TokenExpired, LostRace.

        The token is read before the account is held, on purpose: of two calls that saw the same value one loses, where
        both would succeed one after the other and the first caller would hold a value that is dead already.
        """
        require_regenerator(caller, token_id)
        async with self.db.read() as tx:
            seen = await store.find(tx, caller.account_id, token_id)
        if seen is None:
            raise NotFound
        require_current(caller, seen)
        if not seen.live_at(self.clock.now()):
            raise TokenExpired
        value = format.new_value(self.prefix)
        async with self.db.write() as tx:
            await lock_account(tx, caller)
            now = self.clock.now()
            if not await store.swap_value(tx, seen, secrets.digest(value), format.hint(value), now):
                raise LostRace
            await end_sessions_of_token(tx, token_id)
            await record(
                tx,
                seen.account_id,
                "token_regenerated",
                caller.client,
                now,
                session_id=caller.session_id,
                token_id=token_id,
            )
        return value
