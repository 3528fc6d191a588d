"""Backup and restore as docs/operations.md has them, while two processes write."""

import json
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.e2e.server import ROOT, Server, clean_environment, run
from tests.e2e.snippets import run_in_order, snippets_of
from tests.e2e.workers import PASSWORD, many, under_load

ADA = {"email": "ada@example.test", "password": PASSWORD}
PUBLIC, ACCOUNTS, TOKENS = "accounts.v1.PublicAccountsService", "accounts.v1.AccountsService", "tokens.v1.TokensService"
PONG = "test.v1.TestAuthService/Pong"
BACK_UP, RESTORE = [each for each in snippets_of(ROOT / "docs/operations.md") if "backup.db" in each.text]

pytestmark = pytest.mark.timeout(180)  # each starts several services, one after the other


def test_a_backup_under_load_has_all_that_was_acknowledged_before_it_began(server: Server, tmp_path: Path) -> None:
    with under_load(server, sign_in(server)) as load:
        load.more(server, 200)
        before = set(load.made)
        backing_up = subprocess.Popen(["sh", "-ec", BACK_UP.text], cwd=tmp_path, env=clean_environment(tmp_path))
        assert backing_up.wait(30) == 0
        meanwhile = set(load.made) - before
        load.more(server)
    assert meanwhile, "nothing was written meanwhile, so this shows nothing"
    assert load.refused == []
    with closing(sqlite3.connect(tmp_path / "backup.db")) as backup:
        assert backup.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert backup.execute("PRAGMA foreign_key_check").fetchall() == []
        kept = {name for (name,) in backup.execute("SELECT name FROM tokens")}
    assert before <= kept
    restored(server, tmp_path)
    with many(tmp_path) as again:
        cookie = sign_in(again)
        _, _, listed = again.post(f"{TOKENS}/ListTokensPage", {"pageSize": 1}, cookie=cookie)
        assert json.loads(listed)["tokens"][0]["tokenMetadata"]["name"] in kept


def test_what_was_revoked_after_the_backup_lives_again_until_it_is_ended(server: Server, tmp_path: Path) -> None:
    """As docs/operations.md warns; the means it names end it for good."""
    ended, also_ended = sign_in(server), sign_in(server)
    _, _, body = server.post(f"{TOKENS}/CreateToken", {"tokenMetadata": {"name": "ci"}}, cookie=ended)
    made = json.loads(body)
    token, uuid = made["tokenValue"]["token"], made["tokenUuid"]["uuid"]
    run_in_order([BACK_UP], tmp_path)
    server.post(f"{TOKENS}/ForceTokenExpiration", {"tokenUuid": made["tokenUuid"]}, cookie=ended)
    for cookie in (ended, also_ended):
        server.post(f"{ACCOUNTS}/SignOut", cookie=cookie)
        assert server.post(PONG, cookie=cookie)[0] == 401
    assert server.post(PONG, authorization=f"Bearer {token}")[0] == 401
    restored(server, tmp_path)
    with many(tmp_path) as again:
        assert again.post(PONG, cookie=ended)[0] == 200
        assert again.post(PONG, authorization=f"Bearer {token}")[0] == 200
        assert run(tmp_path, "account", "end-sessions", ADA["email"]).returncode == 0
        assert run(tmp_path, "token", "expire", uuid).returncode == 0
        assert again.post(PONG, cookie=ended)[0] == 401
        assert again.post(PONG, authorization=f"Bearer {token}")[0] == 401
        fresh = sign_in(again)
    key = "another-key-0123456789-abcdefghijklmno"
    with many(tmp_path, SECRET_KEYS=key) as rotated:
        assert rotated.post(PONG, cookie=fresh)[0] == 401
        assert rotated.post(PONG, cookie=sign_in(rotated))[0] == 200


def restored(server: Server, folder: Path) -> None:
    assert server.stop() == 0
    assert [each.status for each in run_in_order([RESTORE], folder)] == [0]


def sign_in(server: Server) -> str:
    server.post(f"{PUBLIC}/SignUp", ADA)
    return server.post(f"{PUBLIC}/SignIn", ADA)[1]["set-cookie"].partition(";")[0]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with many(tmp_path, TOKEN_QUOTA="100000") as started:
        yield started
