"""Connect's unary calls, which nearly all are, at a third of what connectrpc takes for them.

Below the front, which has checked path, verb, type, version and deadline of the request, little is left to do: run the
interceptors, read one message, call the handler, write one message. connectrpc does the same for any protocol and any
server; what it is asked for here are its own parts, so that both answer alike (tests/rpc/test_unary.py compares them).
Only what it says of compression is left out: no answer is compressed, and the server takes time for each header.
pyproject.toml pins 0.13.
"""

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Any, Protocol

from connectrpc._protocol import ConnectWireError
from connectrpc._server_shared import EndpointUnary
from connectrpc._shared import decode_message, message_too_large_error
from connectrpc.code import Code
from connectrpc.codec import Codec
from connectrpc.errors import ConnectError
from connectrpc.request import Headers, RequestContext
from starlette.types import Message, Receive, Scope, Send

from app.rpc.caller import Context
from app.rpc.within import once_it_waits


class MetadataInterceptor(Protocol):
    async def on_start(self, ctx: Context) -> Any: ...
    async def on_end(self, token: Any, ctx: Context, error: Exception | None, /) -> None: ...


class Unary:
    """One method with its interceptors: those that run before the body is read, the others around the handler."""

    def __init__(
        self,
        endpoint: EndpointUnary[Any, Any],
        leading: Sequence[MetadataInterceptor],
        codecs: Sequence[Codec[Any, Any]],
        body_limit: int,
    ) -> None:
        self._method = endpoint.method
        self._function = endpoint.function
        self._leading = leading
        self._codecs = {f"application/{codec.name()}".encode(): codec for codec in codecs}
        self._body_limit = body_limit

    def takes(self, scope: Scope) -> bool:
        """Whether this is a call in Connect's unary protocol, its type spelt plainly and its message as it is."""
        plain = False
        for name, value in scope["headers"]:
            if name == b"content-type":
                plain = value in self._codecs
            elif name == b"content-encoding":
                return False
        return plain

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = _headers(scope)
        content_type = headers["content-type"].encode()
        call = _Call(_context(self._method, scope, headers))
        cut = _Cut(receive, call.ctx.timeout_ms)
        try:
            await once_it_waits(self._run(call, self._codecs[content_type], receive, cut), cut.cutting)
        except _WasCut as was_cut:
            call.error = call.error or was_cut.error
        except asyncio.CancelledError:
            call.error = ConnectError(Code.CANCELED, "Request was cancelled")
            await call.end()
            raise
        await call.end()
        if call.error is None:
            await _send(send, 200, [(b"content-type", content_type)], call.answer, call.ctx)
        elif isinstance(call.error, ConnectError):
            wire_error = ConnectWireError.from_exception(call.error)
            status, body = wire_error.to_http_status().code, wire_error.to_json_bytes()
            await _send(send, status, [(b"content-type", b"application/json")], body, call.ctx)
        else:
            raise call.error

    async def _run(self, call: "_Call", codec: Codec[Any, Any], receive: Receive, cut: "_Cut") -> None:
        response = None
        try:
            for interceptor in self._leading:
                call.started.append((interceptor, await interceptor.on_start(call.ctx)))
            request = decode_message(codec, await _body(receive, self._body_limit), self._method.input)
            cut.heed_hang_up()
            response = await self._function(request, call.ctx)
        except Exception as failure:
            call.error = failure
        await call.end()
        if call.error is None:
            try:
                call.answer = codec.encode(response)
            except Exception as failure:
                call.error = failure


class _Call:
    """What has become of a call so far."""

    __slots__ = ("answer", "ctx", "error", "started")

    def __init__(self, ctx: Context) -> None:
        self.ctx = ctx
        self.started: list[tuple[MetadataInterceptor, Any]] = []
        self.answer = b""
        self.error: Exception | None = None

    async def end(self) -> None:
        """End what has started and not ended, the last first; what one raises takes the place of the error."""
        while self.started:
            interceptor, token = self.started.pop()
            try:
                await interceptor.on_end(token, self.ctx, self.error)
            except Exception as instead:
                self.error = instead


