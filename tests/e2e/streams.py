"""ListTokens read straight off a socket, envelope by envelope, so that nothing reads ahead of the reader."""

import json
import socket
import ssl
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from typing import Any

PATH = "/tokens.v1.TokensService/ListTokens"
EMPTY = {"json": b"{}", "proto": b""}
_PREFIX = struct.Struct(">BI")
"""Flags and length, in front of each message of a stream (Connect protocol, "Streaming RPCs")."""
_END_OF_STREAM = 2


class StreamError(Exception):
    """What the last envelope of a stream says, in Connect's JSON."""

    def __init__(self, error: Any) -> None:
        super().__init__(error)
        self.error = error


def envelope(message: bytes) -> bytes:
    return _PREFIX.pack(0, len(message)) + message


@contextmanager
def list_tokens(
    port: int,
    headers: dict[str, str],
    *,
    codec: str = "json",
    receive_buffer: int | None = None,
    tls: ssl.SSLContext | None = None,
) -> Iterator[Iterator[bytes]]:
    """The tokens as bytes. A small `receive_buffer`, in bytes, keeps the server from running far ahead."""
    connection = HTTPConnection("127.0.0.1", port)
    connection.sock = socket.socket()
    connection.sock.settimeout(30)
    if receive_buffer is not None:
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    connection.sock.connect(("127.0.0.1", port))
    if tls is not None:
        connection.sock = tls.wrap_socket(connection.sock, server_hostname="127.0.0.1")
    try:
        headers = {"content-type": f"application/connect+{codec}", **headers}
        connection.request("POST", PATH, envelope(EMPTY[codec]), headers)
        yield messages(connection.getresponse().read)
    finally:
        connection.close()


def messages(read: Callable[[int], bytes]) -> Iterator[bytes]:
    """All messages of a stream that ends well; StreamError for one that ends with an error."""
    while True:
        prefix = read(_PREFIX.size)
        assert len(prefix) == _PREFIX.size, "the connection was cut before the end of the stream"
        flags, length = _PREFIX.unpack(prefix)
        message = read(length)
        if flags & _END_OF_STREAM:
            if error := json.loads(message).get("error"):
                raise StreamError(error)
            return
        yield message
