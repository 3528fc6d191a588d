"""CreateToken."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from app.core import secrets
from app.core.caller import Caller
from app.core.clock import Clock
from app.core.db import Database
from app.mail.outbox import Mail, Outbox
from app.tokens import format, store
from app.tokens.authority import lock_account, own_token, present, require_manager, require_recent, within_reach
from app.tokens.lifetime import Lifetime
from app.tokens.names import clean_name
from app.tokens.token import Token
from app.tokens.trail import note
from app.tokens.vacancy import require_free_name, require_room, require_verified_email


@dataclass(frozen=True, slots=True)
class CreatedToken:
    token: Token
    value: str = field(repr=False)
    """Told to the caller and then forgotten; a traceback must not show it either."""


@dataclass(frozen=True, slots=True)
class CreateToken:
    """Make a token for the caller's account, and tell the owner by mail."""

    db: Database
    clock: Clock
    outbox: Outbox
    lifetime: Lifetime
    quota: int
    prefix: str
    requires_verified_email: bool

    async def __call__(
        self, caller: Caller, name: str, expires_at: datetime | None, scopes: Sequence[str]
    ) -> CreatedToken:
        """Raises CannotManage, SignInNotRecent, InvalidField, EmailNotVerified, NameTaken, QuotaReached."""
        require_manager(caller)
        name, granted = clean_name(name), tuple(scopes)
        value = format.new_value(self.prefix)
        async with self.db.write() as tx:
            account = await lock_account(tx, caller)
            now = self.clock.now()  # not earlier: what counts as live is judged while the account is held
            caller = await present(tx, caller, now)
            token = _new_token(account.id, name, granted, value, now, self.lifetime.end(expires_at, now))
            within_reach(caller, token)
            require_recent(caller, token, now)
            if self.requires_verified_email:
                require_verified_email(account)
            await require_free_name(tx, token, now)
            await require_room(tx, account.id, self.quota, now)
            await store.add(tx, token)
            await note(tx, caller, "token_created", token, now)
            told = {"name": name, "ip": caller.client.ip}
            if not caller.interactive:
                told["by"] = (await own_token(tx, caller, now)).name
            await self.outbox.queue(tx, Mail("token_created", account.address, told, account.id))
        return CreatedToken(token, value)


def _new_token(
    account_id: UUID, name: str, scopes: tuple[str, ...], value: str, now: datetime, expires_at: datetime
) -> Token:
    return Token(
        id=secrets.new_id(now),
        account_id=account_id,
        name=name,
        scopes=scopes,
        value_digest=secrets.digest(value),
        value_hint=format.hint(value),
        created_at=now,
        expires_at=expires_at,
        last_used_at=None,
        regenerated_at=None,
    )
