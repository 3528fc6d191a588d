"""The schema's history: complete, reversible, one process at a time, and whole or absent."""

import ast
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
from app.migrations import history
from gen.accounts.v1.accounts_v1_pb import GetAccountRequest
from tests.support.databases import Original, sqlite_url
from tests.support.service import settings_for, started


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
        both = [await asyncio.create_subprocess_exec(*MIGRATING, sqlite_url(target)) for _ in range(2)]
        assert [await process.wait() for process in both] == [0, 0]
        assert "accounts" in schema(target)


@pytest.mark.parametrize(("end", "code"), [("raise LookupError", 1), ("os.kill(os.getpid(), 9)", -signal.SIGKILL)])
def test_a_migration_that_ends_midway_leaves_the_database_as_before(
    end: str, code: int, file: Path, migrated_file: Path, tmp_path: Path
) -> None:
    shutil.copyfile(migrated_file, file)
    folder = with_another(tmp_path, f"op.create_table('halfway', sa.Column('n', sa.Integer())); {end}")
    before = schema(file)
    ended = subprocess.run(
        [*MIGRATING, sqlite_url(file), str(folder)], stderr=subprocess.DEVNULL, timeout=30, check=False
    )
    assert ended.returncode == code
    assert schema(file) == before
    whole = with_another(tmp_path / "mended", "op.create_table('halfway', sa.Column('n', sa.Integer()))")
    subprocess.run([*MIGRATING, sqlite_url(file), str(whole)], timeout=30, check=True)
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


@pytest.mark.parametrize(
    ("revision", "served"),
    [
        (None, False),
        ("0001", False),
        (migrations.HEAD, True),
        ("0003_from_0002", True),  # expanded
        ("0005_from_0001", True),
        ("0003", False),  # contracted
        ("0004_from_0003", False),
    ],
)
def test_which_schemas_this_version_serves_on(revision: str | None, served: bool) -> None:
    assert migrations.HEAD == "0002", "choose other numbers, around the new one"
    assert migrations.serves(revision) is served


async def test_while_this_version_serves_a_later_one_expands_the_schema(tmp_path: Path, migrated: Original) -> None:
    """And this version starts on it, too: a replica may come back while others are replaced."""
    column, index = (
        "op.add_column('accounts', sa.Column('nickname', sa.Text()))",
        "op.create_index('i', 'accounts', ['name'])",
    )
    later = with_another(tmp_path / "later", f"{column}; {index}", revision="0003_from_0002")
    async with started(tmp_path, migrated) as gatepost:
        ada = await gatepost.session()
        migrating = await asyncio.create_subprocess_exec(*MIGRATING, gatepost.settings.database_url, str(later))
        assert await migrating.wait() == 0
        await gatepost.session("bob@example.test")
        await ada.accounts.get_account(GetAccountRequest())
    async with started(tmp_path, migrated) as again:
        assert migrations.serves(await migrations.current_revision(again.parts.db))
        await again.session("cy@example.test")


def test_a_revision_that_lets_earlier_versions_serve_only_adds() -> None:
    """A column that may not be empty needs a default, since they will not fill it in."""
    for file in (migrations.FOLDER / "versions").glob("*.py"):
        tree = ast.parse(file.read_text())
        (upgrade,) = (each for each in tree.body if isinstance(each, ast.FunctionDef) and each.name == "upgrade")
        if "_from_" in file.name or file.name.startswith("0002"):  # which only adds, too, and shows that this looks
            assert not_additions(upgrade) == [], file.name
    contracting = ast.parse(
        "op.drop_column('a', 'b'); op.add_column('a', sa.Column('c', sa.Integer(), nullable=False))"
    )
    assert len(not_additions(contracting)) == 2


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_a_plan_has_each_missing_step_with_its_statements(dialect: str) -> None:
    first, second = history.plan(None, dialect)
    assert (first.revision, second.revision) == ("0001", "0002")
    assert "CREATE TABLE accounts" in first.sql
    assert history.plan("0001", dialect) == [second]
    assert "ALTER TABLE accounts ADD COLUMN pending_address VARCHAR(254)" in second.sql
    assert "UPDATE alembic_version SET version_num='0002'" in second.sql
    assert history.plan(migrations.HEAD, dialect) == []
    with pytest.raises(migrations.UnknownRevision):
        history.plan("9999", dialect)


async def test_an_index_that_was_made_by_hand_is_kept(db: Database, file: Path) -> None:
    """On a large PostgreSQL it is made CONCURRENTLY beforehand, so that no write waits for it."""
    async with db.schema(exclusive=True) as tx:
        await tx.run_sync(history.run, "0001")
        await tx.exec_driver_sql("CREATE INDEX ix_tokens_expires_at ON tokens (expires_at)")
    await migrations.migrate(db)
    assert await migrations.current_revision(db) == migrations.HEAD


MIGRATING = (
    sys.executable,
    "-c",
    "import asyncio, sys\n"
    "from pathlib import Path\n"
    "from app import migrations\n"
    "from app.core.db import Database\n"
    "migrations.FOLDER = Path(sys.argv[2]) if sys.argv[2:] else migrations.FOLDER\n"
    "async def main():\n"
    "    db = Database(sys.argv[1])\n"
    "    await migrations.migrate(db)\n"
    "    await db.close()\n"
    "asyncio.run(main())\n",
)


def with_another(parent: Path, upgrade: str, *, revision: str = "next") -> Path:
    """A copy of the history with one more migration."""
    folder = Path(shutil.copytree(migrations.FOLDER, parent / "migrations", ignore=shutil.ignore_patterns("__*__")))
    (folder / "versions" / "next.py").write_text(
        "import os\nimport sqlalchemy as sa\nfrom alembic import op\n"
        f"revision, down_revision = '{revision}', '{migrations.HEAD}'\n"
        f"def upgrade(): {upgrade}\n"
        "def downgrade(): op.drop_table('halfway')\n"
    )
    return folder


def not_additions(upgrade: ast.AST) -> list[str]:
    """The calls in a migration that an earlier version might stumble over."""
    found = []
    for call in (node for node in ast.walk(upgrade) if isinstance(node, ast.Call)):
        said = ast.unparse(call)
        if not said.startswith("op."):
            continue
        lacking = "nullable=False" in said and "server_default" not in said
        if not said.startswith(("op.create_table(", "op.create_index(", "op.add_column(")) or (
            said.startswith("op.add_column(") and lacking
        ):
            found.append(said)
    return found


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
