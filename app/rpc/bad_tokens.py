"""Bad Bearer tokens: counted and logged, and never a reason to refuse a good one."""

import structlog

from app.core.caller import Client
from app.core.clock import Clock
from app.core.errors import Throttled
from app.core.metrics import Metrics
from app.limits import Limit, MemoryLimits

_log = structlog.get_logger()


class BadTokens:
    """A token has 256 bits, so guessing needs no limit; its log lines do, or a flood of them would fill the disk."""

    def __init__(self, clock: Clock, lines: Limit, metrics: Metrics) -> None:
        self._limits = MemoryLimits(clock)  # of this process, as its log is
        self._lines = lines
        self._metrics = metrics
        self._left_out = 0

    async def note(self, client: Client) -> None:
        self._metrics.bad_tokens.inc()
        try:
            await self._limits.take(self._lines, self._lines.key())
        except Throttled:
            self._left_out += 1
            return
        _log.warning("bad_token", client=client.ip, left_out=self._left_out)
        self._left_out = 0
