"""The ways to speak to an RPC, with bodies written and answers read by hand: what no client library would send.

Error details are read with Google's runtime, an independent witness of what was written.
"""

import gzip
import json
import struct
from base64 import b64decode
from dataclasses import dataclass
from typing import Any

from connectrpc.code import Code
from google.rpc import error_details_pb2, status_pb2

from tests.rpc.asgi import Reply

_END_OF_CONNECT_STREAM, _END_OF_GRPC_WEB = 0x02, 0x80
_GRPC_CODES = ["ok", "canceled", "unknown", "invalid_argument", "deadline_exceeded", "not_found", "already_exists"]
_GRPC_CODES += ["permission_denied", "resource_exhausted", "failed_precondition", "aborted", "out_of_range"]
_GRPC_CODES += ["unimplemented", "internal", "unavailable", "data_loss", "unauthenticated"]
_STATUS = {"invalid_argument": 400, "failed_precondition": 400, "unauthenticated": 401, "permission_denied": 403}
_STATUS |= {"not_found": 404, "already_exists": 409, "aborted": 409, "resource_exhausted": 429, "internal": 500}
_STATUS |= {"unimplemented": 501, "unavailable": 503, "deadline_exceeded": 504}


@dataclass(frozen=True, slots=True)
class Error:
    """What an answer said of its failure."""

    code: Code
    reason: str
    sentence: str
    fields: list[str]
    retry_after: int | None


@dataclass(frozen=True, slots=True)
class Tongue:
    """A protocol and a codec, for unary methods or for streams."""

    content_type: str
    compression: str
    """The header that names the body's compression."""
    stream: bool = False
    """Whether methods whose answer is a stream are meant."""

    def __str__(self) -> str:
        return f"{self.content_type}{'-stream' if self.stream and 'grpc' in self.content_type else ''}"

    @property
    def json(self) -> bool:
        return self.content_type.endswith("json")

    @property
    def enveloped(self) -> bool:
        return self.content_type not in ("application/json", "application/proto")

    def body(self, message: bytes, flags: int = 0) -> bytes:
        return struct.pack(">BI", flags, len(message)) + message if self.enveloped else message

    def zipped(self, message: bytes) -> bytes:
        return self.body(gzip.compress(message), flags=1)

    def headers(self, **more: str) -> dict[str, str | None]:
        native = {} if "web" in self.content_type or "grpc" not in self.content_type else {"te": "trailers"}
        named = {name.replace("_", "-"): value for name, value in more.items()}
        return {"content-type": self.content_type, **native, **named}

    def deadline(self) -> dict[str, str | None]:
        """Headers that give the call one millisecond."""
        name, value = ("grpc-timeout", "1m") if "grpc" in self.content_type else ("connect-timeout-ms", "1")
        return {**self.headers(), name: value}

    def error(self, reply: Reply) -> Error:
        """The error in an answer, which must be written as this protocol wants it, its Retry-After like its details."""
        if "grpc" in self.content_type:
            assert reply.status == 200
            read = _of_grpc(reply)
        elif self.enveloped:
            assert reply.status == 200
            read = _of_connect(json.loads(_frame(reply.body, _END_OF_CONNECT_STREAM))["error"])
        else:
            read = _of_connect(reply.json)
            assert reply.status == _STATUS[read.code.value]
        assert reply["retry-after"] == (None if read.retry_after is None else str(read.retry_after))
        return read


CONNECT = [Tongue(f"application/{codec}", "content-encoding") for codec in ("json", "proto")]
WEB = [Tongue(f"application/grpc-web+{codec}", "grpc-encoding") for codec in ("json", "proto")]
GRPC = [Tongue(f"application/grpc+{codec}", "grpc-encoding") for codec in ("json", "proto")]
STREAMS = [
    Tongue("application/connect+json", "connect-content-encoding", stream=True),
    Tongue("application/connect+proto", "connect-content-encoding", stream=True),
    Tongue("application/grpc-web+proto", "grpc-encoding", stream=True),
    Tongue("application/grpc+proto", "grpc-encoding", stream=True),
]
ALL = [*CONNECT, *WEB, *GRPC, *STREAMS]
ENVELOPED = [*WEB, *GRPC, *STREAMS]


def _of_connect(error: Any) -> Error:
    details = [(each["type"], b64decode(each["value"] + "==")) for each in error["details"]]
    return _error(error["code"], error["message"], details)


def _of_grpc(reply: Reply) -> Error:
    trailers = reply.trailers or {name: value for name, value in reply.headers if name.startswith("grpc-")}
    if "grpc-status" not in trailers:  # in gRPC-Web they are the last frame, unless they stand alone among the headers
        lines = _frame(reply.body, _END_OF_GRPC_WEB).decode().split("\r\n")
        trailers = dict(line.split(": ", 1) for line in lines if line)
    status = status_pb2.Status.FromString(b64decode(trailers["grpc-status-details-bin"] + "=="))
    code = _GRPC_CODES[int(trailers["grpc-status"])]
    assert _GRPC_CODES[status.code] == code
    details = [(each.type_url.rpartition("/")[2], each.value) for each in status.details]
    return _error(code, status.message, details)


def _error(code: str, sentence: str, details: list[tuple[str, bytes]]) -> Error:
    found = dict(details)
    assert len(found) == len(details)
    info = error_details_pb2.ErrorInfo.FromString(found.pop("google.rpc.ErrorInfo"))
    assert info.domain == "gatepost"
    fields = error_details_pb2.BadRequest.FromString(found.pop("google.rpc.BadRequest", b"")).field_violations
    retry = found.pop("google.rpc.RetryInfo", None)
    assert not found
    delay = None if retry is None else error_details_pb2.RetryInfo.FromString(retry).retry_delay.seconds
    return Error(Code(code), info.reason, sentence, [each.field for each in fields], delay)


def _frame(body: bytes, flags: int) -> bytes:
    """The content of the last frame of an enveloped answer, which must have these flags."""
    while True:
        found, length = struct.unpack_from(">BI", body)
        content, body = body[5 : 5 + length], body[5 + length :]
        assert len(content) == length
        if not body:
            assert found == flags
            return content
