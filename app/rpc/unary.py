"""Connect's unary calls, which nearly all are, at a third of what connectrpc takes for them.

Below the front, which has checked path, verb, type, version and deadline of the request, little is left to do: run the
interceptors, read one message, call the handler, write one message. connectrpc does the same for any protocol and any
server; what it is asked for here are its own parts, so that both answer alike (tests/rpc/test_unary.py compares them).
Only what it says of compression is left out, since no answer is compressed, and the server takes 1 µs for each header.
pyproject.toml pins 0.13.
"""

import asyncio
from collections.abc import Sequence
from types import TracebackType
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
        ctx = _context(self._method, scope, headers)
        started: list[tuple[MetadataInterceptor, Any]] = []
        answer, error, cut = b"", None, _Cut(receive, ctx.timeout_ms)
        try:
            with cut:
                try:
                    for interceptor in self._leading:
                        started.append((interceptor, await interceptor.on_start(ctx)))
                    codec = self._codecs[content_type]
                    request = decode_message(codec, await _body(receive, self._body_limit), self._method.input)
                    cut.heed_hang_up()
                    response = await self._function(request, ctx)
                except Exception as failure:
                    error = failure
                error = await _end(started, ctx, error)
                if error is None:
                    try:
                        answer = codec.encode(response)
                    except Exception as failure:
                        error = failure
        except _WasCut as was_cut:
            error = error or was_cut.error
        except asyncio.CancelledError:
            await _end(started, ctx, ConnectError(Code.CANCELED, "Request was cancelled"))
            raise
        error = await _end(started, ctx, error)
        if error is None:
            await _send(send, 200, [(b"content-type", content_type)], answer, ctx)
        elif isinstance(error, ConnectError):
            wire_error = ConnectWireError.from_exception(error)
            status, body = wire_error.to_http_status().code, wire_error.to_json_bytes()
            await _send(send, status, [(b"content-type", b"application/json")], body, ctx)
        else:
            raise error


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


async def _end(
    started: list[tuple[MetadataInterceptor, Any]], ctx: Context, error: Exception | None
) -> Exception | None:
    """End what has started and not ended, the last first; what one raises takes the place of the error."""
    while started:
        interceptor, token = started.pop()
        try:
            await interceptor.on_end(token, ctx, error)
        except Exception as instead:
            error = instead
    return error


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

    Nothing is set up until the loop turns: a call that never waits can meet with neither.
    """

    __slots__ = ("_cancelling", "_deadline", "_error", "_handles", "_loop", "_receive", "_task", "_watcher")

    def __init__(self, receive: Receive, timeout_ms: float | None) -> None:
        self._receive = receive
        self._loop = asyncio.get_running_loop()
        self._deadline = None if timeout_ms is None else self._loop.time() + timeout_ms / 1000
        self._error: ConnectError | None = None
        self._handles: list[asyncio.Handle] = []
        self._watcher: asyncio.Task[None] | None = None

    def __enter__(self) -> None:
        task = asyncio.current_task(self._loop)
        assert task is not None  # noqa: S101  ASGI servers call from a task
        self._task = task
        self._cancelling = task.cancelling()
        if self._deadline is not None:
            self._handles.append(self._loop.call_at(self._deadline, self._cut, Code.DEADLINE_EXCEEDED))

    def heed_hang_up(self) -> None:
        """From now on, when the whole request has arrived."""
        self._handles.append(self._loop.call_soon(self._watch))

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        for handle in self._handles:
            handle.cancel()
        if self._watcher is not None:
            self._watcher.cancel()
        # A cancellation from elsewhere, a shutdown's, goes on; ours ends here.
        if self._error and self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise _WasCut(self._error) from None

    def _watch(self) -> None:
        self._watcher = self._loop.create_task(self._until_hung_up())

    async def _until_hung_up(self) -> None:
        message: Message = {"type": "http.request"}
        while message["type"] != "http.disconnect":
            message = await self._receive()
        self._cut(Code.CANCELED)

    def _cut(self, code: Code) -> None:
        if self._error is None:
            self._error = ConnectError(code, "")
            self._task.cancel()
