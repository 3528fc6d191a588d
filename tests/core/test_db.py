"""Transactions, on both databases; what is SQLite's alone is marked so."""

import asyncio
import sqlite3
import subprocess
import sys
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import column, insert, select, table, update
from sqlalchemy.exc import IntegrityError

from app.accounts.models import AccountRow, VerificationRow
from app.core.db import Database, Tx, insert_new
from app.core.sqlite import Connection

COUNTER = table("counter", column("n"))
NOW = datetime(2026, 1, 1, tzinfo=UTC)
CODE = {
    "id": UUID(int=1),
    "account_id": UUID(int=2),
    "purpose": "",
    "address": "",
    "code_digest": b"",
    "tries_left": 5,
    "created_at": NOW,
    "expires_at": NOW,
}
VALUES = {
    "address": "ada@example.test",
    "name": "ada",
    "password_hash": "x",
    "created_at": NOW,
}


async def test_a_block_that_ends_is_kept(db: Database) -> None:
    async with db.write() as tx:
        await set_counter(tx, 7)
    assert await counter(db) == 7


async def test_a_block_that_raises_leaves_nothing(db: Database) -> None:
    with pytest.raises(LookupError):
        await fail_after_writing(db)
    assert await counter(db) == 0


async def test_readers_see_one_state(db: Database) -> None:
    async with db.read() as before:
        assert (await before.execute(select(COUNTER.c.n))).scalar_one() == 0
        async with db.write() as tx:
            await set_counter(tx, 1)
        assert (await before.execute(select(COUNTER.c.n))).scalar_one() == 0
    assert await counter(db) == 1


async def test_writers_that_read_first_take_turns(db: Database, other: Database) -> None:
    """Two processes' worth of them. On SQLite a deferred transaction would lose updates or fail with "database is
    locked", on PostgreSQL one that does not hold what it reads would lose them."""
    await asyncio.gather(*(increment(each) for each in [db, other] * 15))
    assert await counter(db) == 30


@pytest.mark.only("sqlite")
async def test_every_connection_is_durable_and_checks_foreign_keys(db: Database) -> None:
    async with AsyncExitStack() as open_at_once:
        transactions = [await open_at_once.enter_async_context(db.read()) for _ in range(4)]
        transactions.append(await open_at_once.enter_async_context(db.write()))
        for tx in transactions:
            found = [(await tx.exec_driver_sql(f"PRAGMA {name}")).scalar_one() for name in PRAGMAS]
            assert found == list(PRAGMAS.values())


PRAGMAS = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 5000}


