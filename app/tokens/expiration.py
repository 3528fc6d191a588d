"""ForceTokenExpiration."""

from dataclasses import dataclass
from uuid import UUID

from app.accounts.owner import end_sessions_of_token
from app.core.caller import Caller
from app.core.clock import Clock
from app.core.db import Database
from app.tokens import store
from app.tokens.authority import lock_account, present, require_expirer, within_reach
from app.tokens.trail import note


@dataclass(frozen=True, slots=True)
class ForceTokenExpiration:
    """End a token and the sessions made from it, at once and for good."""

    db: Database
    clock: Clock

    async def __call__(self, caller: Caller, token_id: UUID) -> None:
        """Repeating it changes nothing and succeeds. Raises CannotManage, NotFound."""
        require_expirer(caller, token_id)
        async with self.db.write() as tx:
            await lock_account(tx, caller)
            now = self.clock.now()
            caller = await present(tx, caller, now)
            token = await store.find(tx, caller.account_id, token_id)
            if token is None or token.id != caller.token_id:
                token = within_reach(caller, token)
            expired = token.expired(now)
            if expired == token:
                return
            await store.change(tx, expired)
            await end_sessions_of_token(tx, token_id)
            await note(tx, caller, "token_expired", token, now)
