"""Tables behind the service's back, alike on both databases: rows, faults, and what was written and is being read."""

import sqlite3
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from typing import Any

from sqlalchemy import Connection, insert, inspect, select

from app.core.db import Table
from tests.support.service import Gatepost


async def names(gatepost: Gatepost) -> list[str]:
    """Of all tables."""

    def found(connection: Connection) -> list[str]:
        return sorted(inspect(connection).get_table_names())

    async with gatepost.parts.db.schema() as tx:
        return await tx.run_sync(found)


async def first(gatepost: Gatepost, table: type[Table]) -> dict[str, Any]:
    """A row, as its model has it."""
    async with gatepost.parts.db.read() as tx:
        return dict((await tx.execute(select(table.__table__).limit(1))).mappings().one())  # type: ignore[attr-defined]


async def add(gatepost: Gatepost, table: type[Table], rows: Sequence[Mapping[str, Any]]) -> None:
    async with gatepost.parts.db.write() as tx:
        await tx.execute(insert(table), [dict(row) for row in rows])


@asynccontextmanager
async def refusing(gatepost: Gatepost, act: str, *tables: str) -> AsyncIterator[None]:
    """Meanwhile each such statement, INSERT say, fails with "no room", and with it its transaction."""
    await _refuse(gatepost, act, tables)
    yield
    for table in tables:
        on = "" if gatepost.on_sqlite else f" ON {table}"
        await gatepost.execute(f"DROP TRIGGER no_{act}_{table}{on}")


async def refuse_writes(gatepost: Gatepost) -> None:
    """From here on every statement that writes does."""
    for act in ("INSERT", "UPDATE", "DELETE"):
        await _refuse(gatepost, act, await names(gatepost))


async def _refuse(gatepost: Gatepost, act: str, tables: Sequence[str]) -> None:
    if not gatepost.on_sqlite:
        body = "BEGIN RAISE EXCEPTION 'no room'; END"
        await gatepost.execute(f"CREATE OR REPLACE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ {body} $$")
    fails = "BEGIN SELECT RAISE(ABORT, 'no room'); END" if gatepost.on_sqlite else "EXECUTE FUNCTION fail()"
    each = "FOR EACH ROW" if gatepost.on_sqlite else "FOR EACH STATEMENT"
    for table in tables:
        await gatepost.execute(f"CREATE TRIGGER no_{act}_{table} BEFORE {act} ON {table} {each} {fails}")


async def commits(gatepost: Gatepost) -> int:
    """Grows by each commit that waited for the disk."""
    if not gatepost.on_sqlite:
        # Such transactions alone get a number. This server has no other work that would.
        [(next_number,)] = await gatepost.fetch("SELECT pg_snapshot_xmax(pg_current_snapshot())::text")
        return int(next_number)
    file = gatepost.settings.database_file
    assert file
    return file.with_name(f"{file.name}-wal").stat().st_size  # to which it appends each page that was changed


async def somebody_reads(gatepost: Gatepost) -> bool:
    """Whether a transaction is open: it would keep SQLite's log from being folded in, and on PostgreSQL a connection
    from everybody else."""
    if not gatepost.on_sqlite:
        sql = (
            "SELECT pid, xact_start FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in %'"
        )
        opened = set(await gatepost.fetch(sql))
        for _ in range(20):  # in which those of the workers end
            opened &= set(await gatepost.fetch(sql))
        return bool(opened)
    with closing(sqlite3.connect(str(gatepost.settings.database_file))) as database:
        [busy, *_] = database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return bool(busy)
