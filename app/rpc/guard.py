"""Authentication and authorisation: the one place in front of every RPC, before its body is read.

Deny first: a method without a policy row is refused, and so is a caller for whom the row does not speak.
"""

from collections.abc import Awaitable, Callable, Mapping
from contextvars import Token
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from app.core.caller import Caller, Client
from app.core.errors import (
    BadCredential,
    BadToken,
    Kind,
    NoCredential,
    OnlyForPeople,
    Refusal,
    ScopeMissing,
    Unimplemented,
)
from app.limits import Limits, Per
from app.rpc.access import Policy, Who
from app.rpc.bad_tokens import BadTokens
from app.rpc.caller import Context, arrive, enter, leave
from app.rpc.client import Clients
from app.rpc.cookies import SessionCookie
from app.rpc.refused import known

Authenticate = Callable[[str, Client], Awaitable[Caller]]
"""Takes the value of a credential and answers who that is, or raises BadCredential."""
Granted = Callable[[UUID], Awaitable[tuple[frozenset[str], datetime] | None]]
"""The effective scopes and the end of a live token, by its ID; None if it is dead."""


class NoSession(Refusal):
    kind = Kind.FAILED_PRECONDITION
    reason = "NO_SESSION"
    sentence = "A token has no session to refresh. Call this with the session cookie and without Authorization."


def bearer_of(ctx: Context) -> str | None:
    """The Bearer token (RFC 6750). Another scheme, a staging proxy's Basic say, counts as absent."""
    for line in ctx.request_headers.getall("authorization"):
        scheme, _, value = line.strip().partition(" ")
        if scheme.lower() == "bearer":
            return value.strip()
    return None


class Guard:
    """Metadata interceptor, right after the translator."""

    def __init__(
        self,
        policies: Mapping[str, Policy],
        clients: Clients,
        cookie: SessionCookie,
        session: Authenticate,
        token: Authenticate,
        granted: Granted,
        limits: Limits,
        bad_tokens: BadTokens,
    ) -> None:
        self._policies = policies
        self._clients = clients
        self._cookie = cookie
        self._session = session
        self._token = token
        self._granted = granted
        self._limits = limits
        self._bad_tokens = bad_tokens

    async def on_start(self, ctx: Context) -> Token[Caller | None]:
        client = self._clients.of(ctx)
        arrive(client)
        policy = self._policies.get(f"{ctx.method.service_name}/{ctx.method.name}")
        if policy is None:
            raise Unimplemented
        caller = None if policy.who is Who.ANYONE else await self._authorize(ctx, client, policy)
        for limit in policy.limits:
            if limit.per is Per.CLIENT:
                # A look, no reservation: what turns out to be no attempt at all has nothing to give back, and the
                # flow's reservation is what parallel attempts cannot get past.
                await self._limits.peek(limit, limit.key(client.ip))
        return enter(caller)

    async def on_end(self, entered: Token[Caller | None], _: Context, error: Exception | None, /) -> None:
        leave(entered)

    async def _authorize(self, ctx: Context, client: Client, policy: Policy) -> Caller:
        caller = await self._authenticate(ctx, client, policy.who)
        if policy.who is Who.SESSION and not caller.interactive:
            raise OnlyForPeople
        if policy.scope is not None and not caller.has(policy.scope):
            raise ScopeMissing(policy.scope)
        return caller

    async def _authenticate(self, ctx: Context, client: Client, who: Who) -> Caller:
        """A Bearer token, if there is one, alone decides: falling back to a cookie would hide that it is dead."""
        value = bearer_of(ctx)
        if value is not None:
            try:
                caller = known(await self._token(value, client))
            except BadCredential:
                await self._bad_tokens.note(client)
                raise BadToken from None
            if who is Who.COOKIE:
                raise NoSession
            return caller
        if who is Who.BEARER:
            raise NoCredential
        presented = self._cookie.presented(ctx)
        if presented is None:
            raise BadCredential if self._cookie.came(ctx) else NoCredential
        caller = known(await self._session(presented, client))
        return caller if caller.token_id is None else await self._within(caller, caller.token_id)

    async def _within(self, caller: Caller, token_id: UUID) -> Caller:
        """A session made from a token can do what the token can at this moment, and ends with it."""
        granted = await self._granted(token_id)
        if granted is None:
            raise BadCredential
        scopes, token_ends_at = granted
        ends_at = min(token_ends_at, caller.expires_at) if caller.expires_at else token_ends_at
        return replace(caller, scopes=scopes, expires_at=ends_at)
