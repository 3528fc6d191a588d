"""Attempts counted in a Valkey or Redis that processes share.

Imported where LIMITS_URL asks for it and nowhere else: redis-py alone takes half as long to import as everything else.
"""

from importlib.resources import files

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.maint_notifications import MaintNotificationsConfig

from app.core.errors import Throttled
from app.core.secrets import LimitKeys
from app.limits.limit import MOST_DOUBLINGS, Limit, Ticket

CONNECTIONS = 32
"""At most, and a call that finds none free waits: a script takes the store some tens of microseconds."""
_MICROSECONDS = 1_000_000
TAKE = (files("app.limits") / "take.lua").read_text()


class ValkeyLimits:
    """Each step is one script, so that of attempts made together, on whatever process, each sees those before it.

    It goes by the store's clock, which all processes share. What a key stands for, the store cannot tell. Every key
    expires by itself once its limit is fresh. Raises whatever redis-py does if the store is away: see `shared`.
    """

    def __init__(self, url: str, keys: LimitKeys) -> None:
        scheme, _, rest = url.partition("://")
        pool = BlockingConnectionPool.from_url(
            f"{scheme.replace('valkey', 'redis')}://{rest}",
            max_connections=CONNECTIONS,
            timeout=None,
            # All waiting is bounded by whoever calls, once for all of it.
            socket_timeout=None,
            socket_connect_timeout=None,
            retry=Retry(NoBackoff(), 0),
            maint_notifications_config=MaintNotificationsConfig(enabled=False),
        )
        self._keys = keys
        self._store = Redis.from_pool(pool)
        self._take = self._store.register_script(TAKE)

    async def take(self, limit: Limit, key: str) -> Ticket:
        return Ticket(limit, key, await self._run(limit, key, count=True), shared=True)

    async def peek(self, limit: Limit, key: str) -> None:
        await self._run(limit, key, count=False)

    async def give_back(self, ticket: Ticket) -> None:
        await self._store.lrem(self._name(ticket.limit, ticket.key), 1, f"{ticket.at:.0f}")

    async def forget(self, limit: Limit, key: str) -> None:
        await self._store.delete(self._name(limit, key))

    async def close(self) -> None:
        await self._store.aclose()

    async def _run(self, limit: Limit, key: str, *, count: bool) -> float:
        """The time that was counted, in microseconds: whole and below 2^53, so that a float holds it exactly."""
        durations = (limit.seconds, *(limit.backoff or (0, 0)))
        in_microseconds = [round(seconds * _MICROSECONDS) for seconds in durations]
        arguments = [limit.events, *in_microseconds, MOST_DOUBLINGS, int(count)]
        passed, told = await self._take(keys=[self._name(limit, key)], args=arguments)
        if not passed:
            raise Throttled(told / _MICROSECONDS)
        return float(told)

    def _name(self, limit: Limit, key: str) -> str:
        return f"gatepost:limit:{limit.name}:{self._keys.hidden(key)}"
