"""Point reads: the one row that a credential names, off the path of transactions.

On SQLite they run on one read-only `sqlite3` connection in the event loop: tens of microseconds, where a hop to another
thread and back costs hundreds. Nothing longer may run there.
"""

import sqlite3
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote
from uuid import UUID

from sqlalchemy import Dialect, Select, Uuid
from sqlalchemy.types import TypeEngine
from sqlmodel import UTCDateTime

from app.core.errors import Unavailable

_Compiled = tuple[str, list[str], list[tuple[int, Callable[[Any], Any]]]]
"""SQL, the names of its values in order, and which columns' values are to be turned into Python's, and how."""


class PointRead:
    """A SELECT by unique key for the hot path, compiled once. Values are bound by name."""

    def __init__(self, statement: Select[Any]) -> None:
        self.statement = statement


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
        self._compiled: dict[PointRead, _Compiled] = {}
        self._connection: sqlite3.Connection | None = None

    async def one(self, read: PointRead, values: dict[str, Any]) -> tuple[Any, ...] | None:
        sql, names, converters = self._compiled.get(read) or self._compile(read)
        try:
            found = self._connected().execute(sql, [_bound(values[name]) for name in names]).fetchone()
        except sqlite3.Error as error:
            raise Unavailable from error
        if found is None:
            return None
        row = list(found)
        for at, convert in converters:
            row[at] = convert(row[at])
        return tuple(row)

    def commits(self) -> int | None:
        try:
            return int(self._connected().execute("PRAGMA data_version").fetchone()[0])
        except sqlite3.Error:
            return None  # and the read that follows will say so

    async def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _compile(self, read: PointRead) -> _Compiled:
        compiled = read.statement.compile(dialect=self._dialect)
        converters = [
            (at, convert)
            for at, column in enumerate(read.statement.selected_columns)
            if (convert := self._converter(column.type)) is not None
        ]
        self._compiled[read] = (str(compiled), list(compiled.positiontup or ()), converters)
        return self._compiled[read]

    def _converter(self, kind: TypeEngine[Any]) -> Any:
        # Of ten columns these are eight, and SQLAlchemy's own take 2 µs for each.
        if isinstance(kind, UTCDateTime):
            return _moment
        if isinstance(kind, Uuid):
            return _uuid
        return kind.dialect_impl(self._dialect).result_processor(self._dialect, None)

    def _connected(self) -> sqlite3.Connection:
        if self._connection is None:
            # Opened at the first read, after the migrations; autocommit, so each SELECT sees the latest commit.
            uri = f"file:{quote(str(self._file))}?mode=ro"
            self._connection = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=0.1)
        return self._connection


def _moment(stored: str | None) -> datetime | None:
    return None if stored is None else datetime.fromisoformat(stored + "+00:00")


def _uuid(stored: str | None) -> UUID | None:
    return None if stored is None else UUID(int=int(stored, 16))


def _bound(value: Any) -> Any:
    # SQLAlchemy keeps a UUID as 32 hex digits where the database has no such type.
    return value.hex if isinstance(value, UUID) else value
