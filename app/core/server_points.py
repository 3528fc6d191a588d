"""Point reads on PostgreSQL: one statement on a connection that is kept for them, prepared, committed by itself.

A transaction by SQLAlchemy costs three round trips and nine times the processor time. asyncpg's own pool costs
twice as much, since it resets a connection after each use; a single SELECT leaves nothing that had to be reset.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
from sqlalchemy import URL, Dialect

from app.core.errors import Unavailable
from app.core.points import Compiled, PointRead, compiled
from app.core.postgresql import connect_options
from app.core.secrets import digest

CONNECTIONS = 4
"""A read takes less than a millisecond, so that four make more of them than one process can ask for."""
PATIENCE = 5.0
"""Seconds for a read, with the wait for a connection and the making of one."""


class ServerPoints:
    """Reads from a server. Made without one; connects when it is first asked."""

    def __init__(self, url: URL, dialect: Dialect) -> None:
        _, options = dialect.create_connect_args(url)
        self._options: dict[str, Any] = {**options, **connect_options()}
        self._dialect = dialect
        self._compiled: dict[PointRead, Compiled] = {}
        self._free = asyncio.Semaphore(CONNECTIONS)
        self._idle: list[_Line] = []
        self._pooled = False

    async def one(self, read: PointRead, values: dict[str, Any]) -> tuple[Any, ...] | None:
        """The one row, or None. Raises Unavailable where the database does not answer."""
        known = self._compiled.get(read)
        if known is None:
            known = self._compiled[read] = compiled(read, self._dialect)
        try:
            async with asyncio.timeout(PATIENCE), self._free:
                row = await self._fetch(known.sql, [values[name] for name in known.names])
        except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError) as error:
            raise Unavailable from error
        return None if row is None else known.converted(row)

    def commits(self) -> None:
        """A server tells nobody what others do."""

    async def close(self) -> None:
        while self._idle:
            await self._idle.pop().connection.close()

    async def _fetch(self, sql: str, values: list[Any]) -> Any:
        if not self._pooled:
            try:
                return await self._on_a_line(lambda line: line.prepared(sql, values))
            except (asyncpg.InvalidSQLStatementNameError, asyncpg.DuplicatePreparedStatementError):
                # Somebody else has had the server's connection: a pooler by transaction that knows nothing of
                # statements, as PgBouncer before 1.21, stands between, and goes on standing there.
                self._pooled = True
        return await self._on_a_line(lambda line: line.in_one_transaction(sql, values))

    async def _on_a_line(self, ask: Callable[["_Line"], Awaitable[Any]]) -> Any:
        # The last that was used: the others may then be closed by a proxy between.
        line = self._idle.pop() if self._idle else None
        if line is None or line.connection.is_closed():
            line = _Line(await asyncpg.connect(**self._options))
        try:
            row = await ask(line)
        except BaseException:
            line.connection.terminate()  # cut short, it would have the answer to come before the next one's
            raise
        self._idle.append(line)
        return row


class _Line:
    """A connection, and what is prepared on it."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self.connection = connection
        self._statements: dict[str, Any] = {}

    async def prepared(self, sql: str, values: list[Any]) -> Any:
        """By one round trip, after the first."""
        statement = self._statements.get(sql)
        if statement is None:
            # Named for what it says: behind a pooler another's statement of the same name would be run for ours.
            name = f"gatepost_{digest(sql).hex()[:32]}"
            statement = self._statements[sql] = await self.connection.prepare(sql, name=name)
        return await statement.fetchrow(*values)

    async def in_one_transaction(self, sql: str, values: list[Any]) -> Any:
        """By four, none of which another connection can come between."""
        async with self.connection.transaction(readonly=True):
            return await self.connection.fetchrow(sql, *values)
