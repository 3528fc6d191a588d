"""What an operator does to an account by its address: disable and enable it, and end its sessions.

Each is in the account's own audit trail, with the command in place of the client's user agent.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.accounts import events, store
from app.accounts.addresses import normalized_or_as_typed
from app.accounts.models import Account
from app.core.caller import Client
from app.core.clock import Clock
from app.core.db import Database, Tx
from app.core.errors import NotFound
from app.mail.outbox import Outbox

ExpireTokens = Callable[[Tx, UUID, datetime], Awaitable[int]]
"""Expires all tokens of the account for good, and tells how many that changed. Tokens belong to a domain that builds on
this one, so `domains` passes the function in."""


@dataclass(frozen=True, slots=True)
class Operated:
    account_id: UUID
    changed: bool
    """False if it was so already."""
    sessions: int = 0
    """Sessions that ended."""
    tokens: int = 0
    """Tokens that ended."""


@dataclass(frozen=True, slots=True)
class DisableAccount:
    """Shut the account, with all that lets somebody into it: it stays dead when the account is enabled again."""

    db: Database
    clock: Clock
    outbox: Outbox
    expire_tokens: ExpireTokens

    async def __call__(self, email: str) -> Operated:
        """Raises NotFound."""
        async with self.db.write() as tx:
            account = await _held(tx, email)
            now = self.clock.now()
            if account.disabled_at is not None:
                return Operated(account.id, changed=False)
            await store.accounts.set_disabled(tx, account.id, now)
            sessions = await store.sessions.end_all_of_account(tx, account.id)
            tokens = await self.expire_tokens(tx, account.id, now)
            await store.codes.end_all(tx, account.id)
            await self.outbox.drop_unsent(tx, account.id)
            await events.record(tx, account.id, "account_disabled", _by("gatepost account disable"), now)
        return Operated(account.id, changed=True, sessions=sessions, tokens=tokens)


@dataclass(frozen=True, slots=True)
class EnableAccount:
    """Let the owner sign in again."""

    db: Database
    clock: Clock

    async def __call__(self, email: str) -> Operated:
        """Raises NotFound."""
        async with self.db.write() as tx:
            account = await _held(tx, email)
            if account.disabled_at is None:
                return Operated(account.id, changed=False)
            await store.accounts.set_disabled(tx, account.id, None)
            by = _by("gatepost account enable")
            await events.record(tx, account.id, "account_enabled", by, self.clock.now())
        return Operated(account.id, changed=True)


@dataclass(frozen=True, slots=True)
class EndSessions:
    """End all sessions of the account, those made from tokens too; tokens stay (ASVS 7.4.5)."""

    db: Database
    clock: Clock

    async def __call__(self, email: str) -> Operated:
        """Raises NotFound."""
        async with self.db.write() as tx:
            account = await _held(tx, email)
            ended = await store.sessions.end_all_of_account(tx, account.id)
            if ended:
                by = _by("gatepost account end-sessions")
                await events.record(tx, account.id, "session_revoked", by, self.clock.now())
        return Operated(account.id, changed=ended > 0, sessions=ended)


async def _held(tx: Tx, email: str) -> Account:
    account = await store.accounts.by_address(tx, normalized_or_as_typed(email), lock=True)
    if account is None:
        raise NotFound("There is no account with this address.")
    return account


def _by(command: str) -> Client:
    return Client(ip="", user_agent=command)
