"""Time, as the one port that tests replace."""

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    def now(self) -> datetime:
        """The present, aware, in UTC, to the microsecond: what is stored and shown."""
        ...

    def monotonic(self) -> float:
        """Seconds since some fixed point: for limits, which a stepped wall clock must not open."""
        ...


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()
