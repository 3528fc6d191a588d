"""Credentials that were found good within the last second, so that who calls again costs no read of the database."""

from typing import Generic, TypeVar

from app.core.clock import Clock
from app.core.db import Database

LIFE = 1.0
"""Seconds for which what was read is believed (semantics.md, "Revocation"): the bound for changes that nothing tells us
of, those by other processes on a server. In this process a change acts at once."""
LOOK_EVERY = 0.01
"""Seconds between two looks for what other processes did to a SQLite file. One in each call would be a tenth of it."""
MOST = 4096
"""Credentials on a page. One takes about 1 KiB, and a process that met so many in a second would gain little."""

Found = TypeVar("Found")


class Verified(Generic[Found]):
    """What the database told of good credentials, by the SHA-256 of the very string that was presented.

    Only rows are kept, never a verdict: whatever depends on the time is judged anew in each call. And nothing that was
    refused is kept: it may be good the next moment.
    """

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock
        self._page: dict[bytes, Found] = {}
        self._writes = -1
        self._elsewhere: int | None = None
        self._until = self._look_at = 0.0

    def page(self) -> dict[bytes, Found]:
        """What is known at this moment. Ask for it before you read, and write into it what the read told.

        It is replaced once a second, when it is full, and whenever something was committed that may have changed a
        credential, also where the outcome is unknown (`Database.write`). What was read before a commit then goes down
        with the page from before it, however long the read took.
        """
        now, writes = self._clock.monotonic(), self._db.writes
        if now >= self._look_at:
            self._look_at = now + LOOK_EVERY
            elsewhere = self._db.elsewhere()
            if elsewhere != self._elsewhere:
                self._elsewhere, self._until = elsewhere, now
        if writes != self._writes or now >= self._until or len(self._page) >= MOST:
            self._page, self._writes, self._until = {}, writes, now + LIFE
        return self._page