def _headers(scope: Scope) -> Headers:
    came, headers = scope["headers"], Headers()
    headers._store = {name.decode(): value.decode() for name, value in came}  # names come in lower case (ASGI)
    if len(headers._store) < len(came):
        headers.clear()
        for name, value in came:
            headers.add(name.decode(), value.decode())
    return headers


def _context(method: Any, scope: Scope, headers: Headers) -> Context:
    timeout = headers.get("connect-timeout-ms") if "connect-timeout-ms" in headers else None
    client = scope.get("client")
    return RequestContext(
        method=method,
        http_method="POST",
        request_headers=headers,
        timeout_ms=int(timeout) if timeout else None,
        client_address=f"{client[0]}:{client[1]}" if client else None,
    )


async def _body(receive: Receive, limit: int) -> bytes:
    """The whole body, or ConnectError if it is longer than the limit or its sender hangs up."""
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body", False):
        body: bytes = message.get("body", b"")
        if len(body) > limit:
            raise message_too_large_error(limit)
        return body
    parts, length = [], 0
    while True:
        if message["type"] != "http.request":
            raise ConnectError(Code.CANCELED, "Client disconnected before request completion")
        parts.append(message.get("body", b""))
        length += len(parts[-1])
        if length > limit:
            raise message_too_large_error(limit)
        if not message.get("more_body", False):
            return b"".join(parts)
        message = await receive()


async def _send(send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes, ctx: Context) -> None:
    if ctx._response_headers is not None:  # asking for them would make them
        headers += [(name.encode(), value.encode()) for name, value in ctx.response_headers.allitems()]
    if ctx._response_trailers is not None:
        headers += [(f"trailer-{name}".encode(), value.encode()) for name, value in ctx.response_trailers.allitems()]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


class _WasCut(Exception):
    def __init__(self, error: ConnectError) -> None:
        self.error = error


class _Cut:
    """Cuts a call short once its client's deadline has passed, or once the client has hung up on the handler.

    A call that never waits can meet with neither.
    """

    __slots__ = ("_arrived", "_deadline", "_error", "_receive", "_task", "_watcher")

    def __init__(self, receive: Receive, timeout_ms: float | None) -> None:
        self._receive = receive
        self._deadline = None if timeout_ms is None else asyncio.get_running_loop().time() + timeout_ms / 1000
        self._arrived = False
        self._error: ConnectError | None = None
        self._task: asyncio.Task[Any] | None = None
        self._watcher: asyncio.Task[None] | None = None

    def heed_hang_up(self) -> None:
        """From now on, when the whole request has arrived."""
        self._arrived = True
        if self._task is not None:
            self._watcher = asyncio.create_task(self._until_hung_up())

    async def cutting(self, rest: Awaitable[None]) -> None:
        """Raises _WasCut."""
        self._task = task = asyncio.current_task()
        assert task is not None  # noqa: S101  ASGI servers call from a task
        cancelling = task.cancelling()
        timer = None
        if self._deadline is not None:
            timer = task.get_loop().call_at(self._deadline, self._cut, Code.DEADLINE_EXCEEDED)
        if self._arrived:
            self.heed_hang_up()
        try:
            await rest
        except asyncio.CancelledError:
            # A cancellation from elsewhere, a shutdown's, goes on; ours ends here.
            if self._error is None or task.uncancel() > cancelling:
                raise
            raise _WasCut(self._error) from None
        else:
            if self._error is not None:
                task.uncancel()
        finally:
            if timer is not None:
                timer.cancel()
            if self._watcher is not None:
                self._watcher.cancel()

    async def _until_hung_up(self) -> None:
        message: Message = {"type": "http.request"}
        while message["type"] != "http.disconnect":
            message = await self._receive()
        self._cut(Code.CANCELED)

    def _cut(self, code: Code) -> None:
        if self._error is None and self._task is not None:
            self._error = ConnectError(code, "")
            self._task.cancel()
