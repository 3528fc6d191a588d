"""Limits that tell the metrics what they throttle."""

from app.core.errors import Throttled
from app.core.metrics import Metrics
from app.limits.limit import Limit, Limits, Ticket


class MeteredLimits:
    """Wraps the limits that the whole service shares. There are as many labels as limits in `app.policy`."""

    def __init__(self, limits: Limits, metrics: Metrics) -> None:
        self._limits = limits
        self._reached = metrics.limits_reached

    async def take(self, limit: Limit, key: str) -> Ticket:
        try:
            return await self._limits.take(limit, key)
        except Throttled:
            self._reached.labels(limit.name).inc()
            raise

    async def peek(self, limit: Limit, key: str) -> None:
        try:
            await self._limits.peek(limit, key)
        except Throttled:
            self._reached.labels(limit.name).inc()
            raise

    async def give_back(self, ticket: Ticket) -> None:
        await self._limits.give_back(ticket)

    async def forget(self, limit: Limit, key: str) -> None:
        await self._limits.forget(limit, key)
