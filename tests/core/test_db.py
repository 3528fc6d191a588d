"""Transactions and point reads on a real SQLite file."""

import asyncio
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import bindparam, insert, select
from sqlalchemy.exc import IntegrityError
from sqlmodel import col

from app.accounts.models import AccountRow, Session, SessionRow
from app.core.db import Database, PointRead, Tx, columns, insert_new
from app.core.errors import Unavailable

NOW = datetime(2026, 1, 1, 12, 0, 0, 123456, tzinfo=UTC)
ACCOUNT, SESSION = UUID(int=1), UUID(int=2)
ACCOUNT_VALUES = {"id": ACCOUNT, "address": "ada@example.test", "name": "ada", "password_hash": "x", "created_at": NOW}
BY_ID = PointRead(select(*columns(SessionRow, Session)).where(col(SessionRow.id) == bindparam("id")))
BY_DIGEST = PointRead(select(col(SessionRow.id)).where(col(SessionRow.secret_digest) == bindparam("digest")))


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
        assert (await before.exec_driver_sql("SELECT n FROM counter")).scalar_one() == 0
        async with db.write() as tx:
            await set_counter(tx, 1)
        assert (await before.exec_driver_sql("SELECT n FROM counter")).scalar_one() == 0
    assert await counter(db) == 1


async def test_writers_that_read_first_take_turns(db: Database, other: Database) -> None:
    """Two processes' worth of them: a deferred transaction would lose updates or fail with "database is locked"."""
    await asyncio.gather(*(increment(each) for each in [db, other] * 15))
    assert await counter(db) == 30


async def test_every_connection_is_durable_and_checks_foreign_keys(db: Database) -> None:
    async with AsyncExitStack() as open_at_once:
        transactions = [await open_at_once.enter_async_context(db.read()) for _ in range(4)]
        transactions.append(await open_at_once.enter_async_context(db.write()))
        for tx in transactions:
            found = [(await tx.exec_driver_sql(f"PRAGMA {name}")).scalar_one() for name in PRAGMAS]
            assert found == list(PRAGMAS.values())


PRAGMAS = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 5000}


async def test_a_missing_parent_row_is_refused(db: Database) -> None:
    with pytest.raises(IntegrityError):
        await add_session(db)


@pytest.mark.parametrize("turns", range(0, 30, 2))
async def test_a_write_cut_short_is_whole_or_absent_and_locks_nothing(db: Database, turns: int) -> None:
    """RETURNING leaves a statement unfinished, and `cut`, as a traceback would, holds its cursor."""
    cut = asyncio.create_task(set_twice(db, 1))
    for _ in range(turns):
        await asyncio.sleep(0)
    cut.cancel()
    await asyncio.gather(cut, return_exceptions=True)
    async with asyncio.timeout(2):
        assert await counter(db) in (0, 2)
        await set_twice(db, 2)
    assert await counter(db) == 4


async def test_a_writer_cut_short_while_it_waits_for_another_process(db: Database, file: Path) -> None:
    with sqlite3.connect(file, isolation_level=None) as another:
        another.execute("BEGIN IMMEDIATE")
        waiting = asyncio.create_task(set_twice(db, 1))
        await asyncio.sleep(0.01)
        waiting.cancel()
        another.execute("COMMIT")
        await asyncio.gather(waiting, return_exceptions=True)
    another.close()
    await set_twice(db, 2)
    assert await counter(db) == 4


async def test_point_reads_see_the_latest_commit(db: Database) -> None:
    await add_account(db)
    assert await db.point(BY_ID, id=SESSION) is None
    await add_session(db)
    assert await db.point(BY_ID, id=SESSION) is not None
    async with db.write() as tx:
        await tx.exec_driver_sql("DELETE FROM sessions")
    assert await db.point(BY_ID, id=SESSION) is None


async def test_point_reads_give_the_same_values_as_transactions(db: Database) -> None:
    await add_account(db)
    await add_session(db)
    read = await db.point(BY_ID, id=SESSION)
    async with db.read() as tx:
        assert read == tuple((await tx.execute(BY_ID.statement, {"id": SESSION})).one())
    assert read is not None
    session = Session(*read)
    assert (session.id, session.token_id, session.secret_digest) == (SESSION, None, b"\x00\xff")
    assert (session.rotated_at, session.rotated_at.utcoffset()) == (NOW, timedelta(0))
    assert await db.point(BY_DIGEST, digest=b"\x00\xff") == (SESSION,)


