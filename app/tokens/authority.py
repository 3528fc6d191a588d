"""Which callers may act on which token (semantics.md, "Scopes of a token").

A session may do everything with its account's tokens, a token something with itself. Everything here is decided from
the caller and the UUID alone, before any lookup: the answer to a token must not tell which UUIDs exist.
"""

from uuid import UUID

from app.accounts import owner
from app.accounts.models import Account
from app.core import secrets
from app.core.caller import Caller
from app.core.db import Tx
from app.core.errors import BadCredential, NotForTokens, ScopeMissing
from app.tokens.token import Bearer, Token

READ = "tokens:read"


def require_reader(caller: Caller, token_id: UUID) -> None:
    if caller.token_id != token_id and not caller.has(READ):
        raise ScopeMissing(READ)


def require_manager(caller: Caller) -> None:
    """Holding tokens:manage would open this to tokens; none can hold it yet."""
    if not caller.interactive:
        raise NotForTokens


def require_expirer(caller: Caller, token_id: UUID) -> None:
    if not caller.interactive and caller.token_id != token_id:
        raise NotForTokens


def require_regenerator(caller: Caller, token_id: UUID) -> None:
    """Of tokens, only the presented one itself: a session made from it would hand out more than it came from."""
    if not caller.interactive and not (caller.bearer and caller.token_id == token_id):
        raise NotForTokens


def require_current(caller: Caller, token: Token) -> None:
    """Refuse a token that acts on itself with a value that was superseded after the guard had let it in.

    Otherwise whoever keeps a request with a leaked value open would get the value that was made to shut them out.
    """
    if isinstance(caller, Bearer) and not secrets.same(caller.value_digest, token.value_digest or b""):
        raise BadCredential


async def lock_account(tx: Tx, caller: Caller) -> Account:
    """The caller's account, held until the transaction ends: all that change its tokens take turns.

    Raises BadCredential if the account or the session ended after the guard had let the caller in; a token made now
    would outlive that.
    """
    return await owner.hold(tx, caller)
