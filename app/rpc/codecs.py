"""The codecs, so that neither a broken body nor an answer that cannot be written says anything about itself."""

import re
from typing import Any

from connectrpc.codec import Codec, proto_binary_codec, proto_json_codec
from protobuf import DescFile, Message, Registry

from app.core.errors import Undecodable
from app.rpc.errors import to_connect_error, unforeseen

_DEEPEST = 100
"""Levels of objects and lists in JSON: as many as the decoders of both forms let messages have."""
_TOKENS = re.compile(rb'[\[{\]}]|"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
"""A bracket of either sort, or a string, in which brackets are text; linear in time also where its end is missing."""


class Shallow:
    """The JSON codec, for bodies that nest no deeper than any message does.

    protobuf-py 0.7 follows a value of a wrong type down to its bottom in order to quote it in an error, level by level
    on the C stack: 20 KB of opening brackets, from anybody and to any method, would end the process.
    """

    def __init__(self, codec: Codec[Any, Any]) -> None:
        self.name = codec.name
        self.encode = codec.encode
        self._decode = codec.decode

    def decode(self, data: bytes | bytearray, message_class: type[Any]) -> Any:
        # Nearly all bodies have fewer brackets than that altogether.
        if data.count(b"{") + data.count(b"[") > _DEEPEST and _too_deep(data):
            raise RecursionError
        return self._decode(data, message_class)


def _too_deep(text: bytes | bytearray) -> bool:
    depth = 0
    for token in _TOKENS.finditer(text):
        match token[0]:
            case b"{" | b"[":
                depth += 1
            case b"}" | b"]":
                depth -= 1
        if depth > _DEEPEST:
            return True
    return False


class Discreet:
    """A codec whose errors carry no text of the decoder (it echoes the input) or of the encoder."""

    def __init__(self, codec: Codec[Any, Any]) -> None:
        self._codec = codec

    def name(self) -> str:
        return self._codec.name()

    def decode(self, data: bytes | bytearray, message_class: type[Any]) -> Any:
        try:
            return self._codec.decode(data, message_class)
        except Exception:
            raise to_connect_error(Undecodable()) from None

    def encode(self, message: Message[Any]) -> bytes:
        # An answer is written after the last interceptor: connectrpc would send the exception's own text.
        try:
            return self._codec.encode(message)
        except Exception as error:
            raise to_connect_error(unforeseen(error)) from None


def discreet_codecs(messages_in_any: DescFile | None = None) -> list[Codec[Any, Any]]:
    """`messages_in_any`: where the messages are declared that JSON must know for a google.protobuf.Any."""
    known = Registry(messages_in_any) if messages_in_any else None
    return [Discreet(proto_binary_codec()), Discreet(Shallow(proto_json_codec(known)))]