@pytest.mark.parametrize("spoil", ["gone", "garbage", "folder", "locked"])
async def test_a_database_that_does_not_answer(spoil: str, file: Path) -> None:
    file.unlink()
    if spoil == "garbage":
        file.write_bytes(b"This is no database at all. " * 100)
    if spoil == "folder":
        file.mkdir()
    if spoil == "locked":
        holder = sqlite3.connect(file, isolation_level=None)
        holder.execute("PRAGMA locking_mode=EXCLUSIVE")
        holder.execute("BEGIN EXCLUSIVE")
    db = Database(f"sqlite+aiosqlite:///{file}")
    with pytest.raises(Unavailable):
        await db.point(BY_ID, id=SESSION)
    if spoil != "locked":  # that takes as long as the busy timeout
        with pytest.raises(Unavailable):
            await counter(db)
    else:
        holder.close()
    await db.close()


async def test_one_of_many_that_insert_the_same_wins(db: Database, other: Database) -> None:
    async def one(number: int, database: Database) -> bool:
        async with database.write() as tx:
            return await insert_new(tx, AccountRow, {**ACCOUNT_VALUES, "id": UUID(int=number)}, unique="address")

    won = await asyncio.gather(*(one(number, [db, other][number % 2]) for number in range(10)))
    assert won.count(True) == 1
    async with db.read() as tx:
        assert (await tx.exec_driver_sql("SELECT count(*) FROM accounts")).scalar_one() == 1


def test_a_closed_database_lets_the_process_end(file: Path) -> None:
    program = (
        "import asyncio, sys\n"
        "from app.core.db import Database\n"
        "async def main():\n"
        "    db = Database(f'sqlite+aiosqlite:///{sys.argv[1]}')\n"
        "    cut = asyncio.create_task(db.write().__aenter__())\n"
        "    await asyncio.sleep(0)\n"
        "    cut.cancel()\n"
        "    async with db.read() as tx: await tx.exec_driver_sql('SELECT 1')\n"
        "    await db.close()\n"
        "asyncio.run(main())\n"
    )
    ended = subprocess.run(
        [sys.executable, "-X", "dev", "-c", program, file], capture_output=True, text=True, timeout=30, check=False
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
    assert not file.with_name(f"{file.name}-wal").exists()  # the last connection folded it in


async def set_counter(tx: Tx, value: int) -> None:
    await tx.exec_driver_sql("UPDATE counter SET n = ?", (value,))


async def set_twice(db: Database, value: int) -> None:
    async with db.write() as tx:
        (await tx.exec_driver_sql("UPDATE counter SET n = ? RETURNING n", (value,))).first()
        (await tx.exec_driver_sql("UPDATE counter SET n = n + ? RETURNING n", (value,))).first()


async def increment(db: Database) -> None:
    async with db.write() as tx:
        seen = (await tx.exec_driver_sql("SELECT n FROM counter")).scalar_one()
        await asyncio.sleep(0)
        await set_counter(tx, seen + 1)


async def fail_after_writing(db: Database) -> None:
    async with db.write() as tx:
        await set_counter(tx, 7)
        raise LookupError


async def counter(db: Database) -> int:
    async with db.read() as tx:
        return int((await tx.exec_driver_sql("SELECT n FROM counter")).scalar_one())


async def add_account(db: Database) -> None:
    async with db.write() as tx:
        assert await insert_new(tx, AccountRow, ACCOUNT_VALUES, unique="address")


async def add_session(db: Database) -> None:
    times = dict.fromkeys(("rotated_at", "created_at", "last_seen_at", "idle_ends_at", "ends_at"), NOW)
    values: dict[str, Any] = {"id": SESSION, "account_id": ACCOUNT, "secret_digest": b"\x00\xff", **times}
    async with db.write() as tx:
        await tx.execute(insert(SessionRow).values(ip_address="", user_agent="", **values))


@pytest.fixture
def file(tmp_path: Path, migrated: Path) -> Path:
    copy = Path(shutil.copyfile(migrated, tmp_path / "gatepost.db"))
    with sqlite3.connect(copy) as connection:
        connection.executescript("CREATE TABLE counter (n INTEGER); INSERT INTO counter VALUES (0);")
    connection.close()
    return copy


@pytest.fixture
async def db(file: Path) -> AsyncIterator[Database]:
    database = Database(f"sqlite+aiosqlite:///{file}")
    yield database
    await database.close()


@pytest.fixture
async def other(file: Path) -> AsyncIterator[Database]:
    database = Database(f"sqlite+aiosqlite:///{file}")
    yield database
    await database.close()
