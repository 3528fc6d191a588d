"""Every failure as code, reason and details, in each protocol, and never with the words of what failed."""

import asyncio
import gzip
import inspect
import struct
from typing import Any

import pytest
from connectrpc.code import Code
from connectrpc.errors import ConnectError

from app.core import errors
from app.core.errors import FieldProblem, Kind, Refusal
from app.rpc.errors import TranslateErrors
from tests.rpc.asgi import call
from tests.rpc.probe import NAME, REQUEST, answers, behind, fails_with
from tests.rpc.tongues import ALL, CONNECT, ENVELOPED, STREAMS, WEB, Error, Tongue

SECRET = "hunter2-canary"
LIMIT = 65536

UNDECODABLE = (Code.INVALID_ARGUMENT, "UNDECODABLE")
TOO_LARGE = (Code.RESOURCE_EXHAUSTED, "TOO_LARGE")
UNIMPLEMENTED = (Code.UNIMPLEMENTED, "UNIMPLEMENTED")
HOW_COMPRESSED = (Code.INTERNAL, "UNDECODABLE")

REFUSALS: list[tuple[Refusal, str]] = [
    (errors.NoCredential(), "NO_CREDENTIAL"),
    (errors.BadCredential(), "BAD_CREDENTIAL"),
    (errors.BadToken(), "BAD_CREDENTIAL"),
    (errors.ScopeMissing("tokens:read"), "SCOPE_MISSING"),
    (errors.OnlyForPeople(), "SCOPE_MISSING"),
    (errors.SignInNotRecent(), "SIGN_IN_NOT_RECENT"),
    (errors.NotForTokens(), "TOKEN_CANNOT_MANAGE_TOKENS"),
    (errors.OriginNotAllowed(), "ORIGIN_NOT_ALLOWED"),
    (errors.NotFound(), "NOT_FOUND"),
    (errors.InvalidField("data.email", "must be an address."), "INVALID_FIELD"),
    (errors.InvalidFields((FieldProblem("a.b", "x"), FieldProblem("c[1]", "y"))), "INVALID_FIELD"),
    (errors.Undecodable(), "UNDECODABLE"),
    (errors.LostRace(), "LOST_RACE"),
    (errors.Throttled(12.3), "THROTTLED"),
    (errors.Busy(), "BUSY"),
    (errors.TooLarge(), "TOO_LARGE"),
    (errors.Unavailable(), "UNAVAILABLE"),
    (errors.DeadlinePassed(), "DEADLINE"),
    (errors.Unimplemented(), "UNIMPLEMENTED"),
    (errors.EncodingMissing(), "UNDECODABLE"),
    (errors.Unforeseen("0123456789abcdef"), "INTERNAL"),
]


@pytest.mark.parametrize("tongue", ALL, ids=str)
@pytest.mark.parametrize(("refusal", "reason"), REFUSALS, ids=lambda value: type(value).__name__)
async def test_a_refusal_in_every_protocol(refusal: Refusal, reason: str, tongue: Tongue) -> None:
    told = await failure(tongue, sent(tongue), fails_with(refusal))
    fields = [problem.path for problem in refusal.fields]
    retry_after = {"THROTTLED": 13, "BUSY": 1, "UNAVAILABLE": 1}.get(reason)
    assert told == Error(Code(refusal.kind.value), reason, refusal.sentence, fields, retry_after)


def test_every_refusal_is_in_the_table() -> None:
    defined = {each for _, each in inspect.getmembers(errors, inspect.isclass) if issubclass(each, Refusal)}
    assert {type(refusal) for refusal, _ in REFUSALS} == defined - {Refusal}


def test_kinds_are_codes_of_connect() -> None:
    assert {Code(kind.value).name for kind in Kind} == {kind.name for kind in Kind}


BROKEN_JSON = [
    b"",
    b"{",
    b'{"password": "hunter2-canary',
    b'{"password": "hunter2-canary"}}',
    b'{"password": {"hunter2-canary": 1}}',
    b'["hunter2-canary"]',
    b'"hunter2-canary"',
    b'{"password": "hunter2-canary", "password": "\xff"}',
]
BROKEN_BINARY = [
    b"\x0a\x7fhunter2-canary",
    b"\x12\x0ehunter2-canary\xff",
    b"hunter2-canary",
    b"\x12\x04\xff\xfe\xfd\xfc",
]


@pytest.mark.parametrize("tongue", ALL, ids=str)
async def test_a_body_that_cannot_be_decoded(tongue: Tongue) -> None:
    for broken in BROKEN_JSON if tongue.json else BROKEN_BINARY:
        told = await failure(tongue, tongue.body(broken))
        assert (told.code, told.reason) == UNDECODABLE, broken


