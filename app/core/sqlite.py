"""How a SQLite file is connected to, and which of its errors mean that it is away. Only `core.db` asks.

A trip to a connection's thread and back takes longer than most statements. SQLAlchemy by aiosqlite makes four for each
(a cursor, its statement, its rows, its end), and one to begin; here a statement takes one, and brings its BEGIN along.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Self

import aiosqlite
from sqlalchemy import event
from sqlalchemy.exc import DatabaseError, DBAPIError, OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

_PATIENCE = 5.0  # seconds that SQLite may wait for another process's lock


def engine(url: str, *, begin: str, pool_size: int) -> AsyncEngine:
    """`begin` is how its transactions do."""
    made = create_async_engine(
        url, pool_size=pool_size, max_overflow=0, pool_timeout=10, connect_args={"timeout": _PATIENCE}
    )

    @event.listens_for(made.sync_engine, "begin")
    def begin_later(connection: Any) -> None:
        connection.connection.driver_connection.due = begin

    event.listen(made.sync_engine, "do_connect", lambda *given: given[-1].update(async_creator_fn=_open))
    return made


def is_away(error: Exception) -> bool:
    """Whether the error means that the file cannot be used for the moment."""
    # The drivers have no narrower class than DatabaseError for a file that is damaged or no database.
    invalidated = isinstance(error, DBAPIError) and error.connection_invalidated
    return isinstance(error, OperationalError) or invalidated or type(error) is DatabaseError


class Connection(aiosqlite.Connection):
    """What SQLAlchemy uses of aiosqlite's, with a trip only where something is to be done."""

    due: str | None = None
    """The statement that begins the transaction, until the first of its others takes it along."""

    def cursor(self) -> "Cursor":  # type: ignore[override]
        return Cursor(self)

    async def run(self, execute: Callable[[str, Any], sqlite3.Cursor], sql: str, parameters: Any) -> "_Done":
        """Execute, and fetch all rows."""
        due, self.due = self.due, None
        begin = due and partial(self._conn.execute, due)
        return await self._execute(_run, begin, execute, sql, parameters)  # type: ignore[no-any-return,no-untyped-call]

    async def commit(self) -> None:
        if self._is_open():
            await super().commit()

    async def rollback(self) -> None:
        if self._is_open():
            await super().rollback()

    def _is_open(self) -> bool:
        self.due = None
        return self._conn.in_transaction


class Cursor:
    """Has all rows of its last statement."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._rows: list[Any] = []
        self.description: Any = None
        self.rowcount = -1
        self.lastrowid: int | None = None
        self.arraysize = 1

    async def __aenter__(self) -> Self:
        return self

    async def execute(self, sql: str, parameters: Sequence[Any] = ()) -> Self:
        self._take(await self._connection.run(self._connection._conn.execute, sql, parameters))
        return self

    async def executemany(self, sql: str, parameters: Sequence[Sequence[Any]]) -> Self:
        self._take(await self._connection.run(self._connection._conn.executemany, sql, parameters))
        return self

    async def fetchall(self) -> list[Any]:
        rows, self._rows = self._rows, []
        return rows

    async def close(self) -> None:
        """Nothing is open."""

    def _take(self, done: "_Done") -> None:
        self._rows, self.description, self.rowcount, self.lastrowid = done


_Done = tuple[list[Any], Any, int, int | None]
"""Rows, and a cursor's description, rowcount and lastrowid."""


def _run(
    begin: Callable[[], object] | None, execute: Callable[[str, Any], sqlite3.Cursor], sql: str, parameters: Any
) -> _Done:
    """In the thread."""
    if begin is not None:
        begin()
    cursor = execute(sql, parameters)
    rows = cursor.fetchall()  # first: how many a statement with RETURNING changed is known only then
    done = rows, cursor.description, cursor.rowcount, cursor.lastrowid
    cursor.close()
    return done


async def _open(*args: Any, **options: Any) -> Connection:
    """A connection, opened to its end even if the call is cut short: otherwise aiosqlite leaves a thread to itself,
    which goes on making files, and speaking to the loop, after `close()` and the loop's own end."""
    connect = partial(sqlite3.connect, *args, **options, isolation_level=None)  # our transactions say how they begin
    connection = Connection(connect, iter_chunk_size=64)
    connection._thread.daemon = True  # as SQLAlchemy does with its own: a forgotten one must not hold the process
    opening = asyncio.ensure_future(_prepared(connection))
    try:
        return await asyncio.shield(opening)
    except asyncio.CancelledError:
        with suppress(sqlite3.Error, TimeoutError):
            await (await opening).close()
        raise


async def _prepared(connection: Connection) -> Connection:
    try:
        await connection
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            await _patiently(connection, f"PRAGMA {pragma}")
    except (sqlite3.Error, TimeoutError):
        await connection.close()
        connection._thread.join()  # it was told to end
        raise
    return connection


async def _patiently(connection: Connection, pragma: str) -> None:
    """SQLite itself does not wait where two processes turn a new file into WAL mode at once: one would fail."""
    async with asyncio.timeout(_PATIENCE):
        while True:
            try:
                await connection.execute_fetchall(pragma)
                return
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                    raise
            await asyncio.sleep(0.01)
