"""HTTP/2 by its frames: answers wait for their reader, and what the RFC forbids reaches no application."""

import asyncio
from collections.abc import Callable

import pytest
from starlette.types import Message, Receive, Scope, Send

from tests.rpc.asgi import PING, Inner, fronted
from tests.support.http2 import WINDOW, Header, Http2Connection, turns

HEADERS: list[Header] = [
    (b":method", b"POST"),
    (b":scheme", b"http"),
    (b":authority", b"gatepost.test"),
    (b":path", PING.encode()),
    (b"content-type", b"application/json"),
]
PART = 1000
"""Bytes of each part that `Counting` sends."""


async def test_a_call() -> None:
    inner = Inner()
    connection = Http2Connection(fronted(inner))
    stream = connection.request(HEADERS, b"{}")
    await turns()
    assert (connection.status(stream), connection.body(stream), connection.ended(stream)) == (200, b"{}", True)
    assert inner.scopes[0]["http_version"] == "2"


@pytest.mark.parametrize("length", [[], [(b"content-length", b"0")]], ids=["no length", "length 0"])
async def test_a_call_that_is_its_headers_alone(length: list[Header]) -> None:
    """As browsers send an empty binary message (RFC 9113, 8.1)."""
    inner = Inner()
    connection = Http2Connection(fronted(inner))
    stream = connection.request([*HEADERS, *length], None)
    await turns()
    assert (connection.status(stream), connection.ended(stream), inner.ran) == (200, True, True)


@pytest.mark.parametrize("name", [b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade"])
async def test_headers_of_a_connection_are_refused(name: bytes, inner: Inner) -> None:
    """RFC 9113, 8.2.2; ASVS 4.2.3."""
    await _refused(inner, (name, b"chunked"))


@pytest.mark.parametrize("broken", [b"a\rb", b"a\nb", b"a\r\nx-y: z", b"a\0b"], ids=repr)
@pytest.mark.parametrize("name", [b"x-any", b"cookie", b"authorization"])
async def test_values_with_cr_lf_or_nul_are_refused(name: bytes, broken: bytes, inner: Inner) -> None:
    """RFC 9113, 8.2.1; ASVS 4.2.4."""
    await _refused(inner, (name, broken))


@pytest.mark.parametrize(
    "header",
    [(b"te", b"gzip"), (b"X-Upper", b"a"), (b"x y", b"a"), (b":status", b"200"), (b"host", b"other.test")],
    ids=str,
)
async def test_other_malformed_requests_are_refused(header: Header, inner: Inner) -> None:
    await _refused(inner, header)


@pytest.mark.parametrize("length", [b"1", b"3", b"99"])
async def test_a_body_of_another_length_than_declared_is_refused(length: bytes) -> None:
    """RFC 9113, 8.1.1; ASVS 4.2.2."""
    connection = Http2Connection(fronted(Inner()))
    stream = connection.request([*HEADERS, (b"content-length", length)], b"{}")
    await turns()
    assert (connection.refused(stream), connection.status(stream)) == (True, None)


@pytest.mark.parametrize("path", [PING.encode() + b"\xc3\xa9", b"/\xff", b"/a\r\nb"])
async def test_a_broken_path_harms_no_other_call_on_the_connection(path: bytes) -> None:
    counting = Counting(1)
    connection = Http2Connection(counting)
    before = connection.request(HEADERS)
    broken = connection.request([(b":path", path) if name == b":path" else (name, value) for name, value in HEADERS])
    after = connection.request(HEADERS)
    await turns()
    assert [connection.ended(each) for each in (before, broken, after)] == [True, False, True]
    assert connection.refused(broken)


async def test_a_handler_goes_on_as_its_reader_takes_more() -> None:
    counting = Counting(100)
    connection = Http2Connection(counting, window=10 * PART)
    stream = connection.request(HEADERS)
    await turns()
    assert (counting.sent, len(connection.body(stream))) == (11, 10 * PART)
    connection.take(stream, 5 * PART)
    await turns()
    assert (counting.sent, len(connection.body(stream))) == (16, 15 * PART)


async def test_one_reader_that_waits_holds_up_no_other() -> None:
    connection = Http2Connection(Counting(3), window=PART)
    stuck, other = connection.request(HEADERS), connection.request(HEADERS)
    await turns()
    connection.take(other, 2 * PART)
    await turns()
    assert (connection.ended(stuck), connection.ended(other)) == (False, True)


async def test_all_streams_together_stay_within_the_window_of_the_connection() -> None:
    counting = Counting(100)
    connection = Http2Connection(counting)
    for _ in range(5):
        connection.request(HEADERS)
    await turns(1000)
    assert counting.sent <= WINDOW // PART + 5


def hang_up(connection: Http2Connection, stream: int) -> None:
    connection.hang_up()


def reset(connection: Http2Connection, stream: int) -> None:
    connection.h2.reset_stream(stream)
    connection.flush()


@pytest.mark.parametrize("leave", [hang_up, reset])
async def test_a_reader_that_leaves_frees_its_handler(leave: Callable[[Http2Connection, int], None]) -> None:
    counting = Counting(100)
    connection = Http2Connection(counting, window=PART)
    stream = connection.request(HEADERS)
    await turns()
    assert (counting.sent, counting.over) == (2, False)
    leave(connection, stream)
    await turns(1000)
    assert counting.over


async def test_the_last_part_is_waited_for_though_all_was_said() -> None:
    counting = Counting(2)
    connection = Http2Connection(counting, window=PART)
    stream = connection.request(HEADERS)
    await turns()
    connection.stop()
    await turns()
    assert (counting.over, connection.closed) == (False, False)
    connection.take(stream, PART)
    await turns()
    assert (counting.over, connection.ended(stream), connection.closed) == (True, True, True)


async def test_what_a_reader_did_not_take_in_time_is_let_go() -> None:
    async def impatient(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        waiting = asyncio.ensure_future(send({"type": "http.response.body", "body": bytes(2 * PART)}))
        await turns(10)
        waiting.cancel()

    connection = Http2Connection(impatient, window=PART)
    stream = connection.request(HEADERS)
    await turns()
    assert (connection.refused(stream), connection.ended(stream)) == (True, False)
    connection.stop()
    assert connection.closed, "nothing is left to wait for"


async def _refused(inner: Inner, header: Header) -> None:
    connection = Http2Connection(fronted(inner))
    stream = connection.request([*HEADERS, header], b"{}")
    await turns()
    assert (connection.refused(stream), connection.status(stream), inner.ran) == (True, None, False)


class Counting:
    """Sends parts of an answer and counts those that were taken off its hands, and the one on them."""

    def __init__(self, parts: int) -> None:
        self.parts = parts
        self.sent = 0
        self.over = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for number in range(self.parts):
            self.sent += 1
            message: Message = {"type": "http.response.body", "body": bytes(PART), "more_body": number < self.parts - 1}
            await send(message)
        self.over = True


@pytest.fixture
def inner() -> Inner:
    return Inner()
