"""How PostgreSQL is connected to, and which of its errors mean that it is away. Only `core.db` asks.

Every wait has an end. Those of the server are set anew in each transaction, with the BEGIN: pgbouncer in transaction
mode refuses settings in the start-up packet, and one that is set for a connection would stay there for whoever gets it
next. Those of the client are for a server, or a network, that says nothing at all.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
from sqlalchemy import NullPool, event
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

_MIGRATION_LOCK = 0x6761746570  # any number that nobody else locks
CONNECT_WITHIN = 5.0
"""Seconds for a connection, TLS and password included."""
WAIT_FOR_CONNECTION = 5.0
"""Seconds that a call waits for one of the pool. All of them busy for so long means that the database does not keep up,
and a call that waits longer only adds to it."""
ANSWER_WITHIN = 15.0
"""Seconds for one statement, by the client's clock; more than the server takes to give up by itself."""
BOUNDS = {
    "lock_timeout": "5s",  # as long as on SQLite; transactions are short, so somebody is stuck
    "statement_timeout": "10s",
    "idle_in_transaction_session_timeout": "15s",  # of a process that died, or hangs, and holds locks
}

_AWAY = (
    "08",  # connection
    "25006",  # read only: a standby, or a primary that is one by now
    "25P03",  # idle in a transaction for too long
    "28",  # user or password
    "3D",  # no such database
    "3F",  # no such schema
    "42501",  # permission denied
    "42703",  # no such column, or
    "42P01",  # no such table: somebody has yet to migrate, or has put another database here
    "40",  # a deadlock, or another transaction was faster: both are undone, and a second try works
    "53",  # no more connections, memory or disk
    "55P03",  # a lock was not to be had in time
    "57",  # shut down, starting up, or took too long
    "58",  # the machine under it
)
"""SQLSTATE classes and codes (PostgreSQL, appendix A) after which another try, maybe much later, can succeed."""


_WHY = {
    "28": "the database refuses this user or password. Correct the URL, or what the server's pg_hba.conf says.",
    "3D": "the server has no database of this name. Create it (CREATE DATABASE), or correct the URL.",
    "42501": "this user may not do that. GRANT CREATE ON SCHEMA public, or let it own the database.",
    "25006": "the database takes no writes: it is a standby. Name the primary in the URL.",
    "53300": "the server has no connection to spare. Raise its max_connections, or lower DATABASE_POOL.",
    "55P03": "others hold what this needs, and did not let go in time. Nothing was changed; try again.",
}


class Connection(asyncpg.Connection):  # type: ignore[misc]  # it ships no types
    """Begins each transaction with its bounds, in the same round trip."""

    async def execute(self, query: str, *args: Any, **options: Any) -> str:
        if query.startswith("BEGIN"):  # from asyncpg's own Transaction.start
            query += "".join(f"SET LOCAL {name} = '{value}';" for name, value in BOUNDS.items())
        return str(await super().execute(query, *args, **options))


def engine(url: str, *, pool_size: int) -> AsyncEngine:
    options = {**connect_options(), "command_timeout": ANSWER_WITHIN, "connection_class": Connection}
    made = create_async_engine(
        url, pool_size=pool_size, max_overflow=0, pool_timeout=WAIT_FOR_CONNECTION, connect_args=options
    )
    event.listen(made.sync_engine, "checkout", _require_open)
    return made


def reading(pool: AsyncEngine) -> AsyncEngine:
    """The same connections, for transactions that see one state of the data, as on SQLite, and change none."""
    return pool.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


@asynccontextmanager
async def migrating(url: str) -> AsyncIterator[AsyncConnection]:
    """A transaction of one process at a time, which may take as long as it needs, save for its locks: while it waits
    for a table, everybody else waits for it."""
    made = create_async_engine(url, poolclass=NullPool, connect_args=connect_options())
    try:
        async with made.begin() as tx:
            for bound in BOUNDS:  # that the role may have
                await tx.exec_driver_sql(f"SET LOCAL {bound} = 0")
            await tx.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})")
            await tx.exec_driver_sql(f"SET LOCAL lock_timeout = '{BOUNDS['lock_timeout']}'")
            yield tx
    finally:
        await made.dispose()


def is_away(error: BaseException) -> bool:
    """Whether the error means that the database cannot serve for the moment."""
    # The second: the server has taken its leave, and the connection does not know yet that it is closed.
    if isinstance(error, DBAPIError) and (
        error.connection_invalidated or isinstance(_cause(error), asyncpg.InternalClientError)
    ):
        return True
    return sqlstate(error).startswith(_AWAY)


def why_away(error: BaseException | None) -> str:
    """What an operator can do about an error that means that the database is away, or was never there."""
    state = "" if error is None else sqlstate(error)
    for begins, why in _WHY.items():
        if state.startswith(begins):
            return why
    return "the database does not answer. Start it, or correct the URL."


def sqlstate(error: BaseException) -> str:
    """The SQLSTATE of an error of asyncpg, or of SQLAlchemy around it; empty where there is none."""
    return getattr(_cause(error), "sqlstate", None) or ""


def _cause(error: BaseException) -> BaseException | None:
    """The driver's own error: SQLAlchemy wraps it twice."""
    return error.orig.__cause__ if isinstance(error, DBAPIError) and error.orig else error


def connect_options() -> dict[str, Any]:
    """What every connection is opened with."""
    return {
        "timeout": CONNECT_WITHIN,
        "server_settings": {"application_name": "gatepost"},  # all that pgbouncer lets through
        # Statements are prepared under the empty name, where nothing stays behind for whoever gets the connection next.
        # Names would save the server a plan, and this process nothing that can be measured.
        "statement_cache_size": 0,
    }


def _require_open(connection: Any, *_: Any) -> None:
    """A connection that the server has closed, by a restart say, is replaced. To ask it, as SQLAlchemy's own check
    does, would cost every transaction three more round trips."""
    if connection.driver_connection.is_closed():
        raise DisconnectionError
