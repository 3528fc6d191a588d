"""`gatepost backup`: a whole copy or none, for its owner alone, and never in the place of another file."""

import json
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from tests.test_cli_refused import folder, invoked, refused

__all__ = ["folder"]  # pytest finds it here
ADA = "ada@example.test"


def test_the_copy_has_all_rows_and_is_for_its_owner_alone(folder: Path) -> None:
    insert(folder / "data/gatepost.db", "kept")
    told = json.loads(backed_up(folder, "--json"))
    copy = folder / "copy.db"
    assert told == {"file": str(copy), "bytes": copy.stat().st_size}
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert names(copy) == ["kept"]
    assert sorted(path.name for path in folder.iterdir()) == ["copy.db", "data"]


def test_what_stands_in_the_write_ahead_log_is_in_the_copy(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "data/gatepost.db", isolation_level=None)) as another:
        another.execute("PRAGMA journal_mode=WAL")
        insert(folder / "data/gatepost.db", "in the log")
        backed_up(folder)
    assert names(folder / "copy.db") == ["in the log"]


def test_what_was_deleted_is_not_in_the_copy(folder: Path) -> None:
    insert(folder / "data/gatepost.db", "deleted-" * 8)
    with closing(sqlite3.connect(folder / "data/gatepost.db")) as database, database:
        database.execute("DELETE FROM accounts")
    backed_up(folder)
    assert b"deleted-deleted-" not in (folder / "copy.db").read_bytes()


def test_an_older_schema_is_backed_up_before_it_is_migrated(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "data/gatepost.db")) as database, database:
        database.execute("UPDATE alembic_version SET version_num = '0001'")
    backed_up(folder)


@pytest.mark.parametrize("there", ["copy.db", "copy.db.part"])
def test_no_file_is_overwritten(folder: Path, there: str) -> None:
    (folder / there).write_text("precious")
    assert f"{there} is there already" in refused(folder, 2, "backup", "copy.db")
    assert (folder / there).read_text() == "precious"
    assert sorted(path.name for path in folder.iterdir()) == sorted([there, "data"])


def test_where_nothing_can_be_written(folder: Path) -> None:
    assert "Cannot write" in refused(folder, 2, "backup", "nowhere/copy.db")


def test_a_damaged_database_is_told_and_leaves_no_copy(folder: Path) -> None:
    file = folder / "data/gatepost.db"
    with closing(sqlite3.connect(file)) as database, database:
        database.execute("CREATE TABLE told (a INTEGER CHECK (a > 0))")
        database.execute("PRAGMA ignore_check_constraints=ON")
        database.execute("INSERT INTO told VALUES (-1)")
    told = json.loads(refused(folder, 2, "backup", "copy.db", "--json"))
    assert told["problems"] == ["The database is damaged, and there is no backup:", "CHECK constraint failed in told"]
    assert [path.name for path in folder.iterdir()] == ["data"]


def test_what_is_no_database(folder: Path) -> None:
    (folder / "data/gatepost.db").write_bytes(b"hunter2" * 1000)
    told = refused(folder, 2, "backup", "copy.db")
    assert "SQLITE_NOTADB" in told
    assert "hunter2" not in told
    assert [path.name for path in folder.iterdir()] == ["data"]


def test_without_a_database_none_is_made(tmp_path: Path) -> None:
    assert refused(tmp_path, 2, "backup", "copy.db").startswith("DATABASE_URL: ")
    assert list(tmp_path.iterdir()) == []


def test_a_database_server_has_its_own_means(tmp_path: Path) -> None:
    settings = {"DATABASE_URL": "postgresql+asyncpg://gatepost:hunter2@db/gatepost", "SECRET_KEYS": "k" * 40}
    told = refused(tmp_path, 2, "backup", "copy.db", **settings)
    assert "pg_dump" in told
    assert "hunter2" not in told


def backed_up(folder: Path, *options: str) -> str:
    result = invoked(folder, "backup", "copy.db", *options)
    assert result.exit_code == 0, result.output
    return str(result.stdout)


def insert(file: Path, name: str) -> None:
    row = {"id": "0" * 32, "address": ADA, "name": name, "password_hash": "none", "created_at": "2026-01-01 12:00:00"}
    with closing(sqlite3.connect(file)) as database, database:
        database.execute(
            f"INSERT INTO accounts ({', '.join(row)}, failed_attempts) VALUES (:{', :'.join(row)}, 0)",  # noqa: S608
            row,
        )


def names(file: Path) -> list[str]:
    with closing(sqlite3.connect(file)) as database:
        return [name for (name,) in database.execute("SELECT name FROM accounts")]
