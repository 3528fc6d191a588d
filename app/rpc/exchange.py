"""The two halves of one call's ASGI connection, each bounded in time."""

import asyncio
from dataclasses import dataclass
from types import TracebackType

import structlog
from starlette.types import Message, Receive, Send

from app.core.errors import DeadlinePassed
from app.rpc.headers import Headers
from app.rpc.wire import Answer

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a client may keep us waiting, in seconds. Neither connectrpc nor uvicorn has a bound of its own."""

    body: float
    """For a request of one message, whole: 64 KiB take less than 10 s on any line that carries a browser."""
    part: float
    """For each part of a stream of requests, which may stay open for as long as its client has something to say. After
    60 s in silence proxies give a stream up as well: that is the default of nginx and of the clouds' balancers."""
    reader: float
    """For a client to take up what was written before; only full socket buffers make us wait for it at all."""


class Exchange:
    """Wraps `receive` and `send`: bounds the waits, and adds to the answer the headers that all answers have."""

    __slots__ = ("_added", "_arrived", "_due", "_parts", "_patience", "_receive", "_send", "_start", "started")

    def __init__(self, receive: Receive, send: Send, added: Headers, patience: Patience, *, parts: bool) -> None:
        """`parts`: whether the request is a stream of messages rather than one."""
        self._receive = receive
        self._send = send
        self._added = added
        self._patience = patience
        self._parts = parts
        self._due: float | None = None
        self._arrived = False
        self._start: Message | None = None
        self.started = False
        """Whether a status line has gone out, so that no other answer can be given."""

    async def receive(self) -> Message:
        """The next part of the body, or DeadlinePassed. Afterwards unbounded: connectrpc then waits for a hang-up."""
        if self._arrived:
            return await self._receive()
        now = asyncio.get_running_loop().time()
        if self._parts:
            self._due = now + self._patience.part
        elif self._due is None:
            self._due = now + self._patience.body
        try:
            with _Within(self._due - now):
                message = await self._receive()
        except TimeoutError:
            # HTTP/1.1 cannot carry another request behind half a body. (HTTP/2 servers drop this header.)
            self._added += ((b"connection", b"close"),)
            raise DeadlinePassed("The request body took too long to arrive. Nothing was done.") from None
        self._arrived = message["type"] != "http.request" or not message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        """Pass on a part of the answer, or raise TimeoutError if the client has stopped reading.

        A client that never reads would otherwise hold its handler, and what that holds, for as long as it likes.
        """
        if message["type"] == "http.response.start":
            # Kept until something follows it: what fails in between can still be answered properly.
            self._start = {**message, "headers": [*message.get("headers", ()), *self._added]}
            return
        try:
            with _Within(self._patience.reader):
                if not self.started and self._start is not None:
                    self.started = True
                    await self._send(self._start)
                await self._send(message)
        except TimeoutError:
            _log.info("reader_too_slow")
            raise

    async def answer(self, answer: Answer) -> None:
        await self.send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
        await self.send({"type": "http.response.body", "body": answer.body})


class _Within:
    """asyncio.timeout for code whose time counts: that takes 3 to 5 µs, this 1.5, and every call passes it twice."""

    __slots__ = ("_cancelling", "_expired", "_seconds", "_task", "_timer")

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._expired = False

    def __enter__(self) -> None:
        if self._seconds < 0:
            raise TimeoutError  # a timer would come too late for what is ready by the loop's next turn
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  ASGI servers call from a task
        self._task = task
        self._cancelling = task.cancelling()
        self._timer = asyncio.get_running_loop().call_later(self._seconds, self._expire)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._timer.cancel()
        # A cancellation from elsewhere, a shutdown's, goes on; ours ends here.
        if self._expired and self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise TimeoutError from error

    def _expire(self) -> None:
        self._expired = True
        self._task.cancel()
