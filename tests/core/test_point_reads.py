"""Point reads: the one row that a credential names, on a connection of their own."""

import socket
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import bindparam, insert, select
from sqlmodel import col

from app.accounts.models import AccountRow, Session, SessionRow
from app.core.db import Database, columns, insert_new
from app.core.errors import Unavailable
from app.core.points import PointRead

NOW = datetime(2026, 1, 1, 12, 0, 0, 123456, tzinfo=UTC)
ACCOUNT, SESSION = UUID(int=1), UUID(int=2)
BY_ID = PointRead(select(*columns(SessionRow, Session)).where(col(SessionRow.id) == bindparam("id")))
BY_DIGEST = PointRead(select(col(SessionRow.id)).where(col(SessionRow.secret_digest) == bindparam("digest")))


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


@pytest.mark.only("sqlite")
@pytest.mark.parametrize("spoil", ["gone", "garbage", "folder"])
async def test_a_database_that_does_not_answer(spoil: str, file: Path) -> None:
    spoilt(file, spoil)
    db = Database(f"sqlite+aiosqlite:///{file}")
    with pytest.raises(Unavailable):
        await db.point(BY_ID, id=SESSION)
    with pytest.raises(Unavailable):
        await add_account(db)
    await db.close()


async def test_a_server_that_does_not_answer() -> None:
    with socket.socket() as bound:  # and not listening
        bound.bind(("127.0.0.1", 0))
        db = Database(f"postgresql+asyncpg://nobody@127.0.0.1:{bound.getsockname()[1]}/nothing")
        with pytest.raises(Unavailable):
            await db.point(BY_ID, id=SESSION)
        await db.close()


@pytest.mark.only("sqlite")
async def test_a_point_read_does_not_wait_for_a_lock(db: Database, file: Path) -> None:
    holder = sqlite3.connect(file, isolation_level=None)
    holder.execute("PRAGMA locking_mode=EXCLUSIVE")
    holder.execute("BEGIN EXCLUSIVE")
    with pytest.raises(Unavailable):
        await db.point(BY_ID, id=SESSION)
    holder.close()
    assert await db.point(BY_ID, id=SESSION) is None


def spoilt(file: Path, how: str) -> None:
    file.unlink()
    if how == "garbage":
        file.write_bytes(b"This is no database at all. " * 100)
    if how == "folder":
        file.mkdir()


async def add_account(db: Database) -> None:
    values = {"id": ACCOUNT, "address": "ada@example.test", "name": "ada", "password_hash": "x", "created_at": NOW}
    async with db.write() as tx:
        assert await insert_new(tx, AccountRow, values, unique="address")


async def add_session(db: Database) -> None:
    times = dict.fromkeys(("rotated_at", "created_at", "last_seen_at", "idle_ends_at", "ends_at"), NOW)
    values = {"id": SESSION, "account_id": ACCOUNT, "secret_digest": b"\x00\xff", **times}
    async with db.write() as tx:
        await tx.execute(insert(SessionRow).values(ip_address="", user_agent="", **values))
