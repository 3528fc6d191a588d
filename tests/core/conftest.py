"""A migrated database with a counter in it, and two services' worth of connections to it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.core.db import Database
from tests.support.databases import Original


@pytest.fixture
async def url(tmp_path: Path, migrated: Original) -> str:
    database = Database(migrated.url_in(tmp_path))
    async with database.write() as tx:
        for table, zeros in (("counter", "(0)"), ("marks", "(0), (0)")):
            await tx.exec_driver_sql(f"CREATE TABLE {table} (n INTEGER)")
            await tx.exec_driver_sql(f"INSERT INTO {table} VALUES {zeros}")  # noqa: S608
    await database.close()
    return migrated.url_in(tmp_path)


@pytest.fixture
def file(url: str, tmp_path: Path) -> Path:
    """Of SQLite."""
    return tmp_path / "gatepost.db"


@pytest.fixture
async def db(url: str) -> AsyncIterator[Database]:
    database = Database(url)
    yield database
    await database.close()


@pytest.fixture
async def other(url: str) -> AsyncIterator[Database]:
    database = Database(url)
    yield database
    await database.close()
