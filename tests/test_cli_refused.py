"""Commands that cannot be done: by their exit status, on standard error, and nothing is made or said too much."""

import json
import shutil
from contextlib import chdir
from pathlib import Path

import pytest
import typer
from typer.main import get_command
from typer.testing import CliRunner, Result

from app.cli import app
from app.cli.errand import do
from app.core.config import Settings
from tests.e2e.server import ROOT
from tests.test_cli_operate import change, rows
from tests.tokens.calls import UNKNOWN

ADA = "ada@example.test"
COMMANDS = [
    ("account", "disable", ADA),
    ("account", "enable", ADA),
    ("account", "end-sessions", ADA),
    ("account", "show", ADA),
    ("token", "expire", UNKNOWN),
]
SHOW = COMMANDS[3]


@pytest.mark.parametrize("called", COMMANDS, ids=" ".join)
def test_of_whom_there_is_none_nothing_is_done(folder: Path, called: tuple[str, ...]) -> None:
    (sentence,) = refused(folder, 1, *called).splitlines()
    assert sentence.startswith("There is no ")
    assert json.loads(refused(folder, 1, *called, "--json")) == {"error": "NOT_FOUND", "problems": [sentence]}
    assert rows(folder, "SELECT * FROM security_events") == []
    assert [path.name for path in (folder / "data").iterdir()] == ["gatepost.db"]  # and no key was made


def test_what_is_no_uuid(folder: Path) -> None:
    told = json.loads(refused(folder, 2, "token", "expire", "gp_hunter2", "--json"))
    assert told["error"] == "INVALID_FIELD"
    assert "hunter2" not in str(told)


@pytest.mark.parametrize("called", [SHOW, ("purge",)], ids=" ".join)
def test_another_schema_is_refused(folder: Path, called: tuple[str, ...]) -> None:
    change(folder, "UPDATE alembic_version SET version_num = '0001'")
    (problem,) = json.loads(refused(folder, 2, *called, "--json"))["problems"]
    assert "gatepost migrate" in problem


def test_without_a_database_none_is_made(tmp_path: Path) -> None:
    assert refused(tmp_path, 2, *SHOW).startswith("DATABASE_URL: ")
    assert list(tmp_path.iterdir()) == []


def test_settings_that_are_wrong(folder: Path) -> None:
    told = json.loads(refused(folder, 2, *SHOW, "--json", TOKEN_QUOTA="hunter2"))
    assert told["error"] == "CANNOT_RUN"
    assert [problem.partition(":")[0] for problem in told["problems"]] == ["TOKEN_QUOTA"]


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "garbage.db").write_bytes(b"This is no database at all. " * 100)
    told = refused(tmp_path, 2, "purge", DATABASE_URL="sqlite+aiosqlite:///garbage.db")
    assert told == "DATABASE_URL: the database does not answer. Start it, or correct the URL.\n"


def test_an_unforeseen_failure_is_told_without_its_words(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def work(*_: object) -> None:
        raise ValueError("hunter2")

    monkeypatch.chdir(folder)
    with pytest.raises(typer.Exit) as ended:
        do(work, as_json=True)
    told = capsys.readouterr()
    assert (ended.value.exit_code, told.out) == (2, "")
    assert json.loads(told.err)["error"] == "INTERNAL"
    assert "ValueError" in told.err
    assert "hunter2" not in told.err


def test_every_command_is_on_the_operators_page() -> None:
    page = (ROOT / "docs/operations.md").read_text()
    for name, found in get_command(app).commands.items():  # type: ignore[attr-defined]
        for words in [f"{name} {each}" for each in found.commands] if hasattr(found, "commands") else [name]:
            assert f"gatepost {words}" in page


def invoked(folder: Path, *called: str, **settings: str) -> Result:
    """How the command ended. In this process: a new one takes a second."""
    environment = {name.upper(): settings.get(name.upper()) for name in Settings.model_fields}
    with chdir(folder):
        return CliRunner().invoke(app, called, env=environment)


def refused(folder: Path, status: int, *called: str, **settings: str) -> str:
    """What it says on standard error, and nothing on standard output."""
    ended = invoked(folder, *called, **settings)
    assert (ended.exit_code, ended.stdout) == (status, ""), ended.output
    return ended.stderr


@pytest.fixture
def folder(tmp_path: Path, migrated_file: Path) -> Path:
    """With a database that has the schema and nothing else."""
    (tmp_path / "data").mkdir()
    shutil.copyfile(migrated_file, tmp_path / "data/gatepost.db")
    return tmp_path
