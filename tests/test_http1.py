"""HTTP/1.1 by its bytes: an answer in one piece is, byte by byte, what uvicorn writes in two."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from app.core.config import Settings
from app.server import configured
from tests.support.http2 import turns

START: Message = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"a/b")]}
BODY: Message = {"type": "http.response.body", "body": b"HTTP/1.1 {}"}
MORE: Message = {**BODY, "more_body": True}
EMPTY: Message = {"type": "http.response.body"}


def saying(*messages: Message) -> ASGIApp:
    async def app(_: Scope, receive: Receive, send: Send) -> None:
        await receive()
        for message in messages:
            await send(message)

    return app


def starting(status: int, *headers: tuple[bytes, bytes]) -> Message:
    return {**START, "status": status, "headers": headers}


APPS: dict[str, ASGIApp] = {
    "plain": saying(START, BODY),
    "no body": saying(START, EMPTY),
    "refused": saying(starting(404, (b"x-a", b"1"), (b"x-a", b"2")), BODY),
    "length": saying(starting(200, (b"content-length", b"11")), BODY),
    "length 0": saying(starting(200, (b"content-length", b"0")), EMPTY),
    "length in parts": saying(starting(200, (b"content-length", b"22")), MORE, BODY),
    "close": saying(starting(200, (b"connection", b"close")), BODY),
    "parts": saying(START, MORE, MORE, EMPTY),
    "late": saying(START, {**EMPTY, "more_body": True}, BODY),
    "204": saying(starting(204), EMPTY),
    "304": saying(starting(304), EMPTY),
    "nothing": saying(),
    "no start": saying(BODY),
    "two ends": saying(START, BODY, BODY),
    "bad value": saying(starting(200, (b"x-y", b"a\r\nset-cookie: b=c")), BODY),
}
GET = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\n{}"
REQUESTS = {
    "get": GET,
    "head": GET.replace(b"GET", b"HEAD"),
    "post": POST,
    "three at once": POST + GET + POST,
    "closing": POST.replace(b"host: a", b"host: a\r\nconnection: close"),
    "1.0": POST.replace(b"HTTP/1.1", b"HTTP/1.0"),
    "expecting": POST.replace(b"host: a", b"host: a\r\nexpect: 100-continue"),
}


@pytest.mark.parametrize("request_", REQUESTS)
@pytest.mark.parametrize("app", APPS)
async def test_it_is_what_uvicorn_writes(app: str, request_: str) -> None:
    ours, theirs = Connection(APPS[app]), Connection(APPS[app], http=HttpToolsProtocol)
    for connection in (ours, theirs):
        connection.say(REQUESTS[request_])
        await turns()
    assert b"".join(ours.pieces) == b"".join(theirs.pieces)
    assert ours.closed == theirs.closed


async def test_it_is_one_piece() -> None:
    connection = Connection(APPS["plain"])
    for _ in range(2):
        connection.say(POST)
        await turns()
    assert len(connection.pieces) == 2


async def test_what_comes_in_parts_waits_for_none_but_the_first() -> None:
    goes_on = asyncio.Event()

    async def slow(_: Scope, __: Receive, send: Send) -> None:
        await send(START)
        await send(MORE)
        await goes_on.wait()
        await send(MORE)
        await goes_on.wait()

    connection = Connection(slow)
    connection.say(POST)
    await turns()
    assert len(connection.pieces) == 1
    goes_on.set()
    await turns()
    assert len(connection.pieces) == 2


async def test_nothing_is_written_to_whoever_hung_up() -> None:
    connection = Connection(APPS["plain"])
    connection.say(POST)
    connection.protocol.connection_lost(ConnectionResetError())
    await turns()
    assert connection.pieces == []


class Connection(asyncio.Transport):
    """A client's end of a connection, in memory."""

    def __init__(self, app: ASGIApp, **protocol: Callable[..., Any]) -> None:
        super().__init__()
        self.closed = False
        self.pieces: list[bytes] = []
        server = configured(app, Settings(), **protocol)
        server.load()
        self.protocol: Any = server.http_protocol_class(server, ServerState(), {})  # type: ignore[call-arg]
        self.protocol.connection_made(self)

    def say(self, data: bytes) -> None:
        self.protocol.data_received(data)

    def write(self, data: Any) -> None:
        if data:
            self.pieces.append(bytes(data))

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...
