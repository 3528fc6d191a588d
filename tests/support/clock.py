"""The one thing of ours that tests replace."""

from datetime import UTC, datetime, timedelta


class FakeClock:
    """Stands still until it is told to move."""

    def __init__(self, start: datetime = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)) -> None:
        self._now = start
        self._seconds = 1000.0

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._seconds

    def advance(self, seconds: float = 0, **units: float) -> None:
        """Move both hands by `seconds` and whatever timedelta takes besides: days, hours, minutes."""
        step = timedelta(seconds=seconds, **units)
        self._now += step
        self._seconds += step.total_seconds()
