"""The schema's history, and how a database is brought to its end.

Alembic is imported only when there is something to migrate: it would cost every start 0.15 s and 10 MiB.
"""

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
        return await tx.run_sync(_revision)


def _revision(connection: Connection) -> str | None:
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
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.attributes["connection"] = connection
    known = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]
    if _revision(connection) not in (None, *known):
        raise UnknownRevision
    (command.upgrade if target == "head" else command.downgrade)(config, target)
