"""The log of the real server after a long walk of good and bad calls: docs/security.md says what may be in it."""

import json
import re
import sqlite3
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from typing import Any

import pytest

from app.policy import POLICIES
from tests.e2e.server import ROOT, Server, serving
from tests.support.documents import rows

KEY = "canary-key-0123456789-0123456789-abcdefgh"
PASSWORD, WRONG = "canary correct horse", "canary wrong guess"
EMAIL, STRANGER = "canary-ada@example.test", "canary-nobody@example.test"
FORGED = '\r\n{"event": "signed_in", "level": "info"}\x1b[2J\u2028\u202e'
"""What would be a line of its own, clear a terminal and turn text round, wherever it were printed as it is."""
SIGN_UP, SIGN_IN = (f"accounts.v1.PublicAccountsService/{name}" for name in ("SignUp", "SignIn"))
PONG = "test.v1.TestAuthService/Pong"
TOKENS, ACCOUNTS = "tokens.v1.TokensService", "accounts.v1.AccountsService"
UNKNOWN = "018f0000-0000-7000-8000-000000000000"

INVENTORY = {
    name.strip("`"): (re.findall(r"debug|info|warning|error|critical", levels), set(re.findall(r"`(\w+)`", fields)))
    for name, levels, _, fields in rows((ROOT / "docs/security.md").read_text(), "| Event | Level | When | Fields |")
}
ALWAYS = {"at", "event", "level"}
OF_A_FAILURE = {"error_type", "where", "cause_type"}


@dataclass(frozen=True)
class Walked:
    server: Server
    secrets: list[str]
    refused: int
    """How many calls were."""
    began: datetime
    ended: datetime

    @property
    def log(self) -> list[dict[str, Any]]:
        return self.server.log

    @property
    def raw(self) -> str:
        return (self.server.folder / "output").read_text()

    @property
    def met(self) -> Counter[str]:
        return Counter(line["event"] for line in self.log)


def test_every_line_has_the_fields_of_its_event(walked: Walked) -> None:
    """ASVS 16.2.1, 16.2.4: what, who, where, by the inventory."""
    assert {"refused", "signed_in", "unforeseen", "session_reused", "mail_written"} <= set(walked.met)
    for line in walked.log:
        levels, fields = INVENTORY[line["event"]]
        assert line["level"] in levels
        optional = OF_A_FAILURE if line["level"] in ("warning", "error") else set()
        assert fields <= set(line) - ALWAYS <= fields | optional, line["event"]


def test_every_line_says_when_in_utc(walked: Walked) -> None:
    """ASVS 16.2.2."""
    for line in walked.log:
        at = datetime.fromisoformat(line["at"])
        assert at.utcoffset() == timedelta(0)
        assert walked.began <= at <= walked.ended


def test_every_refused_call_is_one_line(walked: Walked) -> None:
    assert walked.met["refused"] + walked.met["unforeseen"] == walked.refused


def test_nothing_is_written_beside_the_log(walked: Walked) -> None:
    """ASVS 16.2.3: standard error has the banner, and ends with it."""
    assert walked.server.errors.splitlines()[-1].startswith("  try ")
    assert "Traceback" not in walked.server.errors


def test_no_secret_is_in_any_line(walked: Walked) -> None:
    """ASVS 16.2.5: passwords, codes, tokens, cookies and their parts, keys, and no address either."""
    assert len(walked.secrets) > 15
    assert [secret for secret in walked.secrets if secret in walked.raw] == []
    assert "canary" not in walked.raw


def test_nobody_writes_a_line_of_their_own(walked: Walked) -> None:
    """ASVS 16.4.1."""
    assert walked.raw.isascii()
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", walked.raw)
    assert walked.met["signed_in"] == 3
    assert all(re.fullmatch(r"[0-9a-f.:]*", line["client"]) for line in walked.log if "client" in line)
    assert {line["rpc"] for line in walked.log if "rpc" in line} <= {*POLICIES, None}


