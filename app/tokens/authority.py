"""Which callers may act on which token (semantics.md, "Scopes of a token").

An interactive session may do everything with its account's tokens, a token something with itself, and one that holds
tokens:manage something with those within its reach. What the guard knew is judged before anything is looked up, since
the answer to a token must not tell which UUIDs exist; and again as it is by then, while the account is held, since a
client may take its time over the body.
"""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from app.accounts import owner
from app.accounts.models import Account
from app.core import secrets
from app.core.caller import Caller, effective_scopes
from app.core.db import Tx
from app.core.errors import BadCredential, NotFound, ScopeMissing
from app.tokens import store
from app.tokens.errors import CannotManage
from app.tokens.token import Bearer, Token

READ, MANAGE = "tokens:read", "tokens:manage"


def require_reader(caller: Caller, token_id: UUID) -> None:
    if caller.token_id != token_id and not caller.has(READ):
        raise ScopeMissing(READ)


def require_manager(caller: Caller) -> None:
    if not caller.has(MANAGE):
        raise CannotManage


def require_expirer(caller: Caller, token_id: UUID) -> None:
    if caller.token_id != token_id:
        require_manager(caller)


def require_regenerator(caller: Caller, token_id: UUID) -> None:
    if not (caller.bearer and caller.token_id == token_id):
        require_manager(caller)


def within_reach(caller: Caller, token: Token | None) -> Token:
    """The token that the caller acts on, if it may manage it: of tokens, those that could not do more than itself.

    None that holds tokens:manage is, the caller's own included. Raises NotFound and CannotManage; without tokens:read
    a caller is told the latter of a token that does not exist as of one beyond its reach.
    """
    if token is None:
        raise NotFound if caller.has(READ) else CannotManage
    scopes = effective_scopes(token.scopes)
    if not caller.interactive and (not caller.has(MANAGE) or MANAGE in scopes or not scopes <= caller.scopes):
        raise CannotManage
    return token


def require_recent(caller: Caller, token: Token, now: datetime) -> None:
    """Whoever finds a session left open must not leave with a token that makes others (ASVS 7.5.3).

    Raises SignInNotRecent.
    """
    if MANAGE in token.scopes:
        caller.require_recent_sign_in(now)


async def lock_account(tx: Tx, caller: Caller) -> Account:
    """The caller's account, held until the transaction ends: all that change its tokens take turns.

    Raises BadCredential if the account or the session ended after the guard had let the caller in; a token made now
    would outlive that.
    """
    return await owner.hold(tx, caller)


async def present(tx: Tx, caller: Caller, now: datetime) -> Caller:
    """The caller with what its token may do by now. Raises BadCredential if that has ended since.

    Otherwise whoever keeps a request with a leaked value open could still act with it after the owner has shut them
    out, and for ever if the act makes a token.
    """
    if caller.interactive:
        return caller
    return replace(caller, scopes=effective_scopes((await own_token(tx, caller, now)).scopes))


async def own_token(tx: Tx, caller: Caller, now: datetime) -> Token:
    """The token behind the caller. Raises BadCredential if it has ended, or has another value than was presented."""
    own = await store.find(tx, caller.account_id, caller.token_id) if caller.token_id else None
    if own is None or own.value_digest is None or not own.live_at(now):
        raise BadCredential
    if isinstance(caller, Bearer) and not secrets.same(caller.value_digest, own.value_digest):
        raise BadCredential
    return own
