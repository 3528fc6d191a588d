"""uvicorn, as Gatepost runs it."""

import errno
import os
import socket
from importlib.util import find_spec
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from app.core.config import ConfigError, Settings


def configured(app: ASGIApp, settings: Settings, **more: Any) -> uvicorn.Config:
    """What to start a `uvicorn.Server` with. `more` goes to uvicorn. Raises ConfigError if HTTP/2 is not installed."""
    if settings.http2 == "on":
        if find_spec("zttp") is None:
            raise ConfigError(["HTTP2: needs the package zttp. Run `pip install zttp`, or set HTTP2=off."])
        from app.http2 import Http1OrPacedHttp2

        more["http"] = Http1OrPacedHttp2
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
