"""The schema's history, and how a database is brought to its end.

Versions follow one another while both serve, so a revision first only adds what the version before does not miss
(expand) and a later one takes away what nothing uses any more (contract). Its name says which it is:
`0003_from_0002` may be run while 0002 serves, which may also be started on it; under plain `0003` only 0003 serves.

Alembic is imported only when there is something to migrate: it would cost every start 0.15 s and 10 MiB.
"""

import re
from pathlib import Path

from sqlalchemy import Connection, text

from app.core.db import Database

HEAD = "0002"
"""The newest revision; a test compares it with the files."""

FOLDER = Path(__file__).parent


class UnknownRevision(Exception):
    """The database is at a revision that this version does not have: a later one migrated it."""


async def current_revision(db: Database) -> str | None:
    """The revision that the database is at; None for an empty one. Raises Unavailable where it does not answer."""
    async with db.schema() as tx:
        return await tx.run_sync(revision_of)


def serves(revision: str | None) -> bool:
    """Whether this version can serve on a schema at `revision`: its own, or a later one that took nothing from it."""
    return revision == HEAD or (revision is not None and oldest_on(revision) <= number_of(HEAD) < number_of(revision))


def number_of(revision: str) -> int:
    return int(revision.partition("_")[0])


def oldest_on(revision: str) -> int:
    """The number of the oldest version that can serve on a schema at `revision`."""
    found = re.fullmatch(r"(\d+)(?:_from_(\d+))?", revision)
    if found is None:
        raise UnknownRevision
    return int(found[2] or found[1])


def revision_of(connection: Connection) -> str | None:
    if not connection.dialect.has_table(connection, "alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()


async def migrate(db: Database, target: str = "head") -> None:
    """Bring the database to `target`, one process at a time, in one transaction: killed midway it is as before.

    Raises Unavailable where it does not answer, UnknownRevision where there is no way from where it is.
    """
    async with db.schema(exclusive=True) as tx:
        await tx.run_sync(_run, target)


def _run(connection: Connection, target: str) -> None:
    from app.migrations import history

    history.run(connection, target)
