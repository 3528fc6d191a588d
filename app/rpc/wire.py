"""A refusal written in the caller's own protocol, for calls that connectrpc must not see or has crashed on.

connectrpc writes errors only inside a call, so this file, and no other, reaches for its protocol classes. An answer
from here has the same bytes as one from there, which tests/rpc/test_wire.py compares, and pyproject.toml pins 0.13.
"""

from math import ceil
from typing import NamedTuple

from connectrpc._headers import Headers
from connectrpc._protocol import ConnectWireError
from connectrpc._protocol_connect import ConnectEnvelopeWriter
from connectrpc._protocol_grpc import GRPCServerProtocol
from connectrpc._protocol_server import negotiate_server_protocol
from connectrpc.codec import proto_json_codec

from app.core.errors import Refusal, Unimplemented
from app.rpc.errors import to_connect_error

CONNECT_UNARY = frozenset({"application/json", "application/proto"})
CONNECT_STREAM = frozenset({"application/connect+json", "application/connect+proto"})
GRPC_WEB = frozenset({"application/grpc-web", "application/grpc-web+proto", "application/grpc-web+json"})
GRPC_WEB_TEXT = {
    "application/grpc-web-text": "application/grpc-web",
    "application/grpc-web-text+proto": "application/grpc-web+proto",
}
"""The types of gRPC-Web in base64, and what they are once decoded (`rpc.grpc_web_text`)."""
GRPC = frozenset({"application/grpc", "application/grpc+proto", "application/grpc+json"})


class Answer(NamedTuple):
    """A whole answer: HTTP status, its own headers, body."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


class Misdirected(Unimplemented):
    """404, 405 or 415: no RPC was reached, so the answer is plain HTTP whatever protocol was meant.

    Its body is for whoever reads the bytes. Clients of every protocol take the code from the status then: Connect has a
    table for that in which 405 and 415 are `unknown`, and a body of application/json would overrule it.
    """

    def __init__(self, status: int, sentence: str, **headers: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.headers = headers
        """By name, with `_` for `-`."""


def without_parameters(content_type: str) -> str:
    """As connectrpc compares it for Connect: `Application/JSON; charset=utf-8` is application/json."""
    return content_type.partition(";")[0].strip().lower()


def answer(refusal: Refusal, content_type: str, *, terse: bool = False) -> Answer:
    """Write a refusal as a caller with this Content-Type expects errors; JSON for one that speaks no known protocol.

    `terse` leaves the details out.
    """
    error = to_connect_error(refusal, terse=terse)
    wire_error = ConnectWireError.from_exception(error)
    protocol = negotiate_server_protocol(GRPC_WEB_TEXT.get(content_type, content_type))
    stream_type = without_parameters(content_type)
    if isinstance(refusal, Misdirected):
        # Problem details (RFC 9457), all of whose members are optional and which may have others, as here.
        written = _json(refusal.status, wire_error.to_json_bytes(), b"application/problem+json")
        written.headers.extend(
            (name.replace("_", "-").encode(), value.encode()) for name, value in refusal.headers.items()
        )
    elif isinstance(protocol, GRPCServerProtocol):
        trailers = protocol.trailers_only_headers(None, error)
        if content_type in GRPC_WEB_TEXT:
            trailers["content-type"] = content_type
        written = Answer(200, [(name.encode(), value.encode()) for name, value in trailers.allitems()], b"")
    elif stream_type in CONNECT_STREAM:
        end = ConnectEnvelopeWriter(proto_json_codec(), None).end(Headers(), wire_error)
        written = Answer(200, [(b"content-type", stream_type.encode())], end)
    else:
        written = _json(wire_error.to_http_status().code, wire_error.to_json_bytes())
    if refusal.retry_after is not None:
        written.headers.append((b"retry-after", str(ceil(refusal.retry_after)).encode()))
    written.headers.append((b"content-length", str(len(written.body)).encode()))
    return written


def _json(status: int, body: bytes, content_type: bytes = b"application/json") -> Answer:
    return Answer(status, [(b"content-type", content_type)], body)
