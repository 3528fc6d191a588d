"""Listens in between a client and the server: which HTTP was spoken, and what the requests said their bodies were."""

import re
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from socketserver import BaseRequestHandler, ThreadingTCPServer
from threading import Thread

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import RequestReceived

_PREFACE = b"PRI * HTTP/2.0\r\n"
"""What a client begins with that speaks HTTP/2 (RFC 9113, 3.4)."""
_CONTENT_TYPE = re.compile(rb"^content-type: *([^\r]+)\r$", re.IGNORECASE | re.MULTILINE)


class Tap(ThreadingTCPServer):
    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", 0), _Line)
        self.port = port
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.heard: set[tuple[str, str]] = set()
        """Version of HTTP, and Content-Type."""
        self.lines: list[socket.socket] = []


@contextmanager
def tapped(port: int) -> Iterator[Tap]:
    """Clients reach the server on `port` through the tap's URL."""
    with Tap(port) as tap:
        Thread(target=tap.serve_forever, args=(0.01,)).start()
        yield tap
        tap.shutdown()
        for line in tap.lines:  # a client's pool of connections would hold its thread
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)


class _Line(BaseRequestHandler):
    server: Tap

    def handle(self) -> None:
        self.server.lines.append(self.request)
        with socket.create_connection(("127.0.0.1", self.server.port)) as inside:
            answers = Thread(target=_pass_on, args=(inside, self.request))
            answers.start()
            _pass_on(self.request, inside, _Ear(self.server.heard))
            answers.join()


def _pass_on(source: socket.socket, target: socket.socket, overhear: Callable[[bytes], None] = lambda _: None) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            overhear(data)
            target.sendall(data)
    with suppress(OSError):  # a reset connection ends the other side too, which would wait for its keep-alive to pass
        target.shutdown(socket.SHUT_WR)


class _Ear:
    """Understands what one client sends on one connection."""

    def __init__(self, heard: set[tuple[str, str]]) -> None:
        self._heard = heard
        self._before = b""
        self._http2: H2Connection | None = None

    def __call__(self, data: bytes) -> None:
        if not self._before and data.startswith(_PREFACE):
            self._http2 = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        if self._http2 is None:
            self._before += data
            self._heard |= {("1.1", found.decode()) for found in _CONTENT_TYPE.findall(self._before)}
            return
        for event in self._http2.receive_data(data):
            if isinstance(event, RequestReceived):
                self._heard.add(("2", dict(event.headers)["content-type"]))
