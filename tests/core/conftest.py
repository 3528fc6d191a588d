"""A migrated database file with a counter in it, and two services' worth of connections to it."""

import shutil
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.core.db import Database


@pytest.fixture
def file(tmp_path: Path, migrated_file: Path) -> Path:
    copy = Path(shutil.copyfile(migrated_file, tmp_path / "gatepost.db"))
    with sqlite3.connect(copy) as connection:
        connection.executescript(
            "CREATE TABLE counter (n INTEGER); INSERT INTO counter VALUES (0);"
            "CREATE TABLE marks (n INTEGER); INSERT INTO marks VALUES (0), (0);"
        )
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
