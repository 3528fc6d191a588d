"""The two halves of one call's ASGI connection, each bounded in time."""

from dataclasses import dataclass
from time import monotonic

import structlog
from starlette.types import Message, Receive, Send

from app.core.errors import DeadlinePassed
from app.rpc.headers import Headers
from app.rpc.wire import Answer
from app.rpc.within import within

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
        now = monotonic()  # the loop has one, too, but to ask for the loop is a system call
        if self._parts:
            self._due = now + self._patience.part
        elif self._due is None:
            self._due = now + self._patience.body
        try:
            message = await within(self._due - now, self._receive())
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
            await within(self._patience.reader, self._pass_on(message))
        except TimeoutError:
            _log.info("reader_too_slow")
            raise

    async def _pass_on(self, message: Message) -> None:
        if not self.started and self._start is not None:
            self.started = True
            await self._send(self._start)
        await self._send(message)

    async def answer(self, answer: Answer) -> None:
        await self.send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
        await self.send({"type": "http.response.body", "body": answer.body})
