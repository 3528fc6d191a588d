"""A canary planted wherever something can fail never reaches a client, a log or the console (ASVS 16.2.5, 16.5.1)."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from connectrpc.code import Code
from connectrpc.errors import ConnectError
from sqlalchemy import text
from starlette.types import ASGIApp
from structlog.testing import capture_logs
from structlog.typing import EventDict

from app.rpc.errors import TranslateErrors
from tests.rpc.asgi import Reply, call
from tests.rpc.probe import ANSWER, NAME, REQUEST, answers, behind, extra, fails_with
from tests.rpc.tongues import CONNECT, STREAMS, WEB, Tongue
from tests.support.databases import Original
from tests.support.service import COOKIE, Gatepost, started

CANARY = "hunter2-canary"
TONGUES = [CONNECT[0], WEB[1], STREAMS[0], STREAMS[2]]


def at_the_start_of_a_metadata_interceptor() -> ASGIApp:
    return behind(TranslateErrors(), FailsAtStart(), **answers())


def at_the_end_of_a_metadata_interceptor() -> ASGIApp:
    return behind(TranslateErrors(), FailsAtEnd(), **answers())


def in_a_message_interceptor() -> ASGIApp:
    return behind(TranslateErrors(), FailsAroundTheHandler(), **answers())


def in_the_handler() -> ASGIApp:
    return behind(TranslateErrors(), **fails_with(ValueError(CANARY)))


def in_a_stream_that_has_begun() -> ASGIApp:
    return behind(TranslateErrors(), **fails_with(ValueError(CANARY), begun=True))


def in_a_cause() -> ASGIApp:
    error = RuntimeError(CANARY)
    error.__cause__ = KeyError(CANARY)
    error.add_note(CANARY)
    return behind(TranslateErrors(), **fails_with(ExceptionGroup(CANARY, [error])))


def in_another_services_error() -> ASGIApp:
    return behind(TranslateErrors(), **fails_with(ConnectError(Code.UNKNOWN, CANARY, [REQUEST])))


def in_the_answer() -> ASGIApp:
    async def unary(*_: Any) -> Any:
        return Unwritable()

    async def stream(*_: Any) -> Any:
        yield Unwritable()

    return behind(TranslateErrors(), Read=unary, Stream=stream)


def in_a_later_answer() -> ASGIApp:
    async def stream(*_: Any) -> Any:
        yield ANSWER
        yield Unwritable()

    return behind(TranslateErrors(), Read=fails_with(ValueError(CANARY))["Read"], Stream=stream)


PLACES = [
    at_the_start_of_a_metadata_interceptor,
    at_the_end_of_a_metadata_interceptor,
    in_a_message_interceptor,
    in_the_handler,
    in_a_stream_that_has_begun,
    in_a_cause,
    in_another_services_error,
    in_the_answer,
    in_a_later_answer,
]


@pytest.mark.parametrize("tongue", TONGUES, ids=str)
@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.__name__)
async def test_an_unforeseen_failure(place: Callable[[], ASGIApp], tongue: Tongue, watch: "Watch") -> None:
    reply = await asked(place(), tongue)
    told = tongue.error(reply)
    assert (told.code, told.reason) == (Code.INTERNAL, "INTERNAL")
    watch.saw_the_failure(told.sentence)
    watch.saw_no_canary(reply)


@pytest.mark.parametrize("tongue", TONGUES, ids=str)
async def test_a_cancellation_that_another_service_sent(tongue: Tongue, watch: "Watch") -> None:
    app = behind(TranslateErrors(), **fails_with(ConnectError(Code.CANCELED, CANARY, [REQUEST])))
    reply = await asked(app, tongue)
    assert "details" not in repr(reply)
    watch.saw_no_canary(reply)


@pytest.mark.parametrize("tongue", TONGUES, ids=str)
@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        # NOT NULL; the error has the values.
        ("INSERT INTO mail_outbox (id, recipient) VALUES (NULL, :value)", "INTERNAL"),
        ("SELECT :value || 1 FROM hunter2_canary", "UNAVAILABLE"),
    ],
)
async def test_a_failure_of_the_database(
    statement: str, reason: str, tongue: Tongue, tmp_path: Path, migrated: Original, watch: "Watch"
) -> None:
    async def store(*_: Any) -> Any:
        async with gatepost.parts.db.write() as tx:
            await tx.execute(text(statement.replace("hunter2_canary", f'"{CANARY}"')), {"value": CANARY})

    async def stream(*_: Any) -> Any:
        await store()
        yield

    async with started(tmp_path, migrated, **extra(Read=store, Stream=stream)) as gatepost:
        reply = await asked(gatepost.app, tongue)
    assert tongue.error(reply).reason == reason
    watch.saw_no_canary(reply)


@pytest.mark.only("sqlite")
@pytest.mark.parametrize("path", ["/test.v1.TestAuthService/Pong", "/tokens.v1.TokensService/ListTokens"])
async def test_a_failure_of_the_guard(path: str, gatepost: Gatepost, watch: "Watch") -> None:
    """A row that cannot be read: the converter repeats what it found."""
    browser = await gatepost.session()
    await gatepost.execute("UPDATE sessions SET ends_at = ?", CANARY)
    tongue = STREAMS[0] if "List" in path else CONNECT[0]
    cookie = {"cookie": f"{COOKIE}={browser.session}"}
    reply = await call(gatepost.app, {**tongue.headers(), **cookie}, path=path, body=tongue.body(b"{}"))
    told = tongue.error(reply)
    assert told.reason == "INTERNAL"
    watch.saw_the_failure(told.sentence)
    watch.saw_no_canary(reply)


@pytest.mark.parametrize(
    "body",
    [
        '{"email": "ada@example.test", "password": "hunter2-canary',
        '{"email": "ada@example.test", "password": {"hunter2-canary": "hunter2-canary"}}',
        '{"email": "ada@example.test", "password": "hunter2-canary", "password": "hunter2-canary"}',
        json.dumps({"email": "ada@example.test", "password": CANARY * 99}),  # longer than the proto allows
        json.dumps({"email": f"ada@{CANARY}\n.test", "password": "x"}),
        json.dumps({"email": "ada@example.test", "password": CANARY}),  # well-formed and wrong
    ],
)
async def test_what_was_typed(body: str, gatepost: Gatepost, watch: "Watch") -> None:
    for method in ("SignIn", "SignUp"):
        path = f"/accounts.v1.PublicAccountsService/{method}"
        reply = await call(gatepost.app, path=path, body=body.encode())
        watch.saw_no_canary(reply)


@pytest.mark.parametrize("header", ["authorization", "cookie", "user-agent", "x-forwarded-for", "connect-timeout-ms"])
async def test_what_headers_say(header: str, gatepost: Gatepost, watch: "Watch") -> None:
    for value in (CANARY, f"Bearer {CANARY}", f"{COOKIE}={CANARY}", f"{COOKIE}={CANARY}.{'a' * 43}"):
        reply = await call(gatepost.app, {header: value}, path="/test.v1.TestAuthService/Pong")
        assert reply.status in (400, 401)
        watch.saw_no_canary(reply)


async def asked(app: ASGIApp, tongue: Tongue, headers: Mapping[str, str] = {}) -> Reply:
    message = REQUEST.to_json().encode() if tongue.json else REQUEST.to_binary()
    path = f"/{NAME}/{'Stream' if tongue.stream else 'Read'}"
    return await call(app, {**tongue.headers(), **headers}, path=path, body=tongue.body(message))


class FailsAtStart:
    async def on_start(self, ctx: Any) -> None:
        raise ValueError(CANARY)

    async def on_end(self, *_: Any) -> None:
        return


class FailsAtEnd:
    async def on_start(self, ctx: Any) -> None:
        return

    async def on_end(self, *_: Any) -> None:
        raise ValueError(CANARY)


class FailsAroundTheHandler:
    async def intercept_unary(self, *_: Any) -> Any:
        raise ValueError(CANARY)

    async def intercept_server_stream(self, *_: Any) -> Any:
        raise ValueError(CANARY)
        yield


class Unwritable:
    """An answer on which the codec fails."""

    def to_json(self, **_: Any) -> str:
        raise ValueError(CANARY)

    to_binary = to_json


@dataclass(frozen=True)
class Watch:
    """Everything that a failure could write to: our log, the libraries' logs, standard output and error."""

    ours: list[EventDict]
    libraries: pytest.LogCaptureFixture
    console: pytest.CaptureFixture[str]

    def saw_no_canary(self, reply: Reply) -> None:
        written = [repr(reply), repr(self.ours), self.libraries.text, *self.console.readouterr()]
        assert [text for text in written if CANARY in text] == []

    def saw_the_failure(self, sentence: str) -> None:
        """Once, under the id that the client was told, and where it happened."""
        (line,) = [line for line in self.ours if line["event"] == "unforeseen"]
        told = re.search(r"error id ([0-9a-f]{16})\.", sentence)
        assert told
        assert (line["error_id"], line["log_level"]) == (told[1], "error")
        assert line["error_type"]
        assert line["where"]


@pytest.fixture
def watch(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> Iterator[Watch]:
    with capture_logs() as ours:
        yield Watch(ours, caplog, capfd)
