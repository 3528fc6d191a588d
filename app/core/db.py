"""The database: transactions, and the point reads of `core.points`. Nothing else knows which database it is.

On SQLite writers take turns inside the process (a pool of one) and begin with `BEGIN IMMEDIATE`: a transaction that
reads first and then writes would otherwise fail at once with "database is locked", whatever the busy timeout.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy
from sqlalchemy import MetaData, event
from sqlalchemy.dialects import postgresql as postgresql_dialect
from sqlalchemy.dialects import sqlite as sqlite_dialect
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import SQLModel

from app.core import sqlite
from app.core.columns import read_quickly
from app.core.errors import Unavailable
from app.core.points import PointRead, Points, SqlitePoints

_SQLITE, _POSTGRESQL = "sqlite+aiosqlite", "postgresql+asyncpg"
DEFAULT_URL = f"{_SQLITE}:///data/gatepost.db"


class Table(SQLModel):
    """Base of all tables: every constraint gets a name, so that a migration can speak of it on any database."""

    metadata = MetaData(
        naming_convention={
            "pk": "pk_%(table_name)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        }
    )


@event.listens_for(sqlalchemy.Table, "after_parent_attach")
def _read_quickly(table: sqlalchemy.Table, metadata: MetaData) -> None:
    if metadata is Table.metadata:
        read_quickly(table)


Tx = AsyncConnection
"""A transaction in progress, as stores take it."""
Stored = TypeVar("Stored")


def checked_url(value: str) -> str:
    """The URL if it names a database that is supported; ValueError says what would."""
    try:
        url = make_url(value)
    except ArgumentError as error:
        raise ValueError(f"must be {_SQLITE}:///path or {_POSTGRESQL}://user:password@host/name") from error
    if url.drivername not in (_SQLITE, _POSTGRESQL):
        raise ValueError(f"must start with {_SQLITE}:// or {_POSTGRESQL}://")
    if url.drivername == _SQLITE and (url.database or ":memory:") == ":memory:":
        raise ValueError("must name a file; in memory nothing would outlive the process")
    if url.drivername == _POSTGRESQL and not (url.database and set(url.query) <= {"ssl", "host", "port"}):
        raise ValueError(
            "must end in /name, after which only ?ssl=require, ?ssl=verify-full and ?host=/folder may stand"
        )
    return value


def local_file(database_url: str) -> Path | None:
    """The file of an embedded database, or None where a server holds the data."""
    url = make_url(database_url)
    return Path(url.database or "") if url.drivername == _SQLITE else None


def columns(table: Any, stored: type[Any]) -> list[Any]:
    """The columns of `table` that the dataclass `stored` names, in its order: what `stored(*row)` needs."""
    return [getattr(table, field.name) for field in fields(stored)]


async def insert_new(tx: Tx, table: type[Table], values: dict[str, Any], *, unique: str) -> bool:
    """Insert unless another row has the same `unique` column; False if one has, also one inserted at the same time."""
    return (await tx.execute(_insert_new(tx.dialect.name, table, unique), values)).rowcount == 1


@cache
def _insert_new(dialect: str, table: type[Table], unique: str) -> Any:
    # Both databases know the clause, and SQLAlchemy has no common word for it.
    insert: Any = {"sqlite": sqlite_dialect.insert, "postgresql": postgresql_dialect.insert}[dialect]
    return insert(table).on_conflict_do_nothing(index_elements=[unique])


async def sync_anyway(tx: Tx) -> None:
    """Have the commit wait for the disk even where the transaction changed no row: a wait of milliseconds that only
    some answers have tells these from others, known addresses from unknown ones say (ASVS 6.3.8)."""
    # Neither leaves a trace: the number is one that nobody uses, and the message goes to the log that is synced alone.
    statement = {"sqlite": "PRAGMA user_version = 0", "postgresql": "SELECT pg_logical_emit_message(true, '', '')"}
    await tx.exec_driver_sql(statement[tx.dialect.name])


class Database:
    """Owns the connections. `read()` and `write()` are the transactions that flows see in their bodies."""

    def __init__(self, database_url: str, *, pool_size: int = 10) -> None:
        """`pool_size`: the connections to keep to a server."""
        self._url, self._file = database_url, local_file(database_url)
        self._means_away: Callable[[Exception], bool] = sqlite.is_away
        self._points: Points
        self.writes = 0
        """Transactions that have ended and may have changed a credential."""
        if self._file is None:
            from app.core import postgresql, server_points  # costly, and needed only here

            self._writers = postgresql.engine(database_url, pool_size=pool_size)
            self._readers = postgresql.reading(self._writers)
            self._means_away = postgresql.is_away
            self._points = server_points.ServerPoints(make_url(database_url), self._writers.dialect)
        else:
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._readers = sqlite.engine(database_url, begin="BEGIN", pool_size=4)
            self._writers = sqlite.engine(database_url, begin="BEGIN IMMEDIATE", pool_size=1)
            self._points = SqlitePoints(self._file, self._readers.dialect)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Tx]:
        """A transaction that sees one state of the data. Raises Unavailable where the database does not answer."""
        async with self._refusing_when_away(), self._readers.connect() as tx, tx.begin():
            yield tx

    @asynccontextmanager
    async def write(self, *, spares_credentials: bool = False) -> AsyncIterator[Tx]:
        """A transaction that commits when its block ends and leaves nothing when the block raises.

        Raises Unavailable where the database does not answer. Calls that write run to their end even if their client
        hangs up (`rpc.interceptors.RunToEnd`), so a commit is never cut short.

        `spares_credentials` promises that it changes nothing that decides whether a credential is good, whose it is, or
        what it may do. Without the promise all credentials are read anew (`core.verified`), which is only slower.
        """
        try:
            async with self._refusing_when_away(), self._writers.connect() as tx, tx.begin():
                yield tx
        finally:
            # Also after a failure: a commit whose answer got lost may have happened.
            if not spares_credentials:
                self.writes += 1

    @asynccontextmanager
    async def schema(self, *, exclusive: bool = False) -> AsyncIterator[Tx]:
        """A transaction about the schema; an `exclusive` one waits for its turn among processes that migrate."""
        if not exclusive or self._file is not None:  # BEGIN IMMEDIATE is the turn on SQLite
            async with self.write() as tx:
                yield tx
            return
        from app.core import postgresql

        async with self._refusing_when_away(), postgresql.migrating(self._url) as tx:
            yield tx

    async def point(self, read: PointRead, **values: Any) -> tuple[Any, ...] | None:
        """The one row of a point read, or None. Raises Unavailable where the database does not answer."""
        return await self._points.one(read, values)

    def elsewhere(self) -> int | None:
        """Another number once another process has committed, on SQLite; what happens on a server it cannot tell."""
        return self._points.commits()

    @asynccontextmanager
    async def _refusing_when_away(self) -> AsyncIterator[None]:
        try:
            yield
        except (PoolTimeout, OSError) as error:  # TimeoutError is an OSError
            raise Unavailable from error
        except Exception as error:
            if self._means_away(error):
                raise Unavailable from error
            raise

    def why_away(self, error: Unavailable) -> str:
        """What an operator can do about it."""
        if self._file is not None:
            return "the database does not answer. Start it, or correct the URL."
        from app.core import postgresql

        return postgresql.why_away(error.__cause__)

    async def close(self) -> None:
        """Without it aiosqlite's threads outlive the loop, and SQLite's log is left for the next start to fold in."""
        await self._points.close()
        await self._readers.dispose()
        await self._writers.dispose()
