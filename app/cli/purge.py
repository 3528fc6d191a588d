"""`gatepost purge`."""

import sys

from app import domains
from app.cli.errand import Json, do, tell
from app.core.clock import SystemClock
from app.core.config import Settings
from app.core.db import Database

TELL_EACH = 10_000
"""Rows between two words about how far it is."""


def purge(as_json: Json = False) -> None:
    """Remove what is too old to be kept, as the service does once an hour by itself."""

    async def work(settings: Settings, db: Database) -> dict[str, int]:
        keep_house = domains.housekeeping(settings, db, SystemClock())
        return await keep_house.purge(None if as_json else _progress)

    removed = do(work, as_json=as_json)
    lines = [f"{count:>9} {kind.replace('_', ' ')}" for kind, count in removed.items()]
    tell({"removed": removed}, ["Removed:", *lines], as_json=as_json)


def _progress(kind: str, removed: int) -> None:
    if removed % TELL_EACH == 0:
        print(f"{kind.replace('_', ' ')}: {removed} removed, going on", file=sys.stderr)
