"""What uvicorn's HTTP/2 lacks: an answer that waits for its reader, and a request that is its headers alone.

A client says how many bytes it will take (RFC 9113, 5.2). uvicorn 0.54 hands an answer to zttp as fast as it comes, and
zttp keeps what the client has no window for. Whoever opens none would have all of a long stream in our memory, and
uvicorn would take the connection for idle and close it on what its reader has yet to fetch.
"""

import asyncio
from functools import partial
from typing import Any

import zttp
from uvicorn._types import ASGISendCallable, ASGISendEvent
from uvicorn.protocols.http.auto_zttp_impl import AutoZttpProtocol
from uvicorn.protocols.http.zttp_h2_impl import RequestResponseCycle, ZttpH2Protocol
from uvicorn.protocols.http.zttp_impl import ZttpProtocol


class PacedHttp2(ZttpH2Protocol):
    """One connection. Whoever sends a part of an answer waits until all of it is on the wire."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._credit = asyncio.Event()

    def handle_request(self, event: zttp.Request) -> None:
        if not event.path.isascii():
            # uvicorn would fail on it and drop the connection, behind a proxy that of other people's calls too.
            self.conn.stream(event.stream_id).reset(zttp.H2ErrorCode.PROTOCOL_ERROR)
            return
        super().handle_request(event)
        cycle = self.cycles[event.stream_id]
        if event.end_stream:
            # zttp says nothing further of such a stream, and uvicorn would wait for its body all the same. Browsers
            # send an empty message so.
            cycle.more_body = False
            cycle.message_event.set()
        # Its task has been made, but has not run yet.
        cycle.send = partial(self._send, cycle, cycle.send)  # type: ignore[method-assign]
        cycle.on_response = partial(self._ended, cycle)

    async def _send(self, cycle: RequestResponseCycle, send: ASGISendCallable, message: ASGISendEvent) -> None:
        await send(message)
        if not cycle.stream.pending_bytes:
            return
        try:
            while cycle.stream.pending_bytes and not self.transport.is_closing():
                await self._credit.wait()
        except asyncio.CancelledError:
            cycle.abort_stream()  # nobody waits for this reader any more: let go of what it did not take
            raise
        finally:
            if cycle.response_complete:
                self.on_response_complete(cycle.stream.stream_id)

    def _ended(self, cycle: RequestResponseCycle, stream_id: int) -> None:
        """What uvicorn calls once an answer is complete: while some of it is untaken, the connection is not idle."""
        if not cycle.stream.pending_bytes:
            self.on_response_complete(stream_id)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._look_again()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._look_again()

    def _look_again(self) -> None:
        self._credit.set()
        self._credit.clear()


class Http1OrPacedHttp2(AutoZttpProtocol):
    """Finds out which of the two a client speaks: by ALPN over TLS, else by its first bytes."""

    def _switch(self, http2: bool, initial_data: bytes = b"") -> None:
        protocol = (PacedHttp2 if http2 else ZttpProtocol)(
            config=self.config, server_state=self.server_state, app_state=self.app_state, _loop=self.loop
        )
        self.transport.set_protocol(protocol)
        protocol.connection_made(self.transport)
        if initial_data:
            protocol.data_received(initial_data)
