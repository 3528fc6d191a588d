"""Shared limits that outlive their store."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from typing import Protocol, TypeVar

import structlog

from app.core.errors import Throttled
from app.core.log import describe
from app.core.metrics import Metrics
from app.limits.limit import Limit, Limits, Ticket

LOOK_EVERY = 1.0
"""Seconds between two looks whether the store answers."""
PATIENCE = 0.25
"""Seconds that a call waits for the store."""
_PROBE = Limit("probe", events=1_000_000, seconds=60)
_log = structlog.get_logger()
T = TypeVar("T")


class Store(Limits, Protocol):
    async def close(self) -> None: ...


class _Away(Exception):
    """The store does not answer, whatever it is that redis-py or the network says."""


class SharedLimits:
    """Counts in the store while it answers, and otherwise here with half of the events: there may be several of us.

    A call waits for the store `patience` seconds at most, and only while it is not known to be away; from then on the
    local limits hold at once, until `look` finds it back. So the store's failure opens nothing, refuses nobody, and
    costs a few calls a short wait.

    An attempt taken here is given back here, wherever others are counted by then. One that the store cannot be told of
    stays counted there, and runs out like a failure.
    """

    def __init__(self, store: Store, local: Limits, metrics: Metrics, patience: float) -> None:
        self._store = store
        self._local = local
        self._gauge = metrics.limits_store_away
        self._patience = patience
        self._away = False

    async def take(self, limit: Limit, key: str) -> Ticket:
        try:
            return await self._unless_away(lambda: self._store.take(limit, key))
        except _Away:
            return await self._local.take(stricter(limit), key)

    async def peek(self, limit: Limit, key: str) -> None:
        try:
            await self._unless_away(lambda: self._store.peek(limit, key))
        except _Away:
            await self._local.peek(stricter(limit), key)

    async def give_back(self, ticket: Ticket) -> None:
        if not ticket.shared:
            await self._local.give_back(ticket)
            return
        with suppress(_Away):
            await self._unless_away(lambda: self._store.give_back(ticket))

    async def forget(self, limit: Limit, key: str) -> None:
        """In both places: what was counted here while the store was away would hold when it is away again."""
        await self._local.forget(limit, key)
        with suppress(_Away):
            await self._unless_away(lambda: self._store.forget(limit, key))

    async def look(self) -> None:
        """Whether the store does all that limits need of it: one that can only be read would be of no use."""
        try:
            await self._in_time(self._probe)
        except _Away:
            return
        if self._away:
            self._away = False
            self._gauge.set(0)
            _log.warning("limits_store_back", limits="as set")

    async def close(self) -> None:
        # The goodbye of TLS can wait for the other side, and that may hang.
        with suppress(Exception):
            async with asyncio.timeout(self._patience):
                await self._store.close()

    async def _probe(self) -> None:
        await self._store.give_back(await self._store.take(_PROBE, _PROBE.key()))

    async def _unless_away(self, step: Callable[[], Awaitable[T]]) -> T:
        if self._away:
            raise _Away
        return await self._in_time(step)

    async def _in_time(self, step: Callable[[], Awaitable[T]]) -> T:
        try:
            async with asyncio.timeout(self._patience):
                return await step()
        except Throttled:
            raise
        except Exception as error:
            if not self._away:
                self._away = True
                self._gauge.set(1)
                mend = "start the store, or correct LIMITS_URL"
                _log.error("limits_store_away", limits="stricter, each process by itself", mend=mend, **describe(error))
            raise _Away from None


def stricter(limit: Limit) -> Limit:
    """Half of the events, but one."""
    return replace(limit, events=max(1, limit.events // 2))
