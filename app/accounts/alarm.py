"""Guesses that fail all over the service, as when many clients try one password at each of many addresses."""

from dataclasses import dataclass

import structlog

from app.core.errors import Throttled
from app.limits import Limit, Limits, Ticket

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Alarm:
    """Tells operators, and refuses nobody: a refusal would let whoever causes it keep everybody out (ASVS 6.1.1)."""

    limits: Limits
    failures: Limit
    """How many make an alarm."""
    lines: Limit
    """How often to say so."""

    async def reserve(self) -> tuple[Ticket, ...]:
        """Count a failure, to be given back like any other attempt if it was none."""
        try:
            return (await self.limits.take(self.failures, self.failures.key()),)
        except Throttled:
            await self._sound()
            return ()

    async def _sound(self) -> None:
        try:
            await self.limits.take(self.lines, self.lines.key())
        except Throttled:
            return
        _log.warning("guessing_all_over", failures_above=self.failures.events, seconds=self.failures.seconds)
