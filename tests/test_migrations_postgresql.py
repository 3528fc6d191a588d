"""The schema's history on PostgreSQL: there and back, in one transaction, by one process at a time."""

import asyncio
import re
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from app import migrations
from app.core import postgresql
from app.core.db import Database, Table
from app.core.errors import Unavailable
from tests.support.postgresql import PostgreSQL, running
from tests.test_migrations import MIGRATING, differences, with_another

pytestmark = pytest.mark.only("postgresql")


async def test_from_nothing_to_the_end_and_back_and_again(server: PostgreSQL, db: Database) -> None:
    assert await migrations.current_revision(db) is None
    await migrations.migrate(db)
    assert await migrations.current_revision(db) == migrations.HEAD
    there = server.schema("migrated")
    await migrations.migrate(db)
    assert server.schema("migrated") == there
    await migrations.migrate(db, "base")
    assert re.findall(r"CREATE TABLE public\.(\w+)", server.schema("migrated")) == ["alembic_version"]
    await migrations.migrate(db)
    assert server.schema("migrated") == there


async def test_the_history_ends_in_what_the_models_say(server: PostgreSQL, db: Database) -> None:
    """What alembic compares, and every word of the tables besides: names, lengths, defaults, ON DELETE."""
    await migrations.migrate(db)
    async with db.schema() as tx:
        assert await tx.run_sync(differences) == []
    server.execute("CREATE DATABASE modelled")
    modelled = Database(server.url("modelled"))
    async with modelled.write() as tx:
        await tx.run_sync(Table.metadata.create_all)
    await modelled.close()
    server.execute("DROP TABLE alembic_version", database="migrated")
    assert words(server.schema("migrated")) == words(server.schema("modelled"))


async def test_two_processes_at_once_do_no_harm(server: PostgreSQL) -> None:
    both = [await asyncio.create_subprocess_exec(*MIGRATING, server.url("migrated")) for _ in range(2)]
    assert [await process.wait() for process in both] == [0, 0]
    assert "CREATE TABLE public.accounts" in server.schema("migrated")


@pytest.mark.parametrize(("end", "code"), [("raise LookupError", 1), ("os.kill(os.getpid(), 9)", -signal.SIGKILL)])
async def test_a_migration_that_ends_midway_leaves_the_database_as_before(
    server: PostgreSQL, db: Database, tmp_path: Path, end: str, code: int
) -> None:
    await migrations.migrate(db)
    before = server.schema("migrated")
    folder = with_another(tmp_path, f"op.create_table('halfway', sa.Column('n', sa.Integer())); {end}")
    assert run(server, folder) == code
    assert server.schema("migrated") == before
    whole = with_another(tmp_path / "mended", "op.create_table('halfway', sa.Column('n', sa.Integer()))")
    assert run(server, whole) == 0
    assert "halfway" in server.schema("migrated")


async def test_it_may_take_longer_than_a_call(
    server: PostgreSQL, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or than the role may."""
    server.execute("ALTER DATABASE migrated SET statement_timeout = '1h'")
    monkeypatch.setattr(postgresql, "ANSWER_WITHIN", 0.001)
    monkeypatch.setitem(postgresql.BOUNDS, "statement_timeout", "1ms")
    async with db.schema(exclusive=True) as tx:
        await tx.exec_driver_sql("SELECT pg_sleep(0.05)")
        assert (await tx.exec_driver_sql("SHOW statement_timeout")).scalar_one() == "0"
    with pytest.raises(Unavailable):
        async with db.schema() as tx:
            await tx.exec_driver_sql("SELECT pg_sleep(60)")


async def test_it_does_not_stand_before_a_table_without_end(
    server: PostgreSQL, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever wants the table next would stand behind it."""
    await migrations.migrate(db)
    monkeypatch.setitem(postgresql.BOUNDS, "lock_timeout", "1ms")
    async with db.read() as tx:
        await tx.exec_driver_sql("SELECT 1 FROM accounts")
        with pytest.raises(Unavailable):
            await migrations.migrate(db, "base")
    assert await migrations.current_revision(db) == migrations.HEAD


async def test_a_second_one_waits_for_the_first(server: PostgreSQL, db: Database) -> None:
    """Also longer than anybody waits for a table."""
    async with db.schema(exclusive=True):
        second = asyncio.create_task(migrations.migrate(db))
        while server.execute("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted") == "":  # noqa: ASYNC110
            await asyncio.sleep(0)
    await second
    assert await migrations.current_revision(db) == migrations.HEAD


def run(server: PostgreSQL, folder: Path) -> int:
    command = [*MIGRATING, server.url("migrated"), str(folder)]
    return subprocess.run(command, stderr=subprocess.DEVNULL, timeout=60, check=False).returncode


def words(schema: str) -> list[str]:
    """The columns of a table in any order: they stand as they were added."""
    return sorted(line.strip(" ,") for line in schema.splitlines())


@pytest.fixture(scope="module")
def own() -> Iterator[PostgreSQL]:
    with running() as started:
        yield started


@pytest.fixture
def server(own: PostgreSQL) -> PostgreSQL:
    """With an empty database, `migrated`."""
    own.execute("DROP DATABASE IF EXISTS modelled", "DROP DATABASE IF EXISTS migrated", "CREATE DATABASE migrated")
    return own


@pytest.fixture
async def db(server: PostgreSQL) -> AsyncIterator[Database]:
    database = Database(server.url("migrated"))
    yield database
    await database.close()
