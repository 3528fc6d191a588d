"""PostgreSQL: every wait has an end, what means that it is away is `unavailable`, and it heals by itself."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError

from app.core import postgresql
from app.core.db import Database
from app.core.errors import Unavailable
from tests.support.postgresql import PostgreSQL, running

pytestmark = pytest.mark.only("postgresql")

AWAY = {
    "08006": "connection failure",
    "25006": "read-only transaction",
    "25P03": "idle in a transaction",
    "28P01": "wrong password",
    "3D000": "no such database",
    "40001": "serialization failure",
    "40P01": "deadlock",
    "3F000": "no such schema",
    "42501": "permission denied",
    "42703": "no such column",
    "42P01": "no such table",
    "53100": "disk full",
    "53300": "too many connections",
    "55P03": "lock not available",
    "57014": "statement took too long",
    "57P01": "shutdown",
    "57P03": "starting up",
    "58030": "input/output error",
}


@pytest.mark.parametrize("state", AWAY, ids=list(AWAY.values()))
async def test_what_means_that_it_is_away(db: Database, state: str) -> None:
    with pytest.raises(Unavailable):
        await fail(db, state)


@pytest.mark.parametrize("state", ["22021", "23505", "42601", "P0001", "XX000"])
async def test_what_is_an_error_like_any_other(db: Database, state: str) -> None:
    with pytest.raises(DBAPIError) as caught:
        await fail(db, state)
    assert postgresql.sqlstate(caught.value) == state


async def test_every_transaction_has_its_bounds(db: Database) -> None:
    for begin in (db.write, db.read, db.schema):
        async with begin() as tx:
            found = {name: (await tx.exec_driver_sql(f"SHOW {name}")).scalar_one() for name in postgresql.BOUNDS}
        assert found == postgresql.BOUNDS


async def test_no_bound_outlives_its_transaction(db: Database) -> None:
    """Behind a pooler the connection is somebody else's by then."""
    async with db.write() as tx:
        connection: Any = (await tx.get_raw_connection()).driver_connection
        await tx.exec_driver_sql("SELECT 1")
    assert {await connection.fetchval(f"SHOW {name}") for name in postgresql.BOUNDS} == {"0"}


async def test_reads_see_one_state_and_change_none(db: Database) -> None:
    async with db.read() as tx:
        for name, value in {"transaction_isolation": "repeatable read", "transaction_read_only": "on"}.items():
            assert (await tx.exec_driver_sql(f"SHOW {name}")).scalar_one() == value
    async with db.write() as tx:
        assert (await tx.exec_driver_sql("SHOW transaction_isolation")).scalar_one() == "read committed"


