"""A refusal from the front has the bytes of one from connectrpc, and Google's runtime reads it."""

import base64
import json
import struct
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

import pytest
from google.rpc import error_details_pb2, status_pb2

from app.core import errors
from app.core.errors import Refusal
from app.rpc import wire
from tests.rpc.asgi import LIST_TOKENS, Reply, call, listing, pinging

REFUSALS = [
    errors.NoCredential(),
    errors.OriginNotAllowed(),
    errors.NotFound(),
    errors.InvalidField("token_metadata.name", "must not be empty."),
    errors.LostRace('Grüße, 100 % "sicher"\n'),
    errors.Throttled(0.2),
    errors.Throttled(61.5),
    errors.Unavailable(),
    errors.DeadlinePassed(),
    errors.Unforeseen("0123456789abcdef"),
]
CODES = {
    "unauthenticated": (401, 16),
    "permission_denied": (403, 7),
    "not_found": (404, 5),
    "invalid_argument": (400, 3),
    "failed_precondition": (400, 9),
    "already_exists": (409, 6),
    "aborted": (409, 10),
    "resource_exhausted": (429, 8),
    "unavailable": (503, 14),
    "deadline_exceeded": (504, 4),
    "internal": (500, 13),
    "unimplemented": (501, 12),
}
each_refusal = pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: refusal.reason)


@each_refusal
@pytest.mark.parametrize("content_type", ["application/json", "application/proto"])
async def test_connect_unary_as_connectrpc_writes_it(refusal: Refusal, content_type: str) -> None:
    body = b"{}" if content_type == "application/json" else b""
    theirs = await call(pinging(raises=refusal), {"content-type": content_type}, body=body)
    ours = _answer(refusal, content_type)
    assert (ours.status, ours.body) == (theirs.status, theirs.body)
    for name in ("content-type", "retry-after"):
        assert ours[name] == theirs[name]


@each_refusal
@pytest.mark.parametrize("content_type", ["application/connect+json", "application/connect+proto"])
async def test_a_connect_stream_as_connectrpc_writes_it(refusal: Refusal, content_type: str) -> None:
    body = _enveloped(b"{}" if content_type == "application/connect+json" else b"")
    theirs = await call(listing(raises=refusal), {"content-type": content_type}, path=LIST_TOKENS, body=body)
    ours = _answer(refusal, content_type)
    assert (ours.status, ours.body) == (theirs.status, theirs.body)
    for name in ("content-type", "retry-after"):
        assert ours[name] == theirs[name]


@each_refusal
async def test_grpc_web_trailers_as_connectrpc_writes_them(refusal: Refusal) -> None:
    content_type = "application/grpc-web+proto"
    theirs = await call(pinging(raises=refusal), {"content-type": content_type}, body=_enveloped(b""))
    ours = _answer(refusal, content_type)
    assert (ours.status, ours.body, ours["content-type"]) == (200, b"", "application/grpc-web")
    assert theirs.body[0] == 0x80
    trailers = dict(line.split(": ", 1) for line in theirs.body[5:].decode().splitlines())
    assert {name: ours[name] for name in trailers} == trailers
    assert set(trailers) == {"grpc-status", "grpc-message", "grpc-status-details-bin"}
    assert ours["retry-after"] == theirs["retry-after"]


@pytest.mark.parametrize("code", CODES)
def test_codes(code: str) -> None:
    http, grpc = CODES[code]

    class Made(Refusal):
        kind = errors.Kind(code)
        reason = "MADE_UP"
        sentence = "Made up."

    assert _answer(Made(), "application/json").status == http
    assert _answer(Made(), "application/grpc")["grpc-status"] == str(grpc)


def test_every_kind_has_its_codes() -> None:
    assert set(CODES) == {kind.value for kind in errors.Kind}


@each_refusal
def test_google_reads_the_grpc_status(refusal: Refusal) -> None:
    answer = _answer(refusal, "application/grpc")
    status = status_pb2.Status.FromString(base64.b64decode((answer["grpc-status-details-bin"] or "") + "=="))
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info)
    assert (info.domain, info.reason) == ("gatepost", refusal.reason)
    assert (status.code, status.message) == (int(answer["grpc-status"] or ""), refusal.sentence)
    assert unquote(answer["grpc-message"] or "") == refusal.sentence


def test_google_reads_the_details_in_json() -> None:
    fields = _details(_answer(errors.InvalidField("email", "must be an address."), "application/json"))
    violation = error_details_pb2.BadRequest.FromString(fields["google.rpc.BadRequest"]).field_violations[0]
    assert (violation.field, violation.description) == ("email", "must be an address.")
    retry = _details(_answer(errors.Throttled(0.2), "application/json"))
    assert error_details_pb2.RetryInfo.FromString(retry["google.rpc.RetryInfo"]).retry_delay.seconds == 1


def test_a_retry_after_is_whole_seconds_and_never_too_short() -> None:
    for content_type in ("application/json", "application/connect+json", "application/grpc-web"):
        assert _answer(errors.Throttled(61.5), content_type)["retry-after"] == "62"
        assert _answer(errors.NoCredential(), content_type)["retry-after"] is None


@pytest.mark.parametrize(
    "content_type", ["", "text/plain", "application/connect+evil", "application/xml\r\nx: y", "\xff"]
)
def test_a_caller_that_speaks_no_protocol_gets_json(content_type: str) -> None:
    answer = _answer(errors.OriginNotAllowed(), content_type)
    assert (answer.status, answer["content-type"]) == (403, "application/json")


@pytest.mark.parametrize("content_type", ["application/json", "application/connect+json", "application/grpc-web"])
def test_what_reached_no_rpc_is_plain_http_in_any_protocol(content_type: str) -> None:
    answer = _answer(wire.Misdirected(405, "POST only.", allow="POST", accept_post="a/b"), content_type)
    assert (answer.status, answer["allow"], answer["accept-post"]) == (HTTPStatus.METHOD_NOT_ALLOWED, "POST", "a/b")
    assert (answer.json["code"], answer.json["message"]) == ("unimplemented", "POST only.")
    assert answer["content-type"] == "application/problem+json", "a Connect client must go by the status"
    assert answer.reason == "UNIMPLEMENTED"


@pytest.mark.parametrize("content_type", ["application/json", "application/connect+json", "application/grpc-web"])
def test_the_length_is_true(content_type: str) -> None:
    answer = _answer(errors.NoCredential(), content_type)
    assert answer["content-length"] == str(len(answer.body))


def _answer(refusal: Refusal, content_type: str) -> Reply:
    status, headers, body = wire.answer(refusal, content_type)
    return Reply(status, [(name.decode(), value.decode()) for name, value in headers], body)


def _enveloped(message: bytes) -> bytes:
    return struct.pack(">BI", 0, len(message)) + message


def _details(answer: Reply) -> dict[str, bytes]:
    error: dict[str, Any] = json.loads(answer.body)
    return {each["type"]: base64.b64decode(each["value"] + "==") for each in error["details"]}
