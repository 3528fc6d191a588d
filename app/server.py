"""uvicorn, as Gatepost runs it."""

import errno
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

import uvicorn
from prometheus_client import CollectorRegistry, start_http_server
from starlette.types import ASGIApp

from app.core.config import ConfigError, Settings
from app.http1 import Http1


def configured(app: ASGIApp, settings: Settings, **more: Any) -> uvicorn.Config:
    """What to start a `uvicorn.Server` with. `more` goes to uvicorn. Raises ConfigError if HTTP/2 is not installed."""
    if settings.http2 == "on":
        if find_spec("zttp") is None:
            raise ConfigError(["HTTP2: needs the package zttp. Run `pip install zttp`, or set HTTP2=off."])
        from app.http2 import Http1OrPacedHttp2

        more["http"] = Http1OrPacedHttp2
    else:
        more.setdefault("http", Http1)
    return uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        ws="none",
        # Our own reader goes by TRUSTED_PROXIES; uvicorn's would believe whoever is on this machine.
        proxy_headers=False,
        timeout_graceful_shutdown=6,
        **more,
    )


class Server(uvicorn.Server):
    """Says when it is up, with what stops it, and when it is told to stop."""

    def __init__(
        self, config: uvicorn.Config, up: Callable[[Callable[[], None]], None], stopping: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self._up = up
        self._stopping = stopping

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._up(self._stop)

    def _stop(self) -> None:
        self.should_exit = True

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        with super().capture_signals():
            yield
            # uvicorn would raise them again at its end, and a process that ended well would count as killed.
            self._captured_signals.clear()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # The application itself hears of it only after the last call has ended.
        self._stopping()
        await super().shutdown(sockets)


@contextmanager
def metrics_page(settings: Settings, registry: CollectorRegistry) -> Iterator[None]:
    """The page for Prometheus, where METRICS is on. Raises ConfigError if its port cannot be had.

    It has a socket of its own on the loopback address: at the service's own a proxy would show it to everybody, and by
    the peer's address a proxy on this machine looks like Prometheus.
    """
    if settings.metrics == "off":
        yield
        return
    try:
        page, thread = start_http_server(settings.metrics_port, "127.0.0.1", registry)
    except OSError as error:
        where = f"127.0.0.1 port {settings.metrics_port} ({os.strerror(error.errno or 0)})"
        raise ConfigError([f"METRICS_PORT: cannot listen on {where}. Try METRICS_PORT=9465."]) from error
    try:
        yield
    finally:
        page.shutdown()
        page.server_close()
        thread.join()


def listen(settings: Settings) -> socket.socket:
    """The socket to serve on. Raises ConfigError if it cannot be had."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family, backlog=2048)
    except OSError as error:
        if error.errno not in (errno.EADDRINUSE, errno.EACCES):
            everywhere = "HOST=0.0.0.0 listens on all it has."
            raise ConfigError([f"HOST: {settings.host} is no address of this machine. {everywhere}"]) from error
        where = f"{settings.host} port {settings.port} ({os.strerror(error.errno)})"
        raise ConfigError([f"PORT: cannot listen on {where}. Try PORT=8001."]) from error