async def test_a_lock_is_not_waited_for_without_end(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(postgresql.BOUNDS, "lock_timeout", "1ms")
    async with db.write() as tx:
        await tx.exec_driver_sql("UPDATE counter SET n = 1")
        with pytest.raises(Unavailable):
            await set_counter(db, 2)
    assert await counter(db) == 1


async def test_a_statement_does_not_run_without_end(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(postgresql.BOUNDS, "statement_timeout", "1ms")
    with pytest.raises(Unavailable):
        async with db.write() as tx:
            await tx.exec_driver_sql("SELECT pg_sleep(60)")


async def test_who_holds_a_transaction_open_is_thrown_out(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process hangs, say; what it has locked is free again."""
    with monkeypatch.context() as patched:
        patched.setitem(postgresql.BOUNDS, "idle_in_transaction_session_timeout", "1ms")
        with pytest.raises(Unavailable):
            await hold_counter(db)
    await set_counter(db, 2)
    assert await counter(db) == 2


async def test_a_free_connection_is_not_waited_for_without_end(
    server: PostgreSQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql, "WAIT_FOR_CONNECTION", 0.01)
    db = Database(server.url(), pool_size=2)
    async with db.read(), db.write():
        with pytest.raises(Unavailable):
            await counter(db)
    assert await counter(db) == 0
    await db.close()


async def test_of_two_that_wait_for_each_other_one_is_refused(server: PostgreSQL, db: Database) -> None:
    server.execute("ALTER DATABASE postgres SET deadlock_timeout = '1ms'")
    await db.close()  # the setting is of new connections
    first, second = asyncio.Event(), asyncio.Event()
    ended = await asyncio.gather(
        lock_both(db, 1, 2, mine=first, other=second),
        lock_both(db, 2, 1, mine=second, other=first),
        return_exceptions=True,
    )
    assert sorted(type(each) for each in ended if each is not None) == [Unavailable]


@pytest.mark.parametrize("write", [False, True], ids=["reads", "writes"])
async def test_a_server_that_hangs_is_unavailable_and_good_again_afterwards(
    server: PostgreSQL, impatient: Database, write: bool
) -> None:
    await used(impatient)
    server.pause()
    for _ in range(2):  # on connections that there are, and on new ones
        outcomes = await asyncio.gather(*(call(impatient, write=write) for _ in range(4)), return_exceptions=True)
        assert [type(each) for each in outcomes] == [Unavailable] * 4
    server.resume()
    await call(impatient, write=write)


@pytest.mark.parametrize("write", [False, True], ids=["reads", "writes"])
async def test_a_server_that_is_killed_is_unavailable_until_it_is_back(
    server: PostgreSQL, db: Database, write: bool
) -> None:
    await used(db)
    server.kill()
    for _ in range(3):
        with pytest.raises(Unavailable):
            await call(db, write=write)
    server.start()
    await call(db, write=write)


async def test_a_transaction_under_way_when_it_stops(server: PostgreSQL, db: Database) -> None:
    with pytest.raises(Unavailable):
        await restart_under(server, db)
    assert await counter(db) == 0


async def test_no_call_fails_for_a_restart_before_it(server: PostgreSQL, db: Database) -> None:
    await used(db)
    server.stop()
    server.start()
    for _ in range(5):  # turns of the loop, in which the ends of the old connections arrive
        await asyncio.sleep(0)
    await asyncio.gather(*(call(db, write=True) for _ in range(4)))


async def test_no_prepared_statement_is_left_behind(db: Database) -> None:
    """So that a pooler may give each transaction another connection."""
    for value in range(3):  # the same statements again, on the one connection
        await set_counter(db, value)
        assert await counter(db) == value
    async with db.read() as tx:
        names = (await tx.exec_driver_sql("SELECT name FROM pg_prepared_statements")).scalars().all()
    assert not any(names)


async def fail(db: Database, state: str) -> None:
    async with db.write() as tx:
        await tx.exec_driver_sql(f"DO $$ BEGIN RAISE SQLSTATE '{state}'; END $$")


async def lock_both(db: Database, *marks: int, mine: asyncio.Event, other: asyncio.Event) -> None:
    first, second = marks
    async with db.write() as tx:
        await tx.exec_driver_sql("UPDATE marks SET n = 1 WHERE id = $1", (first,))
        mine.set()
        await other.wait()
        await tx.exec_driver_sql("UPDATE marks SET n = 1 WHERE id = $1", (second,))


async def hold_counter(db: Database) -> None:
    """Until the server has closed the connection."""
    closed = asyncio.Event()
    async with db.write() as tx:
        connection: Any = (await tx.get_raw_connection()).driver_connection
        connection.add_termination_listener(lambda _: closed.set())
        await tx.exec_driver_sql("UPDATE counter SET n = 1")
        await closed.wait()


async def restart_under(server: PostgreSQL, db: Database) -> None:
    async with db.write() as tx:
        await tx.exec_driver_sql("UPDATE counter SET n = 7")
        server.stop()
        server.start()


async def call(db: Database, *, write: bool) -> None:
    if write:
        await set_counter(db, 0)
    else:
        assert await counter(db) == 0


async def used(db: Database) -> None:
    """Afterwards the pool has several connections."""
    await asyncio.gather(*(counter(db) for _ in range(3)))


async def set_counter(db: Database, value: int) -> None:
    async with db.write() as tx:
        await tx.exec_driver_sql("UPDATE counter SET n = $1", (value,))


async def counter(db: Database) -> int:
    async with db.read() as tx:
        return int((await tx.exec_driver_sql("SELECT n FROM counter")).scalar_one())


@pytest.fixture(scope="module")
def own() -> Iterator[PostgreSQL]:
    with running() as started:
        yield started


@pytest.fixture
def server(own: PostgreSQL) -> Iterator[PostgreSQL]:
    """One that a test may stop."""
    own.execute(
        "DROP TABLE IF EXISTS counter, marks",
        "ALTER DATABASE postgres RESET deadlock_timeout",
        "CREATE TABLE counter (n int); INSERT INTO counter VALUES (0)",
        "CREATE TABLE marks (id int PRIMARY KEY, n int); INSERT INTO marks VALUES (1, 0), (2, 0)",
    )
    yield own
    own.restore()


@pytest.fixture
async def db(server: PostgreSQL) -> AsyncIterator[Database]:
    database = Database(server.url())
    yield database
    await database.close()


@pytest.fixture
async def impatient(server: PostgreSQL, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Database]:
    monkeypatch.setattr(postgresql, "ANSWER_WITHIN", 0.5)
    monkeypatch.setattr(postgresql, "CONNECT_WITHIN", 0.5)
    database = Database(server.url())
    yield database
    await database.close()
