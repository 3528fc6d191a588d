"""The codecs, so that neither a broken body nor an answer that cannot be written says anything about itself."""

from typing import Any

from connectrpc.codec import Codec, proto_binary_codec, proto_json_codec
from protobuf import Message

from app.core.errors import Undecodable
from app.rpc.errors import to_connect_error, unforeseen


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


def discreet_codecs() -> list[Codec[Any, Any]]:
    return [Discreet(proto_binary_codec()), Discreet(proto_json_codec())]