@pytest.mark.parametrize("tongue", ENVELOPED, ids=str)
@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(b"", UNIMPLEMENTED, id="no message"),
        pytest.param(b"\x00\x00", UNDECODABLE, id="half a frame's head"),
        pytest.param(struct.pack(">BI", 0, 99) + b"hunter2-canary", UNDECODABLE, id="half a frame"),
        pytest.param(struct.pack(">BI", 4, 2) + b"{}", UNDECODABLE, id="unknown flags"),
        pytest.param(struct.pack(">BI", 1, 14) + b"hunter2-canary", HOW_COMPRESSED, id="marked as compressed"),
        pytest.param(struct.pack(">BI", 0, LIMIT + 1), TOO_LARGE, id="promises too much"),
    ],
)
async def test_a_broken_frame(tongue: Tongue, body: bytes, expected: Any) -> None:
    told = await failure(tongue, body)
    assert (told.code, told.reason) == expected


@pytest.mark.parametrize("tongue", ENVELOPED, ids=str)
async def test_two_messages_where_one_is_taken(tongue: Tongue) -> None:
    told = await failure(tongue, sent(tongue) * 2)
    assert (told.code, told.reason) == UNIMPLEMENTED
    assert "one message" in told.sentence


@pytest.mark.parametrize("tongue", ALL, ids=str)
async def test_a_body_larger_than_it_said(tongue: Tongue) -> None:
    """The front refuses a declared length; without one, connectrpc counts."""
    told = await failure(tongue, tongue.body(b" " * (LIMIT + 1)), headers={"content-length": None})
    assert (told.code, told.reason) == TOO_LARGE


@pytest.mark.parametrize("tongue", ALL, ids=str)
async def test_compressed_bodies(tongue: Tongue) -> None:
    named = {tongue.compression: "gzip"}
    app = behind(TranslateErrors(), **answers())
    good = await call(app, {**tongue.headers(), **named}, path=path(tongue), body=tongue.zipped(message(tongue)))
    assert b"answered" in good.body
    for body, expected in [
        (tongue.zipped(b" " * (LIMIT + 1)), TOO_LARGE),  # some hundred bytes on the wire
        (tongue.body(gzip.compress(message(tongue))[:-9], flags=1), UNDECODABLE),
        (tongue.body(b"hunter2-canary", flags=1), UNDECODABLE),
    ]:
        told = await failure(tongue, body, headers=named)
        assert (told.code, told.reason) == expected


@pytest.mark.parametrize("tongue", ALL, ids=str)
async def test_an_unknown_compression(tongue: Tongue) -> None:
    told = await failure(tongue, sent(tongue), headers={tongue.compression: SECRET})
    assert (told.code, told.reason) == UNIMPLEMENTED
    assert "gzip" in told.sentence


@pytest.mark.parametrize("tongue", ALL, ids=str)
async def test_a_deadline_that_passes(tongue: Tongue) -> None:
    async def wait(request: Any, ctx: Any) -> Any:
        await asyncio.Event().wait()

    async def wait_in_a_stream(request: Any, ctx: Any) -> Any:
        await asyncio.Event().wait()
        yield

    told = await failure(tongue, sent(tongue), {"Read": wait, "Stream": wait_in_a_stream}, headers=tongue.deadline())
    assert (told.code, told.reason) == (Code.DEADLINE_EXCEEDED, "DEADLINE")


@pytest.mark.parametrize("tongue", [CONNECT[0], WEB[1], STREAMS[0]], ids=str)
@pytest.mark.parametrize("code", set(Code) - {Code.CANCELED})
async def test_a_connect_error_that_is_not_ours_is_told_in_our_words(code: Code, tongue: Tongue) -> None:
    """A handler that calls another service may let that one's error through, text and details."""
    told = await failure(tongue, sent(tongue), fails_with(ConnectError(code, SECRET, [REQUEST])))
    as_ours = {"INVALID_ARGUMENT": UNDECODABLE, "RESOURCE_EXHAUSTED": TOO_LARGE, "UNIMPLEMENTED": UNIMPLEMENTED}
    as_ours["DEADLINE_EXCEEDED"] = (Code.DEADLINE_EXCEEDED, "DEADLINE")
    assert (told.code, told.reason) == as_ours.get(code.name, (Code.INTERNAL, "INTERNAL"))


def path(tongue: Tongue) -> str:
    return f"/{NAME}/{'Stream' if tongue.stream else 'Read'}"


def message(tongue: Tongue) -> bytes:
    return REQUEST.to_json().encode() if tongue.json else REQUEST.to_binary()


def sent(tongue: Tongue) -> bytes:
    return tongue.body(message(tongue))


async def failure(
    tongue: Tongue,
    body: bytes,
    handlers: dict[str, Any] | None = None,
    *,
    headers: dict[str, Any] | None = None,
) -> Error:
    """The error of a call by hand, whose answer must hold nothing else and not repeat a word of it."""
    app = behind(TranslateErrors(), **(handlers or answers()))
    reply = await call(app, {**tongue.headers(), **(headers or {})}, path=path(tongue), body=body)
    assert SECRET not in repr(reply)
    assert b"answered" not in reply.body
    return tongue.error(reply)
