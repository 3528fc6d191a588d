"""PostgreSQL as it is deployed: behind Debian's PgBouncer, and backed up while two processes write."""

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy import pgbouncer
from tests.deploy.pgbouncer import LENT, PgBouncer
from tests.e2e.server import ROOT, Server, run
from tests.e2e.snippets import snippets_of
from tests.e2e.workers import PASSWORD, many, pids, under_load, until
from tests.support import postgresql
from tests.support.postgresql import PostgreSQL

PUBLIC = "accounts.v1.PublicAccountsService"
ADA = {"email": "ada@example.test", "password": PASSWORD}
(DUMP_AND_RESTORE,) = [each for each in snippets_of(ROOT / "docs/operations.md") if "gatepost.dump" in each.text]
DUMP, RESTORE = DUMP_AND_RESTORE.text.splitlines()

pytestmark = pytest.mark.timeout(180)  # each starts several servers, one after the other


def test_two_processes_share_few_connections_and_nothing_is_lost(
    postgres: PostgreSQL, pooler: PgBouncer, tmp_path: Path
) -> None:
    with many(tmp_path, **settings(pooler.url)) as server:
        with under_load(server, sign_in(server), clients=8) as load:
            load.more(server, 50)
            before = pids(server)
            os.kill(before[0], signal.SIGKILL)
            until(lambda: bool(set(pids(server)) - set(before)), server)
            load.more(server, 50)
            lent = postgres.execute("SELECT count(*) FROM pg_stat_activity WHERE usename = 'gatepost'")
        assert 1 <= int(lent) <= LENT
        assert load.refused == []
        assert set(load.made) <= tokens(postgres)
        assert server.stop() == 0


def test_a_pooler_that_is_started_anew_is_found_again(postgres: PostgreSQL, pooler: PgBouncer, tmp_path: Path) -> None:
    with many(tmp_path, **settings(pooler.url)) as server, under_load(server, sign_in(server)) as load:
        load.more(server)
        pooler.kill()
        until(lambda: bool(load.refused), server)
        pooler.start()
        load.more(server, 50)
    assert {(status, told["code"]) for status, told in load.refused} == {(503, "unavailable")}
    assert set(load.made) <= tokens(postgres)


def test_commands_work_through_the_pooler(pooler: PgBouncer, tmp_path: Path) -> None:
    show = ["account", "show", ADA["email"]]
    for command, status in ((["migrate"], 0), (["migrate"], 0), (show, 1), (["purge"], 0)):
        ended = run(tmp_path, *command, **settings(pooler.url))
        assert ended.returncode == status, ended.stderr


def test_a_dump_under_load_has_all_that_was_acknowledged_before_it_began(postgres: PostgreSQL, tmp_path: Path) -> None:
    url = postgres.url("gatepost", user="gatepost")
    with many(tmp_path, **settings(url)) as server:
        with under_load(server, sign_in(server)) as load:
            load.more(server, 50)
            before = set(load.made)
            do(DUMP, postgres, tmp_path)
            assert set(load.made) > before, "nothing was written meanwhile, so this shows nothing"
        assert load.refused == []
        assert server.stop() == 0
    postgres.execute("DROP DATABASE gatepost", "CREATE DATABASE gatepost OWNER gatepost")
    do(RESTORE, postgres, tmp_path)
    assert before <= tokens(postgres)
    with many(tmp_path, **settings(url)) as again:
        assert again.post(f"{PUBLIC}/SignIn", ADA)[0] == 200


def do(line: str, postgres: PostgreSQL, folder: Path) -> None:
    text, found = re.subn("gatepost@db.example.com", f"gatepost@127.0.0.1:{postgres.port}", line)
    assert found == 1
    environment = {"PATH": f"{Path(postgres._program('psql')).parent}:/usr/bin:/bin", "HOME": str(folder)}
    subprocess.run(["sh", "-ec", text], cwd=folder, env=environment, check=True, timeout=50)


def settings(url: str) -> dict[str, str]:
    key = "key-of-the-deployment-0123456789-abcdef"
    return {"DATABASE_URL": url, "SECRET_KEYS": key, "TOKEN_QUOTA": "100000"}


def sign_in(server: Server) -> str:
    assert server.post(f"{PUBLIC}/SignUp", ADA)[0] == 200
    return server.post(f"{PUBLIC}/SignIn", ADA)[1]["set-cookie"].partition(";")[0]


def tokens(postgres: PostgreSQL) -> set[str]:
    return set(postgres.execute("SELECT name FROM tokens", database="gatepost").split())


@pytest.fixture
def postgres() -> Iterator[PostgreSQL]:
    with postgresql.running() as server:
        server.execute("CREATE ROLE gatepost LOGIN", "CREATE DATABASE gatepost OWNER gatepost")
        yield server


@pytest.fixture
def pooler(postgres: PostgreSQL) -> Iterator[PgBouncer]:
    with pgbouncer.running(postgres.port) as started:
        yield started
