"""gRPC-Web in base64: the same calls and answers as in binary, part by part, and what is no base64 refused."""

import asyncio
import struct
from base64 import b64decode, b64encode
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core.errors import Undecodable
from app.rpc.grpc_web_text import GrpcWebText
from app.rpc.wire import GRPC_WEB_TEXT
from gen.accounts.v1.accounts_v1_pb import GetAccountResponse, SignUpRequest
from gen.tokens.v1.tokens_v1_pb import ListTokensResponse
from tests.rpc import probe
from tests.rpc.asgi import (
    CHAT,
    LIST_TOKENS,
    PING,
    Inner,
    Reply,
    arriving,
    call,
    collecting,
    fronted,
    http_scope,
    reply,
)
from tests.support.databases import Original
from tests.support.service import COOKIE, PASSWORD, Gatepost, started
from tests.tokens.calls import create

READ = f"/{probe.NAME}/Read"
SIGN_UP = "/accounts.v1.PublicAccountsService/SignUp"
TEXT = "application/grpc-web-text"
EMPTY = b"\0\0\0\0\0"
each_type = pytest.mark.parametrize("content_type", GRPC_WEB_TEXT)


@each_type
async def test_a_call(gatepost: Gatepost, content_type: str) -> None:
    answer = await call(gatepost.app, {"content-type": content_type}, body=b64encode(EMPTY))
    assert (answer.status, answer["content-type"]) == (200, content_type)
    assert [flags for flags, _ in _frames(answer.body)] == [0, 0x80]
    assert _status(answer) == "0"


async def test_a_list_arrives_token_by_token(gatepost: Gatepost) -> None:
    browser = await gatepost.session()
    for name in ("one", "two"):
        await create(browser.tokens, name)
    headers = [(b"content-type", TEXT.encode()), (b"cookie", f"{COOKIE}={browser.session}".encode())]
    sent: list[Message] = []
    await gatepost.app(http_scope(LIST_TOKENS, "POST", headers), arriving(b64encode(EMPTY)), collecting(sent))
    parts = [b64decode(each["body"], validate=True) for each in sent[1:]]
    frames = [frame for part in parts if part for frame in _binary_frames(part)]
    tokens = [ListTokensResponse.from_binary(message) for flags, message in frames if flags == 0]
    assert {token.token_metadata and token.token_metadata.name for token in tokens} == {"one", "two"}
    assert len(parts) >= len(frames) == 3, "nothing was gathered up"


async def test_a_part_is_sent_before_the_next_is_made() -> None:
    sent: list[Message] = []

    async def two_parts(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"3")]})
        await send({"type": "http.response.body", "body": b"a", "more_body": True})
        assert [each.get("body") for each in sent] == [None, b"YQ=="]
        await send({"type": "http.response.body", "body": b"bc"})

    await GrpcWebText(two_parts)(_scope(), arriving(), collecting(sent))
    assert reply(sent).body == b"YQ==YmM="
    assert reply(sent)["content-length"] is None, "it would be that of the binary answer"


async def test_an_error_stands_in_the_trailers_with_its_details(gatepost: Gatepost) -> None:
    body = _frame(SignUpRequest(email="nobody", password=PASSWORD).to_binary())
    binary = await call(gatepost.app, {"content-type": "application/grpc-web+proto"}, path=SIGN_UP, body=body)
    text = await call(gatepost.app, {"content-type": TEXT}, path=SIGN_UP, body=b64encode(body))
    assert _frames(text.body) == _binary_frames(binary.body)
    assert _status(text) == "3"


@each_type
async def test_a_refusal_of_the_front_is_in_text_too(gatepost: Gatepost, content_type: str) -> None:
    headers = {"content-type": content_type, "origin": "https://evil.example"}
    answer = await call(gatepost.app, headers, body=b64encode(EMPTY))
    assert (answer.status, answer["content-type"], answer["grpc-status"]) == (200, content_type, "7")


async def test_an_unforeseen_failure_is_in_text_too() -> None:
    answer = await call(fronted(GrpcWebText(Inner(raises=ValueError()))), {"content-type": TEXT}, body=b"")
    assert (answer.status, answer["content-type"], answer["grpc-status"]) == (200, TEXT, "13")


@pytest.mark.parametrize(
    "body",
    [
        b"A",
        b"AAA",
        b"AAAAAAA",
        b"AAAAAAA=A",
        b"AAAA\nAAA=",
        b"AAAA AAA=",
        b"====",
        b"A===",
        b"AA=A",
        b"AAAA-_==",
        b"\xff" * 4,
    ],
)
@pytest.mark.parametrize("pieces", [False, True])
async def test_what_is_no_base64_is_refused(gatepost: Gatepost, body: bytes, pieces: bool) -> None:
    answer = await _call(gatepost.app, [body[at : at + 1] for at in range(len(body))] if pieces else [body])
    assert (answer.status, answer["content-type"], _status(answer)) == (200, TEXT, "3")


