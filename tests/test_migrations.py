"""The schema's history: complete, reversible, one process at a time, and whole or absent."""

import asyncio
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData
from sqlalchemy.schema import CreateIndex, CreateTable

import app.accounts.models
import app.mail.outbox
import app.tokens.models  # noqa: F401
from app import migrations
from app.core.db import Database, Table
from app.core.errors import Unavailable
from tests.support.service import settings_for


async def test_from_nothing_to_the_end_and_again(db: Database, file: Path) -> None:
    assert await migrations.current_revision(db) is None
    await migrations.migrate(db)
    assert await migrations.current_revision(db) == migrations.HEAD
    before = schema(file)
    await migrations.migrate(db)
    assert schema(file) == before


async def test_a_new_database_has_no_accounts(db: Database) -> None:
    """ASVS 6.3.2: and nothing else that could be a way in."""
    await migrations.migrate(db)
    async with db.read() as tx:
        for table in ("accounts", "sessions", "tokens", "verifications"):
            assert (await tx.exec_driver_sql(f"SELECT count(*) FROM {table}")).scalar_one() == 0  # noqa: S608


async def test_down_to_nothing_and_up_again(db: Database, file: Path) -> None:
    await migrations.migrate(db)
    before = schema(file)
    await migrations.migrate(db, "base")
    assert list(schema(file)) == ["alembic_version"]
    await migrations.migrate(db)
    assert schema(file) == before


async def test_the_history_ends_in_what_the_models_say(db: Database, file: Path) -> None:
    """What alembic compares, and every word of the tables besides: names, lengths, defaults, ON DELETE."""
    await migrations.migrate(db)
    async with db.schema() as tx:
        assert await tx.run_sync(differences) == []
        metadata: MetaData = Table.metadata
        made = [CreateTable(table) for table in metadata.tables.values()]
        indexed = [CreateIndex(index) for table in metadata.tables.values() for index in table.indexes]
        expected = [str(each.compile(dialect=tx.dialect)) for each in (*made, *indexed)]
    found = schema(file)
    del found["alembic_version"]
    assert sorted(map(words, found.values())) == sorted(map(words, expected))


def test_head_is_the_newest_file() -> None:
    config = Config()
    config.set_main_option("script_location", str(migrations.FOLDER))
    scripts = ScriptDirectory.from_config(config)
    assert scripts.get_heads() == [migrations.HEAD]
    assert len(list(scripts.walk_revisions())) == len(list((migrations.FOLDER / "versions").glob("*.py")))


def test_every_constraint_and_index_has_a_name() -> None:
    """A later migration must be able to speak of it, on any database."""
    for table in Table.metadata.tables.values():
        for constraint in (*table.constraints, *table.indexes):
            assert constraint.name, (table.name, constraint)


async def test_two_processes_at_once_do_no_harm(file: Path) -> None:
    for number in range(3):
        target = file.with_name(f"{number}.db")
        both = [await asyncio.create_subprocess_exec(*MIGRATING, str(target)) for _ in range(2)]
        assert [await process.wait() for process in both] == [0, 0]
        assert "accounts" in schema(target)


@pytest.mark.parametrize(("end", "code"), [("raise LookupError", 1), ("os.kill(os.getpid(), 9)", -signal.SIGKILL)])
def test_a_migration_that_ends_midway_leaves_the_database_as_before(
    end: str, code: int, file: Path, migrated: Path, tmp_path: Path
) -> None:
    shutil.copyfile(migrated, file)
    folder = with_another(tmp_path, f"op.create_table('halfway', sa.Column('n', sa.Integer())); {end}")
    before = schema(file)
    ended = subprocess.run([*MIGRATING, str(file), str(folder)], stderr=subprocess.DEVNULL, timeout=30, check=False)
    assert ended.returncode == code
    assert schema(file) == before
    whole = with_another(tmp_path / "mended", "op.create_table('halfway', sa.Column('n', sa.Integer()))")
    subprocess.run([*MIGRATING, str(file), str(whole)], timeout=30, check=True)
    assert "halfway" in schema(file)


async def test_a_database_that_a_later_version_migrated(db: Database) -> None:
    await migrations.migrate(db)
    async with db.write() as tx:
        await tx.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    assert await migrations.current_revision(db) == "9999"
    with pytest.raises(migrations.UnknownRevision):
        await migrations.migrate(db)


async def test_a_database_that_does_not_answer(db: Database, garbage: Path) -> None:
    with pytest.raises(Unavailable):
        await migrations.current_revision(db)
    with pytest.raises(Unavailable):
        await migrations.migrate(db)


MIGRATING = (
    sys.executable,
    "-c",
    "import asyncio, sys\n"
    "from pathlib import Path\n"
    "from app import migrations\n"
    "from app.core.db import Database\n"
    "migrations.FOLDER = Path(sys.argv[2]) if sys.argv[2:] else migrations.FOLDER\n"
    "async def main():\n"
    "    db = Database(f'sqlite+aiosqlite:///{sys.argv[1]}')\n"
    "    await migrations.migrate(db)\n"
    "    await db.close()\n"
    "asyncio.run(main())\n",
)


def with_another(parent: Path, upgrade: str) -> Path:
    """A copy of the history with one more migration."""
    folder = Path(shutil.copytree(migrations.FOLDER, parent / "migrations", ignore=shutil.ignore_patterns("__*__")))
    (folder / "versions" / "next.py").write_text(
        "import os\nimport sqlalchemy as sa\nfrom alembic import op\n"
        f"revision, down_revision = 'next', '{migrations.HEAD}'\n"
        f"def upgrade(): {upgrade}\n"
        "def downgrade(): op.drop_table('halfway')\n"
    )
    return folder


def differences(connection: Connection) -> list[Any]:
    return list(compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), Table.metadata))


def schema(file: Path) -> dict[str, str]:
    """The statement behind each table and index, by its name; those that SQLite makes by itself have none."""
    with sqlite3.connect(file) as connection:
        found = dict(connection.execute("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL").fetchall())
    connection.close()
    return found


def words(statement: str) -> list[str]:
    """The parts of a statement in any order: columns and constraints stand as they were added."""
    name, _, parts = " ".join(statement.split()).rstrip(") ").partition(" (")
    # Commas inside parentheses do not part: those of a key over several columns.
    return [name.replace('"', ""), *sorted(part.strip(" )") for part in re.split(r",(?![^(]*\))", parts))]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "gatepost.db"


@pytest.fixture
def garbage(file: Path) -> Path:
    file.write_bytes(b"This is no database at all. " * 100)
    return file


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    database = Database(settings_for(tmp_path).database_url)
    yield database
    await database.close()
