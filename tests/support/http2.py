"""HTTP/2 frame by frame, in memory: hyper-h2 on one side, our protocol and an application on the other."""

import asyncio
from collections.abc import Sequence
from typing import Any

from h2 import events
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.settings import SettingCodes, Settings
from starlette.types import ASGIApp
from uvicorn.server import ServerState

from app.core import config
from app.server import configured

Header = tuple[bytes, bytes]
WINDOW = 65_535
"""Bytes that a connection lets through at first, and a stream unless the settings say less (RFC 9113, 6.9.2)."""


class Http2Connection(asyncio.Transport):
    """One connection. It sends whatever it is told to, also what no client may."""

    def __init__(self, app: ASGIApp, *, window: int = WINDOW) -> None:
        super().__init__()
        self.closed = False
        self.came: dict[int, list[events.Event]] = {}
        """By stream; what concerns the whole connection is under 0."""
        server = configured(app, config.Settings(http2="on"))
        server.load()
        self._protocol: Any = server.http_protocol_class(server, ServerState(), {})  # type: ignore[call-arg]
        self._protocol.connection_made(self)
        self.h2 = H2Connection(
            H2Configuration(header_encoding=None, validate_outbound_headers=False, normalize_outbound_headers=False)
        )
        self.h2.local_settings = Settings(client=True, initial_values={SettingCodes.INITIAL_WINDOW_SIZE: window})
        self.h2.initiate_connection()

    def request(self, headers: Sequence[Header], body: bytes | None = b"") -> int:
        """Begin a call, which runs when the loop next turns; the answer's stream. Without a body the headers end it."""
        stream: int = self.h2.get_next_available_stream_id()
        self.h2.send_headers(stream, headers, end_stream=body is None)
        if body is not None:
            self.h2.send_data(stream, body, end_stream=True)
        self.flush()
        return stream

    def take(self, stream: int, more: int) -> None:
        """Let so many more bytes through."""
        self.h2.increment_flow_control_window(more, stream)
        self.h2.increment_flow_control_window(more)
        self.flush()

    def flush(self) -> None:
        self._protocol.data_received(self.h2.data_to_send())

    def hang_up(self) -> None:
        self.closed = True
        self._protocol.connection_lost(None)

    def stop(self) -> None:
        """What uvicorn does to every connection when the server is told to stop."""
        self._protocol.shutdown()

    def status(self, stream: int) -> int | None:
        return next((int(dict(each.headers)[b":status"]) for each in self._of(stream, events.ResponseReceived)), None)

    def body(self, stream: int) -> bytes:
        return b"".join(each.data for each in self._of(stream, events.DataReceived))

    def trailers(self, stream: int) -> dict[bytes, bytes]:
        return {name: value for each in self._of(stream, events.TrailersReceived) for name, value in each.headers}

    def ended(self, stream: int) -> bool:
        return bool(self._of(stream, events.StreamEnded))

    def refused(self, stream: int) -> bool:
        """Whether the stream or the connection was ended as a violation of the protocol."""
        return bool(self._of(stream, events.StreamReset) or self._of(0, events.ConnectionTerminated))

    def _of(self, stream: int, kind: type[events.Event]) -> list[Any]:
        return [each for each in self.came.get(stream, []) if isinstance(each, kind)]

    # What a transport is to its protocol.

    def write(self, data: bytes | bytearray | memoryview) -> None:
        for each in self.h2.receive_data(bytes(data)):
            self.came.setdefault(getattr(each, "stream_id", None) or 0, []).append(each)

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._protocol = protocol

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return ("192.0.2.1", 1234) if name == "peername" else default

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    def pause_reading(self) -> None:
        raise NotImplementedError

    def resume_reading(self) -> None:
        raise NotImplementedError


async def turns(count: int = 100) -> None:
    """Let everything run that waits for nothing but the loop."""
    for _ in range(count):
        await asyncio.sleep(0)