@pytest.mark.parametrize("declared", [True, False])
@pytest.mark.parametrize(("size", "status"), [(2048, "0"), (2049, "8")])
async def test_the_limit_is_for_what_was_encoded(
    tmp_path: Path, migrated: Original, size: int, status: str, declared: bool
) -> None:
    message = _of_size(size)
    async with started(tmp_path, migrated, body_limit=2048, **probe.extra(**probe.answers())) as gatepost:
        answer = await _call(gatepost.app, [b64encode(_frame(message))], path=READ, declared=declared)
    assert _status(answer) == status


async def test_a_stream_of_requests(tmp_path: Path, migrated: Original) -> None:
    question = b64encode(_frame(probe.REQUEST.to_binary()))
    async with started(tmp_path, migrated, **probe.extra(**probe.answers())) as gatepost:
        answer = await _call(gatepost.app, [question[:7], question[7:], question], path=CHAT)
    answered = [GetAccountResponse.from_binary(message) for flags, message in _frames(answer.body) if flags == 0]
    assert answered == [probe.ANSWER] * 2


@given(st.lists(st.binary()), st.data())
def test_any_bytes_joined_from_any_runs_and_cut_anywhere(runs: list[bytes], data: st.DataObject) -> None:
    text = b"".join(b64encode(run) for run in runs)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=5)))
    parts = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    assert asyncio.run(_read(parts)) == b"".join(runs)


@given(st.binary(min_size=1))
def test_any_bytes_are_base64_or_refused(text: bytes) -> None:
    try:
        decoded = asyncio.run(_read([text]))
    except Undecodable:
        return
    assert len(decoded) <= len(text)


@pytest.mark.parametrize("content_type", ["application/json", "application/grpc-web", "text/plain", "\xff"])
async def test_other_calls_pass_untouched(content_type: str) -> None:
    inner = Inner()
    scope = http_scope(PING, "POST", [(b"content-type", content_type.encode("latin-1")), (b"content-length", b"2")])
    sent: list[Message] = []
    await GrpcWebText(inner)(scope, arriving(b"{}"), collecting(sent))
    assert inner.scopes[0] is scope
    assert reply(sent).body == b"{}"


async def _call(app: ASGIApp, parts: list[bytes], *, path: str = PING, declared: bool = False) -> Reply:
    headers = [(b"host", b"gatepost.test"), (b"content-type", TEXT.encode())]
    if declared:
        headers.append((b"content-length", str(sum(map(len, parts))).encode()))
    sent: list[Message] = []
    await app(http_scope(path, "POST", headers), arriving(*parts), collecting(sent))
    return reply(sent)


def _status(answer: Reply) -> str | None:
    """From the trailers, which stand among the headers where there is no body."""
    if not answer.body:
        return answer["grpc-status"]
    lines = _frames(answer.body)[-1][1].decode().splitlines()
    return dict(line.split(": ", 1) for line in lines)["grpc-status"]


def _of_size(size: int) -> bytes:
    """A request of so many bytes, most of them a field that nobody knows."""
    request = probe.REQUEST.to_binary()
    rest = size - len(request) - 3
    return request + bytes([15 << 3 | 2, rest & 0x7F | 0x80, rest >> 7]) + bytes(rest)


async def _read(parts: list[bytes]) -> bytes:
    """A body as the application behind sees it."""
    read = bytearray()

    async def reading(scope: Scope, receive: Receive, send: Send) -> None:
        more = True
        while more:
            message = await receive()
            read.extend(message["body"])
            more = message["more_body"]

    await GrpcWebText(reading)(_scope(), arriving(*parts), collecting([]))
    return bytes(read)


def _scope() -> Scope:
    return http_scope(PING, "POST", [(b"host", b"gatepost.test"), (b"content-type", TEXT.encode())])


def _frame(message: bytes) -> bytes:
    return struct.pack(">BI", 0, len(message)) + message


def _frames(text: bytes) -> list[tuple[int, bytes]]:
    """Flags and content of each frame. Groups of four decode apart, as in Google's client."""
    return _binary_frames(b"".join(b64decode(text[at : at + 4], validate=True) for at in range(0, len(text), 4)))


def _binary_frames(binary: bytes) -> list[tuple[int, bytes]]:
    frames = []
    while binary:
        flags, length = struct.unpack_from(">BI", binary)
        frames.append((flags, binary[5 : 5 + length]))
        binary = binary[5 + length :]
    return frames
