"""The composition root: everything there is, constructed in order, the flows of each domain by `domains`. Nothing else
constructs, reads the environment, or holds state at import."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from types import MappingProxyType

from starlette.applications import Starlette

from app import domains
from app.accounts import store as accounts_store
from app.accounts.passwords import Passwords
from app.accounts.sessions import Sessions
from app.console import Build, Console, build
from app.core.activity import Activity
from app.core.clock import Clock, SystemClock
from app.core.config import NEW_SECRET, ConfigError, Settings
from app.core.db import Database
from app.core.metrics import Metrics
from app.core.secrets import LimitKeys, Signatures
from app.core.verified import Verified
from app.core.worker import every
from app.health.handlers import HealthHandlers
from app.health.serving import LOOK_EVERY, Serving
from app.housekeeping import Housekeeping
from app.limits import Limits, MemoryLimits, MeteredLimits, NoLimits
from app.limits.shared import LOOK_EVERY as LOOK_FOR_STORE_EVERY
from app.limits.shared import PATIENCE as STORE_PATIENCE
from app.limits.shared import SharedLimits
from app.mail.delivery import Delivery
from app.mail.outbox import Outbox
from app.mail.render import Renderer
from app.mail.senders import sender_of
from app.policy import BAD_TOKEN_LINES, POLICIES, REFLECTION
from app.rpc.access import Policy
from app.rpc.bad_tokens import BadTokens
from app.rpc.client import Clients
from app.rpc.cookies import SessionCookie
from app.rpc.front import Front
from app.rpc.guard import Guard
from app.rpc.interceptors import RunToEnd
from app.rpc.reflection import reflection
from app.rpc.serve import Routes, Service, interceptors, methods, require_policies, terse
from app.test.handlers import PingHandlers, PongHandlers
from app.tokens import store as tokens_store
from app.tokens.expiry_warning import WarnOfExpiry
from app.tokens.verify import TokenCredentials
from gen.grpc.health.v1 import health_connect as health_v1
from gen.test.v1 import test_v1_connect as test_v1

FLUSH_EVERY = 5.0
"""Seconds between two writes of when sessions and tokens were last used."""
SWEEP_EVERY = 3600.0
SWEEP_FIRST_AFTER = 60.0
"""Seconds between two looks for what is old or about to end, and until the first: a start has enough to do, and may be
one of many."""
SETTLE_WITHIN = 2.0
"""Seconds that calls in flight get at shutdown."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What outlives a call. The application keeps it as `app.state.parts`."""

    settings: Settings
    console: Build
    """What is served of the console: nothing if it is off, or was never built."""
    clock: Clock
    metrics: Metrics
    limits: Limits
    shared_limits: SharedLimits | None
    db: Database
    passwords: Passwords
    delivery: Delivery
    activities: tuple[Activity, Activity]
    run_to_end: RunToEnd
    serving: Serving
    housekeeping: Housekeeping
    warn_of_expiry: WarnOfExpiry

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Workers run; afterwards calls in flight end, what is noted is written, and the connections close."""
        if self.shared_limits:
            await self.shared_limits.look()  # or it would come out only with the first who is counted
        await self.serving.look()  # or the first who asks would be told that nothing serves
        workers = [asyncio.create_task(self.delivery.run())]
        workers += [asyncio.create_task(every(LOOK_EVERY, self.serving.look, "health"))]
        if self.shared_limits:
            workers += [asyncio.create_task(every(LOOK_FOR_STORE_EVERY, self.shared_limits.look, "limits"))]
        workers += [asyncio.create_task(every(FLUSH_EVERY, activity.flush, "activity")) for activity in self.activities]
        sweeps = ((self.housekeeping.sweep, "housekeeping"), (self.warn_of_expiry, "expiry_warning"))
        workers += [
            asyncio.create_task(every(SWEEP_EVERY, sweep, name, first_after=SWEEP_FIRST_AFTER))
            for sweep, name in sweeps
        ]
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
            if self.shared_limits:
                await self.shared_limits.close()
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
    db = Database(settings.database_url, pool_size=settings.database_pool)
    outbox = Outbox(clock)
    passwords = Passwords(settings.password_threads, settings.password_queue)
    session_activity = Activity(db, accounts_store.sessions.touch)
    token_activity = Activity(db, tokens_store.touch)
    cookie = SessionCookie(settings.https)
    metrics = Metrics()
    shared = _shared_limits(settings, clock, metrics)
    alone = NoLimits() if settings.limits == "off" else MemoryLimits(clock)
    limits = MeteredLimits(shared or alone, metrics)
    sessions = Sessions(
        db,
        clock,
        Signatures(settings.keys, "session"),
        domains.lifetimes(settings),
        session_activity,
        outbox,
        Verified(db, clock),
    )
    credentials = TokenCredentials(
        db, clock, token_activity, settings.token_prefix, Verified(db, clock), Verified(db, clock)
    )

    serving = Serving(db, {rpc.partition("/")[0] for rpc in policies})
    services = [
        *domains.accounts(settings, sessions, passwords, outbox, credentials, cookie, limits, metrics),
        domains.tokens(settings, db, clock, outbox),
        Service(test_v1.TestNoAuthServiceASGIApplication, test_v1.TestNoAuthService.desc(), PingHandlers()),
        Service(test_v1.TestAuthServiceASGIApplication, test_v1.TestAuthService.desc(), PongHandlers()),
        Service(health_v1.HealthASGIApplication, health_v1.Health.desc(), HealthHandlers(serving)),
        *extra,
    ]
    services += reflection(services) if settings.reflects else []
    require_policies(services, policies)
    clients = Clients(settings.trusted_proxies)
    guard = Guard(
        policies,
        clients,
        cookie,
        sessions.authenticate,
        credentials.authenticate,
        credentials.scopes_of,
        limits,
        BadTokens(clock, BAD_TOKEN_LINES, metrics),
    )
    run_to_end = RunToEnd(policies, settings.request_timeout)
    delivery = Delivery(db, clock, sender_of(settings), Renderer(settings))
    housekeeping = domains.housekeeping(settings, db, clock)
    parts = Parts(
        settings,
        build(settings.service_name) if settings.console == "on" else {},
        clock,
        metrics,
        limits,
        shared,
        db,
        passwords,
        delivery,
        (session_activity, token_activity),
        run_to_end,
        serving,
        housekeeping,
        WarnOfExpiry(db, clock, outbox),
    )

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with parts.running():
            yield

    app = Starlette(lifespan=lifespan)
    routes = Routes(services, interceptors(guard, run_to_end, terse(services)), settings.body_limit)
    # Instead of the stack that Starlette would build: its routing and its two layers for errors take as long as the
    # rest of a call, and the front knows every path and lets no failure through.
    front = Front(
        routes, settings, methods=methods(services), terse=terse(services), clients=clients, lifespan=app.router
    )
    app.middleware_stack = Console(front, parts.console, settings)
    app.state.parts = parts
    return app


def _shared_limits(settings: Settings, clock: Clock, metrics: Metrics) -> SharedLimits | None:
    """Those of the store that LIMITS_URL names, if it names one."""
    if settings.limits == "off" or not settings.limits_url:
        return None
    from app.limits.valkey import ValkeyLimits  # costly: see there

    store = ValkeyLimits(settings.limits_url, LimitKeys(settings.keys))
    return SharedLimits(store, MemoryLimits(clock), metrics, STORE_PATIENCE)
