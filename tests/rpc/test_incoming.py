"""Requests that connectrpc must not see: each is refused with help for a person, and nothing runs."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.rpc.asgi import CHAT, COLLECT, LIST_TOKENS, LIST_TOKENS_PAGE, METHODS, PING, Inner, call, fronted, pinging

STREAMS = [LIST_TOKENS, COLLECT, CHAT]
UNARY_TYPES = ["application/json", "application/proto", "application/json; charset=utf-8", "Application/JSON"]
STREAM_TYPES = ["application/connect+json", "application/connect+proto", "application/connect+json;charset=utf-8"]
WEB_TYPES = ["application/grpc-web", "application/grpc-web+proto", "application/grpc-web+json"]
WEB_TYPES += ["application/grpc-web-text", "application/grpc-web-text+proto"]
GRPC_TYPES = ["application/grpc", "application/grpc+proto", "application/grpc+json"]
FOREIGN_TYPES = [
    None,
    "",
    "text/plain",
    "text/plain;charset=UTF-8",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "text/json",
    "json",
    "proto",
    "application/xml",
    "application/jsonx",
    "application/json, text/plain",
    "text/plain; application/json",
    "application/connect+xml",
    "application/grpc-web-text+json",
    "application/grpc-web+thrift",
    "application/grpc+thrift",
    "application/csp-report",
    "application/json\xff",
]


@pytest.mark.parametrize("path", METHODS)
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "TRACE", "OPTIONS", "PROPFIND", "post"])
async def test_only_post(inner: Inner, method: str, path: str) -> None:
    answer = await call(fronted(inner), method=method, path=path)
    assert (answer.status, answer["allow"], answer.json["code"]) == (405, "POST", "unimplemented")
    assert (answer.reason, "curl" in answer.json["message"], inner.ran) == ("UNIMPLEMENTED", True, False)


@pytest.mark.parametrize("path", ["/", "", f"{PING}/", PING.lower(), f"{PING}s", f"/{PING}", "/favicon.ico", "/test"])
@pytest.mark.parametrize("method", ["POST", "GET", "OPTIONS"])
async def test_unknown_paths(inner: Inner, method: str, path: str) -> None:
    answer = await call(fronted(inner), method=method, path=path)
    assert (answer.status, answer.json["code"], inner.ran) == (404, "unimplemented", False)
    assert "/package.Service/Method" in answer.json["message"]


@pytest.mark.parametrize("content_type", UNARY_TYPES + WEB_TYPES)
async def test_types_of_a_unary_method(inner: Inner, content_type: str) -> None:
    assert (await call(fronted(inner), {"content-type": content_type})).status == 200


@pytest.mark.parametrize("path", STREAMS)
@pytest.mark.parametrize("content_type", STREAM_TYPES + WEB_TYPES)
async def test_types_of_a_stream(inner: Inner, content_type: str, path: str) -> None:
    assert (await call(fronted(inner), {"content-type": content_type}, path=path)).status == 200


@pytest.mark.parametrize("content_type", [*FOREIGN_TYPES, *STREAM_TYPES, *GRPC_TYPES])
async def test_foreign_types_of_a_unary_method(inner: Inner, content_type: str | None) -> None:
    answer = await call(fronted(inner), {"content-type": content_type})
    assert (answer.status, answer.json["code"], answer.reason) == (415, "unimplemented", "UNIMPLEMENTED")
    assert "application/json" in (answer["accept-post"] or "").split(", ")
    assert (answer["content-type"], inner.ran) == ("application/problem+json", False)


@pytest.mark.parametrize("path", STREAMS)
@pytest.mark.parametrize("content_type", [*FOREIGN_TYPES, *UNARY_TYPES, *GRPC_TYPES])
async def test_foreign_types_of_a_stream(inner: Inner, content_type: str | None, path: str) -> None:
    answer = await call(fronted(inner), {"content-type": content_type}, path=path)
    assert (answer.status, answer.json["code"], inner.ran) == (415, "unimplemented", False)
    assert "application/connect+json" in (answer["accept-post"] or "").split(", ")


async def test_a_stream_called_with_plain_json_is_told_its_twin(inner: Inner) -> None:
    sentence = (await call(fronted(inner), path=LIST_TOKENS)).json["message"]
    assert "application/connect+json" in sentence
    assert LIST_TOKENS_PAGE in sentence


@pytest.mark.parametrize("content_type", GRPC_TYPES)
async def test_grpc_runs_where_there_are_trailers(inner: Inner, content_type: str) -> None:
    here = await call(fronted(inner), {"content-type": content_type})
    there = await call(fronted(inner), {"content-type": content_type}, extensions={"http.response.trailers": {}})
    assert (here.status, "gRPC-Web works" in here.json["message"]) == (415, True)
    assert there.status == 200


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("connect-protocol-version", b"2"),
        ("connect-protocol-version", b""),
        ("connect-timeout-ms", b"soon"),
        ("connect-timeout-ms", b"-1"),
        ("connect-timeout-ms", b"+1"),
        ("connect-timeout-ms", b"1_0"),
        ("connect-timeout-ms", b"1.5"),
        ("connect-timeout-ms", b""),
        ("connect-timeout-ms", b"12345678901"),
        ("connect-timeout-ms", "\u0661".encode()),
    ],
)
@pytest.mark.parametrize("real", [False, True])
async def test_broken_connect_headers(inner: Inner, name: str, value: bytes, real: bool) -> None:
    answer = await call(fronted(pinging() if real else inner), more=[(name.encode(), value)])
    assert (answer.status, answer.json["code"], answer.reason) == (400, "invalid_argument", "INVALID_FIELD")
    assert _violations(answer.json) == [name]
    assert not inner.ran


@pytest.mark.parametrize("value", [b"", b"1", b"S", b"1s", b"1 S", b"-1S", b"123456789S", b"1_0S", b"1.5S", b"1SS"])
async def test_broken_grpc_timeout(inner: Inner, value: bytes) -> None:
    answer = await call(fronted(inner), {"content-type": WEB_TYPES[0]}, more=[(b"grpc-timeout", value)])
    assert (answer.status, answer["grpc-status"], inner.ran) == (200, "3", False)


@pytest.mark.parametrize("value", [b"1H", b"99999999S", b"5m", b"7M", b"99999999H"])
async def test_good_grpc_timeout(value: bytes) -> None:
    answer = await call(
        fronted(pinging()), {"content-type": WEB_TYPES[0]}, more=[(b"grpc-timeout", value)], body=b"\0\0\0\0\0"
    )
    assert b"grpc-status: 0" in answer.body


async def test_headers_of_the_other_protocol_are_not_judged(inner: Inner) -> None:
    web = {"content-type": WEB_TYPES[0], "connect-timeout-ms": "soon", "connect-protocol-version": "2"}
    assert (await call(fronted(inner), web)).status == 200
    assert (await call(fronted(inner), {"grpc-timeout": "soon"})).status == 200


@pytest.mark.parametrize("value", [b"\xff", b"caf\xe9", b"\xc3"])
async def test_header_bytes_that_are_not_utf8(inner: Inner, value: bytes) -> None:
    for app in (inner, pinging()):
        # Halves of one character in two headers are two broken ones.
        answer = await call(fronted(app), more=[(b"x-name", value), (b"x-other", b"\xa9")])
        assert (answer.status, answer.reason, inner.ran) == (400, "INVALID_FIELD", False)


async def test_header_bytes_that_are_utf8(inner: Inner) -> None:
    assert (await call(fronted(inner), {"x-name": "café"})).status == 200


@pytest.mark.parametrize("name", ["host", "content-type", "content-length", "connect-timeout-ms", "grpc-timeout"])
async def test_a_header_that_must_be_sent_once(inner: Inner, name: str) -> None:
    answer = await call(fronted(inner), {name: None}, more=[(name.encode(), b"1"), (name.encode(), b"1")])
    assert (answer.status, answer.reason, inner.ran) == (400, "INVALID_FIELD", False)
    assert _violations(answer.json) == [name]


async def test_other_headers_may_repeat(inner: Inner) -> None:
    assert (await call(fronted(inner), more=[(b"cookie", b"a=1"), (b"cookie", b"b=2")])).status == 200


@pytest.mark.parametrize("length", ["2053", "65541", "9" * 5000, "-1", "+1", "1_0", "0x1", ""])
async def test_a_body_declared_too_large_is_not_read(inner: Inner, length: str) -> None:
    answer = await call(fronted(inner, body_limit=2047), {"content-length": length})
    assert (answer.status, answer.json["code"], answer.reason) == (429, "resource_exhausted", "TOO_LARGE")
    assert not inner.ran


@pytest.mark.parametrize("path", [COLLECT, CHAT])
async def test_a_stream_of_requests_may_be_longer_than_one_message(inner: Inner, path: str) -> None:
    headers = {"content-type": "application/connect+json"}
    front = fronted(inner, body_limit=2047)
    assert (await call(front, {**headers, "content-length": "2053"}, path=path)).status == 200
    assert b"TOO_LARGE" in (await call(front, {**headers, "content-length": "-1"}, path=path)).body


async def test_a_body_of_the_limit_and_its_envelope_passes(inner: Inner) -> None:
    assert (await call(fronted(inner, body_limit=2047), {"content-length": "2052"})).status == 200


def _violations(error: Mapping[str, Any]) -> list[str]:
    details = {each["type"]: each["debug"] for each in error["details"]}
    return [each["field"] for each in details["google.rpc.BadRequest"]["fieldViolations"]]
