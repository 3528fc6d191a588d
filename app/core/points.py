"""Point reads: the one row that a credential names, off the path of transactions.

On SQLite they run on one read-only `sqlite3` connection in the event loop: tens of microseconds, where a hop to another
thread and back costs hundreds. Nothing longer may run there.
"""

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol
from urllib.parse import quote
from uuid import UUID

from sqlalchemy import Dialect, Select

from app.core.errors import Unavailable


class PointRead:
    """A SELECT by unique key for the hot path, compiled once. Values are bound by name."""

    def __init__(self, statement: Select[Any]) -> None:
        self.statement = statement


class Compiled(NamedTuple):
    """A point read for one database."""

    sql: str
    names: list[str]
    """Of its values, in order."""
    converters: Sequence[tuple[int, Callable[[Any], Any]]]
    """Which columns' values are to be turned into Python's, and how."""

    def converted(self, found: Iterable[Any]) -> tuple[Any, ...]:
        row = list(found)
        for at, convert in self.converters:
            row[at] = convert(row[at])
        return tuple(row)


def compiled(read: PointRead, dialect: Dialect) -> Compiled:
    statement = read.statement.compile(dialect=dialect)
    processors = [
        column.type.dialect_impl(dialect).result_processor(dialect, None) for column in read.statement.selected_columns
    ]
    converters = [(at, convert) for at, convert in enumerate(processors) if convert is not None]
    return Compiled(str(statement), list(statement.positiontup or ()), converters)


class Points(Protocol):
    """What reads points. On a server it is `core.server_points.ServerPoints`."""

    async def one(self, read: PointRead, values: dict[str, Any]) -> tuple[Any, ...] | None:
        """The one row, or None. Raises Unavailable where the database does not answer."""
        ...

    def commits(self) -> int | None:
        """A number that any commit changes, whichever process made it; None where that cannot be told."""
        ...

    async def close(self) -> None: ...


class SqlitePoints:
    """Reads from a SQLite file."""

    def __init__(self, file: Path, dialect: Dialect) -> None:
        self._file = file
        self._dialect = dialect
        self._compiled: dict[PointRead, Compiled] = {}
        self._connection: sqlite3.Connection | None = None

    async def one(self, read: PointRead, values: dict[str, Any]) -> tuple[Any, ...] | None:
        known = self._compiled.get(read)
        if known is None:
            known = self._compiled[read] = compiled(read, self._dialect)
        try:
            found = self._connected().execute(known.sql, [_bound(values[name]) for name in known.names]).fetchone()
        except sqlite3.Error as error:
            raise Unavailable from error
        return None if found is None else known.converted(found)

    def commits(self) -> int | None:
        try:
            return int(self._connected().execute("PRAGMA data_version").fetchone()[0])
        except sqlite3.Error:
            return None  # and the read that follows will say so

    async def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connected(self) -> sqlite3.Connection:
        if self._connection is None:
            # Opened at the first read, after the migrations; autocommit, so each SELECT sees the latest commit.
            uri = f"file:{quote(str(self._file))}?mode=ro"
            self._connection = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=0.1)
        return self._connection


def _bound(value: Any) -> Any:
    # SQLAlchemy keeps a UUID as 32 hex digits where the database has no such type.
    return value.hex if isinstance(value, UUID) else value
