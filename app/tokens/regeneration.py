"""RegenerateToken."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.accounts.owner import end_sessions_of_token
from app.core import secrets
from app.core.caller import Caller
from app.core.clock import Clock
from app.core.db import Database, Tx
from app.core.errors import LostRace
from app.tokens import format, store
from app.tokens.authority import lock_account, present, require_recent, require_regenerator, within_reach
from app.tokens.errors import TokenExpired
from app.tokens.token import Token
from app.tokens.trail import note
from app.tokens.vacancy import require_verified_email


@dataclass(frozen=True, slots=True)
class RegenerateToken:
    """Replace a token's value; the old one and the sessions made with it die in the same transaction."""

    db: Database
    clock: Clock
    prefix: str
    requires_verified_email: bool

    async def __call__(self, caller: Caller, token_id: UUID) -> str:
        """The new value. Raises CannotManage, SignInNotRecent, NotFound, TokenExpired, LostRace, EmailNotVerified.

        The token is read before the account is held, on purpose: of two calls that saw the same value one loses, where
        both would succeed one after the other and the first caller would hold a value that is dead already.
        """
        require_regenerator(caller, token_id)
        async with self.db.read() as tx:
            found = await store.find(tx, caller.account_id, token_id)
            seen = await _allowed(tx, caller, found, self.clock.now())
        if not seen.live_at(self.clock.now()):
            raise TokenExpired
        value = format.new_value(self.prefix)
        async with self.db.write() as tx:
            account = await lock_account(tx, caller)
            now = self.clock.now()
            token = await store.find(tx, caller.account_id, token_id)
            if token is None or token.value_digest != seen.value_digest:
                raise LostRace  # not what `_allowed` would say of a token that lost to itself
            await _allowed(tx, caller, token, now)  # its scopes, too, may be others by now
            if self.requires_verified_email:
                require_verified_email(account)
            if not await store.swap_value(tx, seen, secrets.digest(value), format.hint(value), now):
                raise LostRace
            await end_sessions_of_token(tx, token_id)
            await note(tx, caller, "token_regenerated", token, now)
        return value


async def _allowed(tx: Tx, caller: Caller, token: Token | None, now: datetime) -> Token:
    """The token, if the caller may regenerate it: itself only by Bearer, since a session made from a token would hand
    out more than it came from."""
    caller = await present(tx, caller, now)
    if token is not None and caller.bearer and caller.token_id == token.id:
        return token
    token = within_reach(caller, token)
    require_recent(caller, token, now)
    return token
