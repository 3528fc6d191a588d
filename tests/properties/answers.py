"""What an answer told, read by hand and by Google's runtime in the protocol of the call, and whether it may stand."""

import json
import re
import struct
from base64 import b64decode
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_to_bytes

from starlette.types import Message

from tests.contract.commands import ROOT
from tests.properties import witness
from tests.properties.contents import Content
from tests.properties.ways import Way
from tests.rpc.asgi import Reply
from tests.rpc.tongues import Error

OK = "ok"
_ROWS = re.findall(r"^\| ([A-Z_]+) \| ([a-z_, ]+) \|", (ROOT / "README.md").read_text(), re.MULTILINE)
DOCUMENTED = {reason: codes.split(", ") for reason, codes in _ROWS}
"""The codes of each reason, as the README has them."""
NO_EXCUSE = {"INTERNAL", "UNAVAILABLE", "BUSY", "LOST_RACE"}
"""Documented, and yet nothing that one caller's bytes can bring about."""
SETS_COOKIES = {"SignIn", "SignOut", "RefreshSession", "TokenAuthorization"}
MISDIRECTED = (404, 405, 415)
_PREFIX = struct.Struct(">BI")
_END_OF_CONNECT_STREAM, _END_OF_GRPC_WEB = 0x02, 0x80
_BASE64 = re.compile(rb"[A-Za-z0-9+/]{16,}")


@dataclass(frozen=True, slots=True)
class Told:
    """A whole answer."""

    reply: Reply
    code: str
    """OK or the code."""
    reason: str
    messages: list[Content]

    def repeats(self, text: bytes) -> bool:
        """Whether it holds the text: plainly, percent-encoded as gRPC's messages, or in base64 as details."""
        head = "\n".join(f"{name}: {value}" for name, value in self.reply.headers).encode()
        plain = unquote_to_bytes(head + b"\n" + self.reply.body)
        return any(text in each for each in (plain, *map(_decoded, _BASE64.findall(plain))))


def told(way: Way, sent: list[Message]) -> Told:
    """Read an answer and hold it against what is documented of answers."""
    reply = _reply(sent)
    read = _misdirected(reply) if reply.status in MISDIRECTED else _read(way, reply)
    assert read.code == OK or read.code in DOCUMENTED[read.reason]
    assert (reply["x-content-type-options"], reply["cache-control"]) == ("nosniff", "no-store")
    assert reply["content-length"] in (None, str(len(reply.body)))
    assert reply["set-cookie"] is None or (read.code == OK and way.method.name in SETS_COOKIES)
    return read


def _decoded(base64: bytes) -> bytes:
    return b64decode(base64[: len(base64) // 4 * 4])


def _reply(sent: list[Message]) -> Reply:
    """The one whole answer in what was sent, trailers among its headers."""
    start, *rest = sent
    trailers = [each for each in rest if each["type"] == "http.response.trailers"]
    bodies = [each for each in rest if each not in trailers]
    assert [start["type"], *(each["type"] for each in bodies)] == [
        "http.response.start",
        *["http.response.body"] * len(bodies),
    ]
    assert [each.get("more_body", False) for each in bodies] == [True] * (len(bodies) - 1) + [False]
    assert rest == [*bodies, *trailers]
    assert len(trailers) == start.get("trailers", False)
    headers = [pair for each in (start, *trailers) for pair in each["headers"]]
    decoded = [(name.decode("ascii"), value.decode("ascii").replace("-web-text", "-web")) for name, value in headers]
    # In gRPC-Web's text mode each part is base64 by itself.
    text = any(name == b"content-type" and b"-web-text" in value for name, value in headers)
    parts = [b64decode(each["body"]) if text else each["body"] for each in bodies]
    return Reply(start["status"], decoded, b"".join(parts))


def _misdirected(reply: Reply) -> Told:
    # A 404 may also be an RPC's own, of an object; where no RPC was reached, clients must go by the status.
    expected = "application/json" if reply.json["code"] == "not_found" else "application/problem+json"
    assert reply["content-type"] == expected
    return Told(reply, reply.json["code"], reply.reason, [])


def _read(way: Way, reply: Reply) -> Told:
    tongue = way.tongue
    if not tongue.enveloped:
        if reply.status != 200:
            assert reply["content-type"] == "application/json"
            return _refused(reply, tongue.error(reply))
        assert reply["content-type"] == tongue.content_type
        return Told(reply, OK, "", [_message(way, reply.body)])
    assert reply["content-type"] in (tongue.content_type, tongue.content_type.partition("+")[0])
    messages, end, failed = _frames(way, reply)
    if failed:
        last = Reply(reply.status, reply.headers, end)
        assert not messages or way.endless, "only a stream that never ends fails after its first message"
        return _refused(last, tongue.error(last))
    return Told(reply, OK, "", [_message(way, each) for each in messages])


def _frames(way: Way, reply: Reply) -> tuple[list[bytes], bytes, bool]:
    """The messages, the frame that ends them, empty if trailers or headers do, and whether they tell of a failure."""
    frames, rest = [], reply.body
    while rest:
        flags, length = _PREFIX.unpack_from(rest)
        assert len(rest) >= _PREFIX.size + length
        frames.append((flags, rest[_PREFIX.size : _PREFIX.size + length]))
        rest = rest[_PREFIX.size + length :]
    end = b""
    if reply["grpc-status"] is not None:
        failed = reply["grpc-status"] != "0"
    else:
        flags, content = frames.pop()
        end = _PREFIX.pack(flags, len(content)) + content
        if "grpc" in way.tongue.content_type:
            assert flags == _END_OF_GRPC_WEB
            failed = b"grpc-status: 0\r\n" not in content
        else:
            assert flags == _END_OF_CONNECT_STREAM
            failed = "error" in json.loads(content)
    assert all(flags == 0 for flags, _ in frames)
    return [content for _, content in frames], end, failed


def _message(way: Way, body: bytes) -> Content:
    read: Any = witness.from_json if way.tongue.json else witness.from_binary
    content: Content = witness.content_of(read(way.method.output.type_name, body))
    return content


def _refused(reply: Reply, error: Error) -> Told:
    return Told(reply, error.code.value, error.reason, [])
