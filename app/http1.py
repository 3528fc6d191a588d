"""An answer's head and what follows it in one piece.

uvicorn 0.54 writes them by a system call each, and of those a short answer takes few others.
"""

from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class Http1(HttpToolsProtocol):
    """One connection."""

    def on_headers_complete(self) -> None:
        before = self.cycle
        super().on_headers_complete()
        # Of HEAD nothing follows. The cycle's task has been made, but has not run yet.
        if self.cycle is not before and self.scope["method"] == "POST":
            self.cycle.transport = _Joined(self.transport)  # type: ignore[assignment]


class _Joined:
    """What uvicorn uses of a transport for one answer."""

    __slots__ = ("_head", "_transport", "close", "is_closing", "write")

    def __init__(self, transport: Any) -> None:
        self._transport = transport
        self._head = b""
        self.close = transport.close
        self.is_closing = transport.is_closing
        self.write = self._begin

    def _begin(self, data: bytes) -> None:
        if data.startswith(b"HTTP/1.1 100"):
            self._transport.write(data)
        else:
            self._head = data
            self.write = self._follow

    def _follow(self, data: bytes) -> None:
        self._transport.write(self._head + data)
        self.write = self._transport.write
