"""The command line on a PostgreSQL: it serves from a URL alone, and says what is wrong with one that does not serve."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app import migrations
from tests.e2e.server import run, serving
from tests.support.postgresql import PostgreSQL, running
from tests.test_cli import KEY, PRODUCTION, refusal

pytestmark = pytest.mark.only("postgresql")

STRANGER, READER = "stranger", "reader"
PASSWORD = "hunter2-canary"


def test_it_migrates_serves_and_ends_in_peace(tmp_path: Path, server: PostgreSQL) -> None:
    server.execute("CREATE DATABASE served")
    settings = {"DATABASE_URL": server.url("served"), "SECRET_KEYS": KEY}
    with serving(tmp_path, **settings) as service:
        assert "the server that DATABASE_URL names" in service.errors
        body = {"email": "ada@example.test", "password": "correct horse battery"}
        assert service.post("accounts.v1.PublicAccountsService/SignUp", body)[0] == 200
        assert service.post("accounts.v1.PublicAccountsService/SignIn", body)[0] == 200
        shown = run(tmp_path, "account", "show", "ada@example.test", **settings)
        assert (shown.returncode, shown.stderr) == (0, "")
        assert "sessions  1 live" in shown.stdout
        assert run(tmp_path, "purge", **settings).returncode == 0
        assert service.stop() == 0
    assert server.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = 'served'") == "0\n"
    assert not (tmp_path / "data/gatepost.db").exists()


def test_production_waits_for_an_operator_to_migrate(tmp_path: Path, server: PostgreSQL) -> None:
    server.execute("CREATE DATABASE operated")
    settings = {**PRODUCTION, "DATABASE_URL": server.url("operated")}
    (line,) = refusal(tmp_path, "serve", **settings)
    assert "gatepost migrate" in line
    for said in (
        f"The schema went from nothing to {migrations.HEAD}.\n",
        f"The schema is at {migrations.HEAD} already.\n",
    ):
        migrated = run(tmp_path, "migrate", **settings)
        assert (migrated.returncode, migrated.stdout, migrated.stderr) == (0, said, "")


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no such database": ({"database": "absent"}, "no database of this name"),
    "wrong password": ({"user": f"{STRANGER}:wrong"}, "refuses this user or password"),
    "no such user": ({"user": "nobody"}, "refuses this user or password"),
    "no connection to spare": ({"user": f"{STRANGER}:{PASSWORD}"}, "max_connections"),
    "nothing may be made": ({"user": f"{READER}:{PASSWORD}"}, "GRANT"),
}


@pytest.mark.parametrize("command", ["serve", "migrate"])
@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_wrong_is_said_in_a_sentence(tmp_path: Path, server: PostgreSQL, wrong: str, command: str) -> None:
    url, sentence = WRONG[wrong]
    (line,) = refusal(tmp_path, command, DATABASE_URL=server.url(**url), SECRET_KEYS=KEY)
    assert line.startswith("DATABASE_URL: ")
    assert sentence in line
    assert "hunter2" not in line


@pytest.mark.parametrize("host", ["127.0.0.1:1", "no-such-host.invalid"], ids=["port", "host"])
def test_a_server_that_is_not_there(tmp_path: Path, host: str) -> None:
    (line,) = refusal(tmp_path, "serve", DATABASE_URL=f"postgresql+asyncpg://ada@{host}/gatepost", SECRET_KEYS=KEY)
    assert line == "DATABASE_URL: the database does not answer. Start it, or correct the URL."


@pytest.fixture(scope="module")
def server() -> Iterator[PostgreSQL]:
    with running() as started:
        started.execute(
            f"CREATE ROLE {STRANGER} LOGIN CONNECTION LIMIT 0 PASSWORD '{PASSWORD}'",
            f"CREATE ROLE {READER} LOGIN PASSWORD '{PASSWORD}'",
        )
        started.require_password(STRANGER, "nobody")
        yield started