class Walk:
    """Everything that is not to be logged is planted somewhere on the way, and kept in `secrets`."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.secrets = [KEY, PASSWORD, WRONG, EMAIL, STRANGER]
        self.refused = 0

    def walk(self) -> None:
        self._good(SIGN_UP, {"email": EMAIL, "password": PASSWORD})
        self._collect_mail(1)
        self._guess()
        cookie, token = self._sign_in(), self._make_token(self._sign_in())
        self._knock(cookie, token)
        self._write_odd_things(cookie)
        self._steal(cookie)
        self._break(self._sign_in())

    def _guess(self) -> None:
        for email, password in ((EMAIL, WRONG), (STRANGER, PASSWORD), (f"canary{FORGED}", f"canary{FORGED}")):
            self._refuse(401, SIGN_IN, {"email": email, "password": password})
        for _ in range(4):
            self._refuse(401, SIGN_IN, {"email": STRANGER.upper(), "password": WRONG})
        self._refuse(429, SIGN_IN, {"email": STRANGER, "password": PASSWORD})

    def _sign_in(self) -> str:
        """The cookie, as it is sent back."""
        headers, _ = self._good(SIGN_IN, {"email": EMAIL, "password": PASSWORD})
        cookie = headers["set-cookie"].partition(";")[0]
        value = cookie.partition("=")[2]
        self.secrets += [value, *value.split(".")[1:]]
        return cookie

    def _make_token(self, cookie: str) -> str:
        _, made = self._good(f"{TOKENS}/CreateToken", {"tokenMetadata": {"name": "canary"}}, cookie=cookie)
        value = str(made["tokenValue"]["token"])
        headers, _ = self._good(f"{ACCOUNTS}/TokenAuthorization", authorization=f"Bearer {value}")
        self.secrets += [value, headers["set-cookie"].partition(";")[0].partition("=")[2]]
        self._collect_mail(2)
        return value

    def _knock(self, cookie: str, token: str) -> None:
        """Calls that get nowhere, with credentials, good and bad, in all the places where they do not belong."""
        bad = token[:-1] + ("x" if token[-1] != "x" else "y")
        self.secrets.append(bad)
        self._refuse(401, PONG)
        self._refuse(401, PONG, authorization=f"Bearer {bad}", cookie=cookie)
        self._refuse(401, PONG, cookie=f"{cookie}x")
        self._refuse(401, PONG, cookie=f"{cookie}; {cookie}")
        self._refuse(403, PONG, cookie=cookie, origin="https://canary.example")
        self._refuse(403, PONG, cookie=cookie, sec_fetch_dest="document")
        self._refuse(400, PONG, connect_timeout_ms=token)
        self._refuse(404, f"{token}/{token}", authorization=f"Bearer {token}")
        self._refuse(404, "canary%0D%0A%1B[2J")
        self._refuse(415, SIGN_IN, {"password": PASSWORD}, content_type="text/plain")
        self._refuse(405, PONG, method="GET", cookie=cookie)
        self._refuse(429, SIGN_IN, {"password": "canary" * 20_000})
        self._refuse(400, SIGN_IN, b'{"password": "canary')
        self._refuse(400, SIGN_IN, {"password": {"canary": PASSWORD}})
        self._refuse(400, SIGN_UP, {"email": EMAIL, "password": "canary"})
        self._refuse(409, SIGN_UP, {"email": EMAIL, "password": PASSWORD})
        self._refuse(403, f"{TOKENS}/CreateToken", {"tokenMetadata": {"name": "n"}}, authorization=f"Bearer {token}")
        self._refuse(404, f"{TOKENS}/GetToken", {"tokenUuid": {"uuid": UNKNOWN}}, cookie=cookie)

    def _write_odd_things(self, cookie: str) -> None:
        """Where a person may write, and where only programs do."""
        agent = "canary \x9b2J \u202e"
        headers = {"user_agent": agent.encode().decode("latin-1"), "x_forwarded_for": "canary, 203.0.113.7"}
        self._good(PONG, cookie=cookie, **headers)
        self._refuse(401, PONG, **headers)
        self._refuse(400, PONG, user_agent="canary \xff")
        for name in (f"canary{FORGED}", "canary\0", "canary" * 100):
            self._refuse(400, f"{TOKENS}/CreateToken", {"tokenMetadata": {"name": name}}, cookie=cookie)
        self._refuse(400, f"{TOKENS}/GetToken", {"tokenUuid": {"uuid": f"canary{FORGED}"}}, cookie=cookie)
        self._refuse(400, f"{TOKENS}/ListTokensPage", {"pageToken": f"canary{FORGED}"}, cookie=cookie)
        self._refuse(400, SIGN_UP, {"email": f"canary{FORGED}@example.test", "password": PASSWORD})

    def _steal(self, cookie: str) -> None:
        """Two rotations later the first cookie is a copy that somebody kept."""
        newest = cookie
        for _ in range(2):
            self._sql("UPDATE sessions SET rotated_at = '2020-01-01 00:00:00.000000'")
            headers, _ = self._good(f"{ACCOUNTS}/RefreshSession", cookie=newest)
            newest = headers["set-cookie"].partition(";")[0]
            self.secrets.append(newest.partition("=")[2])
            self._good(PONG, cookie=newest)
        self._refuse(401, PONG, cookie=cookie)
        self._refuse(401, PONG, cookie=newest)
        self._collect_mail(3)

    def _break(self, cookie: str) -> None:
        """A row that cannot be read, whose error repeats it; then no table, whose error repeats the query."""
        self._sql("UPDATE sessions SET ends_at = 'canary'")
        self._refuse(500, PONG, cookie=cookie)
        self._sql("ALTER TABLE sessions RENAME TO canary")
        self._refuse(503, PONG, cookie=cookie)
        self._refuse(503, SIGN_IN, {"email": EMAIL, "password": PASSWORD})

    def _collect_mail(self, count: int) -> None:
        """The codes in the mails that have come, which come within a second or two."""
        deadline = time.monotonic() + 20
        while len(mails := list((self._server.folder / "data/mail").glob("*.eml"))) < count:
            assert time.monotonic() < deadline, self._server.output
            time.sleep(0.05)
        self.secrets += [code for mail in mails for code in re.findall(r"(?<!\d)\d{8}(?!\d)", mail.read_text())]

    def _good(self, rpc: str, body: object = None, **headers: str) -> tuple[dict[str, str], Any]:
        status, told, answer = self._call(rpc, body, headers)
        assert status == 200, answer
        return told, json.loads(answer)

    def _refuse(self, expected: int, rpc: str, body: object = None, **headers: str) -> None:
        status, _, answer = self._call(rpc, body, headers)
        assert status == expected, answer
        assert b"canary" not in answer
        self.refused += 1

    def _call(self, rpc: str, body: object, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        named = {
            "content-type": "application/json",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        sent = body if isinstance(body, bytes) else json.dumps(body or {}).encode()
        with closing(HTTPConnection("127.0.0.1", self._server.port, timeout=20)) as connection:
            connection.request(named.pop("method", "POST"), f"/{rpc}", sent, named)
            answer = connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()

    def _sql(self, statement: str) -> None:
        with closing(sqlite3.connect(self._server.folder / "data/gatepost.db", timeout=20)) as database:
            database.execute(statement)
            database.commit()


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Walked:
    began = datetime.now(UTC)
    with serving(
        tmp_path_factory.mktemp("server"), SECRET_KEYS=KEY, LOG_LEVEL="debug", SESSION_MIN_REFRESH="1"
    ) as server:
        walk = Walk(server)
        walk.walk()
        server.stop()
    return Walked(server, walk.secrets, walk.refused, began, datetime.now(UTC))
