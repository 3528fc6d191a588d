"""gRPC-Web in base64, the default mode of Google's `grpc-web`, which connectrpc does not speak.

XMLHttpRequest tells of an answer while it comes only if that is text (PROTOCOL-WEB.md of gRPC). The frames are those of
the binary mode, trailers included, so all there is to do is to translate their bytes.
"""

from base64 import b64encode
from binascii import Error as NotBase64
from binascii import a2b_base64
from collections.abc import Iterable, Iterator

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core.errors import Undecodable
from app.rpc.wire import GRPC_WEB_TEXT

_FRAMING = (b"content-type", b"content-length")
"""Headers that speak of the bytes as they are on the wire."""


class GrpcWebText:
    """Lets the application below see calls in text mode as calls in binary. Nothing is gathered up on the way."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        declared = next((value for name, value in scope.get("headers", ()) if name == b"content-type"), b"")
        text_type = declared.decode("latin-1")
        binary_type = GRPC_WEB_TEXT.get(text_type)
        if binary_type is None:
            await self._app(scope, receive, send)
            return
        decoder = _Decoder()

        async def receive_binary() -> Message:
            message = await receive()
            if message["type"] != "http.request":
                return message
            more = message.get("more_body", False)
            return {**message, "body": decoder.decode(message.get("body", b""), last=not more)}

        async def send_text(message: Message) -> None:
            match message["type"]:
                case "http.response.start":
                    message = {**message, "headers": _with_type(message.get("headers", ()), text_type)}
                case "http.response.body":
                    message = {**message, "body": b64encode(message.get("body", b""))}
            await send(message)

        await self._app({**scope, "headers": _with_type(scope["headers"], binary_type)}, receive_binary, send_text)


class _Decoder:
    """Decodes a body part by part, wherever the parts were cut."""

    def __init__(self) -> None:
        self._rest = b""

    def decode(self, text: bytes, *, last: bool) -> bytes:
        """The bytes of all groups of four that are whole. Raises Undecodable."""
        text = self._rest + text
        whole = len(text) - len(text) % 4
        self._rest = text[whole:]
        if last and self._rest:
            raise Undecodable
        try:
            return b"".join(_runs(text[:whole]))
        except NotBase64:
            raise Undecodable from None


def _runs(text: bytes) -> Iterator[bytes]:
    """Padding ends a run, and another may follow: a client may encode each frame by itself and join them."""
    start = 0
    while start < len(text):
        padding = text.find(b"=", start)
        end = len(text) if padding < 0 else padding - padding % 4 + 4
        yield a2b_base64(text[start:end], strict_mode=True)
        start = end


def _with_type(headers: Iterable[tuple[bytes, bytes]], value: str) -> list[tuple[bytes, bytes]]:
    return [*((name, each) for name, each in headers if name not in _FRAMING), (b"content-type", value.encode())]
