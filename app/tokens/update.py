"""UpdateToken."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from app.accounts.models import Account
from app.core.caller import Caller
from app.core.clock import Clock
from app.core.db import Database, Tx
from app.core.errors import NotFound
from app.tokens import store
from app.tokens.authority import MANAGE, lock_account, present, require_manager, require_recent, within_reach
from app.tokens.lifetime import Lifetime
from app.tokens.names import clean_name
from app.tokens.token import Token
from app.tokens.trail import note
from app.tokens.vacancy import require_free_name, require_room, require_verified_email


@dataclass(frozen=True, slots=True)
class UpdateToken:
    """Change what is given, leave the rest.

    Moving a dead token's end into the future makes it live without a value. Its old value stays dead: otherwise
    whoever had it would be let in again by an act that does not look like handing out a credential.
    """

    db: Database
    clock: Clock
    lifetime: Lifetime
    quota: int
    requires_verified_email: bool

    async def __call__(
        self, caller: Caller, token_id: UUID, name: str, expires_at: datetime | None, scopes: Sequence[str] | None
    ) -> Token:
        """The token after the change. `name` may be empty, `expires_at` and `scopes` None: these stay as they are.

        Raises CannotManage, SignInNotRecent, InvalidField, NotFound, NameTaken, EmailNotVerified, QuotaReached.
        """
        require_manager(caller)
        wanted_name = clean_name(name) if name else None
        wanted_scopes = None if scopes is None else tuple(scopes)
        async with self.db.write() as tx:
            account = await lock_account(tx, caller)
            now = self.clock.now()  # not earlier: a token that ends while we wait for the lock is a dead one
            caller = await present(tx, caller, now)
            before = within_reach(caller, await store.find(tx, caller.account_id, token_id))
            after = replace(
                before,
                name=wanted_name or before.name,
                expires_at=self.lifetime.end(expires_at, now) if expires_at else before.expires_at,
                scopes=before.scopes if wanted_scopes is None else wanted_scopes,
            )
            within_reach(caller, after)
            if MANAGE not in before.scopes or after.expires_at > before.expires_at:  # granted, or prolonged
                require_recent(caller, after, now)
            if after.live_at(now):
                after = await self._made_live(tx, account, before, after, now)
            if after != before:
                if not await store.change(tx, after):
                    raise NotFound
                if after.expires_at != before.expires_at:
                    await store.judge_warnings_anew(tx, after, now)
                await note(tx, caller, "token_updated", after, now)
        return after

    async def _made_live(self, tx: Tx, account: Account, before: Token, after: Token, now: datetime) -> Token:
        """`after` as it may be stored: what holds among live tokens is checked for whatever changes there."""
        await require_free_name(tx, after, now)
        if before.live_at(now):
            return after
        if self.requires_verified_email:
            require_verified_email(account)
        await require_room(tx, account.id, self.quota, now)
        return replace(after, value_digest=None, value_hint="")