@pytest.mark.only("sqlite")
async def test_a_statement_is_one_trip_to_its_thread(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    await increment(db)  # the connection is open
    trips, go = [], Connection._execute

    async def counted(connection: Connection, *work: Any) -> Any:
        trips.append(work)
        return await go(connection, *work)  # type: ignore[no-untyped-call]

    monkeypatch.setattr(Connection, "_execute", counted)
    await increment(db)
    assert len(trips) == 3  # a read, a write, and the commit
    async with db.write():
        pass
    assert len(trips) == 3


@pytest.mark.only("sqlite")
async def test_rows_of_a_statement_that_changes_some_are_counted_and_told(db: Database) -> None:
    async with db.write() as tx:
        changed = await tx.exec_driver_sql("UPDATE counter SET n = 5 RETURNING n")
        assert (changed.rowcount, changed.scalars().all()) == (1, [5])
        many = await tx.exec_driver_sql("UPDATE counter SET n = n + ?", [(1,), (2,)])
        assert many.rowcount == 2
    assert await counter(db) == 8


async def test_a_missing_parent_row_is_refused(db: Database) -> None:
    with pytest.raises(IntegrityError):
        async with db.write() as tx:
            await tx.execute(insert(VerificationRow).values(**CODE))


@pytest.mark.parametrize("turns", range(24))
async def test_a_write_cut_short_is_whole_or_absent(db: Database, turns: int) -> None:
    await increment(db)  # the connection is open, so that what is cut short are statements
    cut = asyncio.create_task(increment(db))
    for _ in range(turns):
        await asyncio.sleep(0)
    cut.cancel()
    await asyncio.gather(cut, return_exceptions=True)
    before = await counter(db)
    assert before in (1, 2)
    await increment(db)
    assert await counter(db) == before + 1


@pytest.mark.only("sqlite")
async def test_a_statement_cut_short_locks_nothing(db: Database) -> None:
    """`cut` holds the unfinished statement's cursor, as any traceback would."""
    cut = asyncio.create_task(cut_while_it_runs(db, "UPDATE marks SET n = (SELECT cut()) RETURNING n"))
    await asyncio.gather(cut, return_exceptions=True)
    assert cut.cancelled()
    async with asyncio.timeout(2):
        await increment(db)


@pytest.mark.only("sqlite")
async def test_a_writer_cut_short_while_it_waits_for_another_process(db: Database, file: Path) -> None:
    with sqlite3.connect(file, isolation_level=None) as another:
        another.execute("BEGIN IMMEDIATE")
        waiting = asyncio.create_task(increment(db))
        await asyncio.sleep(0.01)
        waiting.cancel()
        another.execute("COMMIT")
        await asyncio.gather(waiting, return_exceptions=True)
    another.close()
    await increment(db)
    assert await counter(db) == 1


async def test_one_of_many_that_insert_the_same_wins(db: Database, other: Database) -> None:
    async def one(number: int, database: Database) -> bool:
        async with database.write() as tx:
            return await insert_new(tx, AccountRow, {**VALUES, "id": UUID(int=number)}, unique="address")

    won = await asyncio.gather(*(one(number, [db, other][number % 2]) for number in range(10)))
    assert won.count(True) == 1
    async with db.read() as tx:
        assert (await tx.exec_driver_sql("SELECT count(*) FROM accounts")).scalar_one() == 1


@pytest.mark.only("sqlite")
def test_a_closed_database_leaves_nothing_behind(file: Path) -> None:
    """Also where a call was cut short right before: threads would hold the process, or speak to a loop that is gone."""
    ended = subprocess.run(
        [sys.executable, "-X", "dev", "-c", OPENS_AND_CLOSES, file],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
    assert not file.with_name(f"{file.name}-wal").exists()  # the last connection folded it in


OPENS_AND_CLOSES = """
import asyncio, sys
from app.core.db import Database

async def main(turns):
    db = Database(f"sqlite+aiosqlite:///{sys.argv[1]}")
    cut = asyncio.create_task(db.write().__aenter__())
    for _ in range(turns):
        await asyncio.sleep(0)
    cut.cancel()
    await asyncio.gather(cut, return_exceptions=True)
    await db.close()

for turns in range(8):
    asyncio.run(main(turns), debug=False)  # which would tell of slow steps as well
"""


async def set_counter(tx: Tx, value: int) -> None:
    await tx.execute(update(COUNTER).values(n=value))


async def cut_while_it_runs(db: Database, statement: str) -> None:
    """Cancels itself from within the statement, which calls cut() in the driver's thread."""
    async with db.write() as tx:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None
        connection: Any = (await tx.get_raw_connection()).driver_connection
        await connection.create_function("cut", 0, lambda: bool(loop.call_soon_threadsafe(task.cancel)))
        await tx.exec_driver_sql(statement)


async def increment(db: Database) -> None:
    async with db.write() as tx:
        seen = (await tx.execute(select(COUNTER.c.n).with_for_update())).scalar_one()
        await asyncio.sleep(0)
        await set_counter(tx, seen + 1)


async def fail_after_writing(db: Database) -> None:
    async with db.write() as tx:
        await set_counter(tx, 7)
        raise LookupError


async def counter(db: Database) -> int:
    async with db.read() as tx:
        return int((await tx.execute(select(COUNTER.c.n))).scalar_one())
