"""Clients that send or read too slowly. What is waited for never comes, so the bounds are next to nothing."""

import asyncio
from collections.abc import Callable

import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.testing import capture_logs

from app.rpc.exchange import Patience
from tests.rpc.asgi import (
    CHAT,
    COLLECT,
    LIST_TOKENS,
    Inner,
    arriving,
    collecting,
    fronted,
    ping_scope,
    pinging,
    reply,
    stream_scope,
)

NO_TIME = Patience(body=0, part=0, reader=60)


@pytest.mark.parametrize("app", [Inner, pinging])
@pytest.mark.parametrize("parts", [[], [b"{"], [b"{", b"}"]], ids=["nothing", "a part", "all but the end"])
async def test_a_body_that_does_not_come(app: Callable[[], ASGIApp], parts: list[bytes]) -> None:
    sent: list[Message] = []
    await fronted(app(), patience=NO_TIME)(ping_scope(), arriving(*parts, whole=False), collecting(sent))
    answer = reply(sent)
    assert (answer.status, answer.json["code"], answer.reason) == (504, "deadline_exceeded", "DEADLINE")
    assert "body" in answer.json["message"]
    assert answer["connection"] == "close"


async def test_the_whole_body_has_one_deadline() -> None:
    """A byte now and then must not keep a call waiting for ever."""
    sent: list[Message] = []
    left = iter(range(1_000_000))

    async def receive() -> Message:
        await asyncio.sleep(0)
        return {"type": "http.request", "body": b" ", "more_body": next(left, None) is not None}

    await fronted(Inner(), patience=Patience(body=0.01, part=60, reader=60))(ping_scope(), receive, collecting(sent))
    assert reply(sent).status == 504


@pytest.mark.parametrize("path", [COLLECT, CHAT])
async def test_a_stream_of_requests_may_take_longer_than_a_body(path: str) -> None:
    sent: list[Message] = []
    front = fronted(Inner(), patience=Patience(body=0, part=60, reader=60))
    await front(stream_scope(path), arriving(*[b" "] * 10), collecting(sent))
    assert reply(sent).status == 200


@pytest.mark.parametrize("path", [COLLECT, CHAT])
async def test_a_stream_of_requests_that_falls_silent(path: str) -> None:
    sent: list[Message] = []
    front = fronted(Inner(), patience=Patience(body=60, part=0, reader=60))
    await front(stream_scope(path), arriving(b" ", whole=False), collecting(sent))
    assert b"deadline_exceeded" in reply(sent).body


async def test_a_request_for_a_stream_is_one_message() -> None:
    sent: list[Message] = []
    front = fronted(Inner(), patience=Patience(body=0, part=60, reader=60))
    await front(stream_scope(LIST_TOKENS), arriving(b" ", whole=False), collecting(sent))
    assert b"deadline_exceeded" in reply(sent).body


async def test_a_body_in_time_leaves_the_connection_open() -> None:
    sent: list[Message] = []
    await fronted(Inner())(ping_scope(), arriving(b"{", b"}"), collecting(sent))
    assert (reply(sent).status, reply(sent)["connection"]) == (200, None)


async def test_waiting_for_a_hang_up_is_unlimited() -> None:
    """connectrpc goes on receiving after the body: that is how it learns that the client is gone."""
    hang_up = asyncio.Event()
    told: list[Message] = []

    async def watches(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        watch = asyncio.ensure_future(receive())
        for _ in range(10):
            await asyncio.sleep(0)
        hang_up.set()
        told.append(await watch)

    receive = arriving(b"{}", hang_up=hang_up)
    await fronted(watches, patience=NO_TIME)(ping_scope(), receive, collecting([]))
    assert told == [{"type": "http.disconnect"}]


async def test_a_real_call_may_take_longer_than_its_body() -> None:
    sent: list[Message] = []
    await fronted(pinging(turns=10), patience=NO_TIME)(ping_scope(), arriving(b"{}"), collecting(sent))
    assert reply(sent).status == 200


async def test_a_reader_that_does_not_read() -> None:
    sent: list[Message] = []
    closed = asyncio.Event()

    async def send(message: Message) -> None:
        sent.append(message)
        if len(sent) == 3:
            await asyncio.Event().wait()

    async def endless(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        try:
            while True:
                await send({"type": "http.response.body", "body": b"x", "more_body": True})
        finally:
            closed.set()

    with capture_logs() as logs:
        await fronted(endless, patience=Patience(body=60, part=60, reader=0))(ping_scope(), arriving(b"{}"), send)
    assert closed.is_set()
    # The front returns in the middle of an answer: the server then closes the connection.
    assert [each.get("more_body") for each in sent] == [None, True, True]
    assert [each["event"] for each in logs] == ["reader_too_slow"]
    assert _cancellations() == 0  # or asyncio.timeout would take the server's next one for ours


@pytest.mark.parametrize("patience", [NO_TIME, Patience(body=60, part=60, reader=60)])
async def test_a_cancellation_from_outside_stays_one(patience: Patience) -> None:
    task = asyncio.create_task(fronted(Inner(), patience=patience)(ping_scope(), arriving(), collecting([])))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def _cancellations() -> int:
    task = asyncio.current_task()
    assert task is not None
    return task.cancelling()
