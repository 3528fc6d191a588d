"""The composition root: everything there is, constructed in order. Nothing else constructs, reads the environment, or
holds state at import."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType

from starlette.applications import Starlette
from starlette.middleware import Middleware

from app.accounts import store as accounts_store
from app.accounts.attempts import Attempts
from app.accounts.handlers import AccountsHandlers, PublicAccountsHandlers
from app.accounts.passwords import Passwords
from app.accounts.profile import GetAccount, IsEmailVerified
from app.accounts.registration import SignUp
from app.accounts.session_refresh import RefreshSession
from app.accounts.sessions import Lifetimes, Sessions
from app.accounts.sign_in import SignIn
from app.accounts.sign_out import SignOut
from app.accounts.token_authorization import AuthorizeByToken
from app.accounts.verification import Verification
from app.core.activity import Activity
from app.core.clock import Clock, SystemClock
from app.core.config import NEW_SECRET, ConfigError, Settings
from app.core.db import Database
from app.core.secrets import CodeDigests, Signatures
from app.core.worker import every
from app.health.handlers import HealthHandlers
from app.health.serving import LOOK_EVERY, Serving
from app.limits import MemoryLimits, NoLimits
from app.mail.delivery import Delivery
from app.mail.outbox import Outbox
from app.mail.render import Renderer
from app.mail.senders import sender_of
from app.policy import POLICIES, REFLECTION
from app.rpc.access import Policy
from app.rpc.client import Clients
from app.rpc.cookies import SessionCookie
from app.rpc.front import Front
from app.rpc.grpc_web_text import GrpcWebText
from app.rpc.guard import Guard
from app.rpc.interceptors import RunToEnd
from app.rpc.reflection import reflection
from app.rpc.serve import Service, interceptors, methods, mounts, require_policies, terse
from app.test.handlers import PingHandlers, PongHandlers
from app.tokens import store as tokens_store
from app.tokens.creation import CreateToken
from app.tokens.expiration import ForceTokenExpiration
from app.tokens.handlers import TokensHandlers
from app.tokens.lifetime import Lifetime
from app.tokens.reading import GetToken, ListTokens, ListTokensPage
from app.tokens.regeneration import RegenerateToken
from app.tokens.update import UpdateToken
from app.tokens.verify import TokenCredentials
from gen.accounts.v1 import accounts_v1_connect as accounts_v1
from gen.grpc.health.v1 import health_connect as health_v1
from gen.test.v1 import test_v1_connect as test_v1
from gen.tokens.v1 import tokens_v1_connect as tokens_v1

FLUSH_EVERY = 5.0
"""Seconds between two writes of when sessions and tokens were last used."""
SETTLE_WITHIN = 2.0
"""Seconds that calls in flight get at shutdown."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What outlives a call. The application keeps it as `app.state.parts`."""

    settings: Settings
    clock: Clock
    db: Database
    passwords: Passwords
    delivery: Delivery
    activities: tuple[Activity, Activity]
    run_to_end: RunToEnd
    serving: Serving

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Workers run; afterwards calls in flight end, what is noted is written, and the connections close."""
        await self.serving.look()  # or the first who asks would be told that nothing serves
        workers = [asyncio.create_task(self.delivery.run())]
        workers += [asyncio.create_task(every(LOOK_EVERY, self.serving.look, "health"))]
        workers += [asyncio.create_task(every(FLUSH_EVERY, activity.flush, "activity")) for activity in self.activities]
        try:
            yield
        finally:
            self.serving.stop()
            await self.run_to_end.settle(SETTLE_WITHIN)
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
            with suppress(Exception):  # the database may be what made us stop; when things were last used may be lost
                for activity in self.activities:
                    await activity.flush()
            self.passwords.close()
            await self.db.close()


def create_app(
    settings: Settings,
    *,
    clock: Clock | None = None,
    extra: Sequence[Service] = (),
    extra_policies: Mapping[str, Policy] = MappingProxyType({}),
) -> Starlette:
    """The ASGI application. Raises ConfigError for unsafe settings and RuntimeError for a method without a policy.

    `extra` services are mounted through the same stack, each method with a row in `extra_policies`.
    """
    settings = settings.safe()
    if not settings.keys:
        raise ConfigError([f"SECRET_KEYS: required. {NEW_SECRET}"])
    clock = clock or SystemClock()
    policies = {**POLICIES, **(REFLECTION if settings.reflects else {}), **extra_policies}
    db = Database(settings.database_url)
    outbox = Outbox(clock)
    passwords = Passwords(settings.password_threads, settings.password_queue)
    session_activity = Activity(db, accounts_store.sessions.touch)
    token_activity = Activity(db, tokens_store.touch)
    cookie = SessionCookie(settings.https)
    sessions = Sessions(db, clock, Signatures(settings.keys, "session"), _lifetimes(settings), session_activity, outbox)
    credentials = TokenCredentials(db, clock, token_activity, settings.token_prefix)

    serving = Serving(db, {rpc.partition("/")[0] for rpc in policies})
    services = [
        *_accounts(settings, sessions, passwords, outbox, credentials, cookie),
        _tokens(settings, db, clock, outbox),
        Service(test_v1.TestNoAuthServiceASGIApplication, test_v1.TestNoAuthService.desc(), PingHandlers()),
        Service(test_v1.TestAuthServiceASGIApplication, test_v1.TestAuthService.desc(), PongHandlers()),
        Service(health_v1.HealthASGIApplication, health_v1.Health.desc(), HealthHandlers(serving)),
        *extra,
    ]
    services += reflection(services) if settings.reflects else []
    require_policies(services, policies)
    clients = Clients(settings.trusted_proxies)
    guard = Guard(policies, clients, cookie, sessions.authenticate, credentials.authenticate, credentials.scopes_of)
    run_to_end = RunToEnd(policies, settings.request_timeout)
    delivery = Delivery(db, clock, sender_of(settings), Renderer(settings))
    parts = Parts(settings, clock, db, passwords, delivery, (session_activity, token_activity), run_to_end, serving)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with parts.running():
            yield

    app = Starlette(
        routes=mounts(services, interceptors(guard, run_to_end, terse(services)), settings.body_limit),
        middleware=[
            Middleware(Front, settings=settings, methods=methods(services), terse=terse(services)),
            Middleware(GrpcWebText),
        ],
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    app.state.parts = parts
    return app


def _lifetimes(settings: Settings) -> Lifetimes:
    return Lifetimes(
        idle=timedelta(seconds=settings.session_idle),
        absolute=timedelta(seconds=settings.session_absolute),
        min_refresh=timedelta(seconds=settings.session_min_refresh),
        quota=settings.session_quota,
    )


def _accounts(
    settings: Settings,
    sessions: Sessions,
    passwords: Passwords,
    outbox: Outbox,
    credentials: TokenCredentials,
    cookie: SessionCookie,
) -> list[Service]:
    db, clock = sessions.db, sessions.clock
    limits = NoLimits() if settings.limits == "off" else MemoryLimits(clock)
    (sign_ups_by_client,) = POLICIES["accounts.v1.PublicAccountsService/SignUp"].limits
    by_client_and_address, by_address = POLICIES["accounts.v1.PublicAccountsService/SignIn"].limits
    verification = Verification(CodeDigests(settings.keys), outbox)
    public = PublicAccountsHandlers(
        create_account=SignUp(
            db,
            clock,
            passwords,
            verification,
            outbox,
            limits,
            by_client=sign_ups_by_client,
            hides_accounts=settings.hides_accounts,
            shortest_password=settings.password_min_length,
            service_name=settings.service_name,
        ),
        open_session=SignIn(
            db,
            passwords,
            sessions,
            Attempts(limits, by_client_and_address, by_address),
            verification,
            requires_verified_email=settings.sign_in_requires_verified_email,
        ),
        cookie=cookie,
    )
    own = AccountsHandlers(
        address_verified=IsEmailVerified(db),
        refresh=RefreshSession(sessions),
        authorize=AuthorizeByToken(sessions, credentials.hold),
        profile=GetAccount(db),
        end_session=SignOut(sessions),
        cookie=cookie,
    )
    return [
        Service(accounts_v1.PublicAccountsServiceASGIApplication, accounts_v1.PublicAccountsService.desc(), public),
        Service(accounts_v1.AccountsServiceASGIApplication, accounts_v1.AccountsService.desc(), own),
    ]


def _tokens(settings: Settings, db: Database, clock: Clock, outbox: Outbox) -> Service:
    lifetime = Lifetime(timedelta(days=settings.token_default_days), timedelta(days=settings.token_max_days))
    handlers = TokensHandlers(
        CreateToken(db, clock, outbox, lifetime, settings.token_quota, settings.token_prefix),
        UpdateToken(db, clock, lifetime, settings.token_quota),
        ForceTokenExpiration(db, clock),
        RegenerateToken(db, clock, settings.token_prefix),
        GetToken(db),
        ListTokens(db),
        ListTokensPage(db),
    )
    return Service(tokens_v1.TokensServiceASGIApplication, tokens_v1.TokensService.desc(), handlers)
