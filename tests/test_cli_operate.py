"""What operators do beside a running service, each time in a process of its own."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from tests.e2e.server import Server, run, serving
from tests.support.service import COOKIE, PASSWORD

PUBLIC, TOKENS = "accounts.v1.PublicAccountsService", "tokens.v1.TokensService"
ESCAPE = "\x1b]0;hunter2\x07"


@dataclass
class Person:
    """Somebody with a session and a token."""

    server: Server
    address: str
    cookie: str = ""
    token: str = ""
    token_id: str = ""

    def sign_in(self) -> int:
        status, headers, _ = self.server.post(
            f"{PUBLIC}/SignIn", {"email": self.address, "password": PASSWORD}, user_agent="tests"
        )
        self.cookie = headers.get("set-cookie", "").partition(";")[0]
        return status

    def create_token(self) -> None:
        _, _, body = self.server.post(f"{TOKENS}/CreateToken", {"tokenMetadata": {"name": "ci"}}, cookie=self.cookie)
        made = json.loads(body)
        self.token, self.token_id = made["tokenValue"]["token"], made["tokenUuid"]["uuid"]

    def let_in(self) -> tuple[bool, bool]:
        """Whether the cookie is good, and the token."""
        answers = [
            self.server.post("test.v1.TestAuthService/Pong", cookie=self.cookie),
            self.server.post("test.v1.TestAuthService/Pong", authorization=f"Bearer {self.token}"),
        ]
        assert {status for status, _, _ in answers} <= {200, 401}
        cookie, token = [status == 200 for status, _, _ in answers]
        return cookie, token


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("served"), LIMITS="off") as started:
        yield started


@pytest.fixture
def person(server: Server, request: pytest.FixtureRequest) -> Person:
    found = Person(server, f"{request.node.name.replace('_', '-')[-40:].strip('-')}@example.test")
    server.post(f"{PUBLIC}/SignUp", {"email": found.address, "password": PASSWORD})
    found.sign_in()
    found.create_token()
    assert found.let_in() == (True, True)
    return found


def test_disabled_means_the_very_next_request_is_refused(person: Person) -> None:
    done = answer(person.server, "account", "disable", person.address.upper())
    assert done == {"account_id": done["account_id"], "changed": True, "sessions": 1, "tokens": 1}
    assert person.let_in() == (False, False)
    assert person.sign_in() == 403
    assert answer(person.server, "account", "disable", person.address)["changed"] is False
    assert answer(person.server, "account", "enable", person.address)["changed"] is True
    assert person.sign_in() == 200
    assert person.let_in() == (True, False)
    assert trail(person)[-4:] == [
        ("account_disabled", "", "gatepost account disable"),
        ("sign_in_failed", "127.0.0.1", "tests"),
        ("account_enabled", "", "gatepost account enable"),
        ("signed_in", "127.0.0.1", "tests"),
    ]


def test_sessions_end_and_tokens_stay(person: Person) -> None:
    """ASVS 7.4.5."""
    ended = command(person.server, "account", "end-sessions", person.address)
    assert ended == "Sessions that ended: 1.\n"
    assert person.let_in() == (False, True)
    assert trail(person)[-1] == ("session_revoked", "", "gatepost account end-sessions")


def test_a_token_is_expired_by_its_uuid_and_sessions_made_from_it_end(person: Person) -> None:
    _, headers, _ = person.server.post(
        "accounts.v1.AccountsService/TokenAuthorization", authorization=f"Bearer {person.token}"
    )
    interactive, person.cookie = person.cookie, headers["set-cookie"].partition(";")[0]
    assert person.cookie.startswith(COOKIE)
    assert person.let_in() == (True, True)
    done = answer(person.server, "token", "expire", person.token_id)
    assert done == {
        "account_id": done["account_id"],
        "token_id": person.token_id,
        "changed": True,
        "sessions": 1,
    }
    assert person.let_in() == (False, False)
    from_it = "SELECT 1 FROM sessions WHERE token_id = ?"
    assert rows(person.server.folder, from_it, UUID(person.token_id).hex) == []
    assert command(person.server, "token", "expire", person.token_id) == "It was expired already.\n"
    assert trail(person)[-1] == ("token_expired", "", "gatepost token expire")
    assert [kind for kind, _, _ in trail(person)].count("token_expired") == 1
    person.cookie = interactive
    assert person.let_in() == (True, False)


def test_show_tells_what_helps_and_nothing_secret(person: Person) -> None:
    change(
        person.server.folder,
        "UPDATE accounts SET name = ?, pending_address = 'new@example.test', failed_attempts = 7 WHERE address = ?",
        f"Ada{ESCAPE}",
        person.address,
    )
    shown = answer(person.server, "account", "show", person.address)
    events = shown.pop("events")
    assert [each["kind"] for each in events] == ["token_created", "signed_in", "signed_up"]
    assert (events[1]["ip_address"], events[1]["user_agent"]) == ("127.0.0.1", "tests")
    assert shown == {
        "account_id": shown["account_id"],
        "address": person.address,
        "pending_address": "new@example.test",
        "name": f"Ada{ESCAPE}",
        "email_verified_at": None,
        "created_at": shown["created_at"],
        "disabled_at": None,
        "failed_attempts": 7,
        "sessions": 1,
        "tokens": 1,
    }
    text = command(person.server, "account", "show", person.address)
    assert "\x1b" not in text
    for told in (
        "not verified",
        "new@example.test",
        "7 in a row",
        "sessions  1 live",
        "tokens    1 live",
        "token_created",
    ):
        assert told in text
    stored = str(rows(person.server.folder, "SELECT password_hash FROM accounts WHERE address = ?", person.address))
    for secret in (stored.strip("[]()',"), person.cookie.partition("=")[2], person.token, person.token[:12]):
        assert secret not in text + json.dumps(shown)


def answer(server: Server, *called: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(command(server, *called, "--json"))
    return told


def command(server: Server, *called: str) -> str:
    ended = run(server.folder, *called)
    assert (ended.returncode, ended.stderr) == (0, "")
    return ended.stdout


def trail(person: Person) -> list[tuple[str, str, str]]:
    """Kind, client address and user agent of the account's events, in order."""
    return rows(
        person.server.folder,
        "SELECT kind, ip_address, user_agent FROM security_events"
        " WHERE account_id = (SELECT id FROM accounts WHERE address = ?) ORDER BY rowid",
        person.address,
    )


def rows(folder: Path, sql: str, *values: str) -> list[Any]:
    with closing(sqlite3.connect(folder / "data/gatepost.db")) as database:
        return database.execute(sql, values).fetchall()


def change(folder: Path, sql: str, *values: str) -> None:
    with closing(sqlite3.connect(folder / "data/gatepost.db")) as database, database:
        database.execute(sql, values)
