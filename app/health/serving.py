"""Whether the service can do its work: the database answers, and nobody has told it to stop."""

import asyncio
from collections.abc import AsyncIterator, Set

from app.core.db import Database
from app.core.errors import Unavailable
from app.health.errors import ServiceUnknown, TooManyWatchers
from app.health.store import REVISION

LOOK_EVERY = 1.0
"""Seconds between two looks at the database, however many clients ask meanwhile."""
ANSWER_WITHIN = 2.0
"""Seconds that the database gets for its answer."""
MOST_WATCHERS = 100
"""Anybody may watch, and each watcher keeps a connection. There are a few balancers and monitors, not hundreds."""
LONGEST_WATCH = 3600.0
"""Seconds after which a watch ends, and its client begins another: one that vanished without a word keeps no place."""


class Serving:
    """One state for all services, since they share a database. Nobody who asks waits for it."""

    def __init__(self, db: Database, services: Set[str]) -> None:
        """`services`: the names that may be asked for."""
        self._db = db
        self._services = services
        self._answers = False
        self._stopping = False
        self._changed = asyncio.Event()
        self._watchers = 0

    async def look(self) -> None:
        """Find out whether the database answers, and tell the watchers if that has changed."""
        try:
            async with asyncio.timeout(ANSWER_WITHIN):
                await self._db.point(REVISION)
            self._answers = True
        except (Unavailable, TimeoutError):
            self._answers = False
        self._look_again()

    def stop(self) -> None:
        """From now on nothing serves. All watches end: they would hold up the stop."""
        self._stopping = True
        self._look_again()

    def check(self, service: str) -> bool:
        """Whether it serves; an empty name means all of them. Raises ServiceUnknown."""
        if not self._knows(service):
            raise ServiceUnknown
        return self._serves

    def check_all(self) -> dict[str, bool]:
        """Whether each serves, by name; all of them together have the empty name."""
        return dict.fromkeys(("", *self._services), self._serves)

    async def watch(self, service: str) -> AsyncIterator[bool | None]:
        """Whether it serves, now and after each change; None for an unknown one. Raises TooManyWatchers."""
        if self._watchers >= MOST_WATCHERS:
            raise TooManyWatchers
        self._watchers += 1
        try:
            ends = asyncio.get_running_loop().time() + LONGEST_WATCH
            told: object = "nothing yet"
            while True:
                now = self._serves if self._knows(service) else None
                if now is not told:
                    told = now
                    yield now
                elif self._stopping or not await self._changes_before(ends):
                    return
        finally:
            self._watchers -= 1

    @property
    def _serves(self) -> bool:
        return self._answers and not self._stopping

    def _knows(self, service: str) -> bool:
        return not service or service in self._services

    async def _changes_before(self, ends: float) -> bool:
        try:
            async with asyncio.timeout_at(ends):
                return await self._changed.wait()
        except TimeoutError:
            return False

    def _look_again(self) -> None:
        self._changed.set()
        self._changed.clear()
