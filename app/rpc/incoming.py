"""What a request must look like before connectrpc reads it: path, verb, content type, length, headers.

Each check is as strict as connectrpc's own or stricter, so that none of the answers it gives before its interceptors
is reached; and none repeats what was sent.
"""

from collections import Counter
from collections.abc import Mapping
from itertools import chain
from typing import Literal

from starlette.types import Scope

from app.core.errors import InvalidField, OriginNotAllowed, TooLarge
from app.rpc.wire import CONNECT_STREAM, CONNECT_UNARY, GRPC, GRPC_WEB, GRPC_WEB_TEXT, Misdirected, without_parameters

Headers = Mapping[bytes, bytes]
MethodKind = Literal["unary", "server_streaming", "client_streaming", "bidi_streaming"]
"""What descriptors say of a method."""
_TAKE_STREAMS = ("client_streaming", "bidi_streaming")

_WEB = GRPC_WEB | GRPC_WEB_TEXT.keys()
_ENVELOPE = 5
"""Bytes in front of each message in all protocols but Connect unary."""
_TELL_THE_SITE = (b"origin", b"sec-fetch-site", b"sec-fetch-dest")
_ONCE = (
    b"host",
    b"content-type",
    b"content-length",
    b"connect-protocol-version",
    b"connect-timeout-ms",
    b"grpc-timeout",
)


def content_type(headers: Headers) -> str:
    return headers.get(b"content-type", b"").decode("latin-1")


class Incoming:
    """Checks a request against the methods that are mounted and the size that is accepted."""

    def __init__(self, methods: Mapping[str, MethodKind], body_limit: int) -> None:
        self._methods = methods
        self._body_limit = body_limit + _ENVELOPE
        self._text_limit = (self._body_limit + 2) // 3 * 4
        """The same in base64."""

    def takes_stream(self, scope: Scope) -> bool:
        """Whether the called method, if there is one, reads a stream of messages."""
        return self._methods.get(scope["path"]) in _TAKE_STREAMS

    def check_target(self, scope: Scope, headers: Headers) -> MethodKind:
        """The kind of the called method. Raises Misdirected for a wrong path or verb."""
        kind = self._methods.get(scope["path"])
        if kind is None:
            raise Misdirected(
                404,
                "There is no such method. A path is /package.Service/Method, case matters, and docs/api.md lists them.",
            )
        if scope["method"] != "POST" and not _is_preflight(scope, headers):
            hint = "RPCs take POST only. With curl: -H 'Content-Type: application/json' --data '{}'"
            raise Misdirected(405, hint, allow="POST")
        return kind

    def check_content_type(self, scope: Scope, headers: Headers, kind: MethodKind) -> None:
        """Raise Misdirected for any type that a page could send without a preflight, and any other that is not ours."""
        declared = content_type(headers)
        connect = CONNECT_UNARY if kind == "unary" else CONNECT_STREAM
        if declared in connect or declared in _WEB or without_parameters(declared) in connect:
            return
        # What gRPC needs is trailers; servers offer them on HTTP/2 only. 415 and not 505, since everything else that
        # this method takes does work on the same connection, and Accept-Post says what that is.
        native = GRPC if "http.response.trailers" in (scope.get("extensions") or ()) else frozenset[str]()
        if declared in native:
            return
        if declared in GRPC:
            hint = "gRPC needs HTTP/2. On this connection gRPC-Web works: Content-Type: application/grpc-web+proto"
        elif kind != "unary":
            hint = "This method is a stream. Content-Type: application/connect+json and messages in envelopes"
            if (twin := f"{scope['path']}Page") in self._methods:
                hint += f", or call {twin} with plain JSON"
        else:
            hint = "Say what the body is. With curl: -H 'Content-Type: application/json' --data '{}'"
        raise Misdirected(415, hint, accept_post=", ".join(sorted(connect | _WEB | native)))

    def check_length(self, headers: Headers, kind: MethodKind) -> None:
        """Refuse a body that is declared too large before a byte of it is read; connectrpc counts undeclared ones.

        The limit is for a message, so a stream of them may be longer, and connectrpc counts each. The connection stays
        open: closing it on unread bytes resets it, and the answer may be lost on the way.
        """
        length = headers.get(b"content-length", b"0")
        if len(length) > 12 or not length.isdigit():
            raise TooLarge
        if int(length) <= self._body_limit or kind in _TAKE_STREAMS:
            return
        if content_type(headers) not in GRPC_WEB_TEXT or int(length) > self._text_limit:
            raise TooLarge


def check_repeated(scope: Scope, headers: Headers) -> None:
    """Refuse a repeated header if it is read here or by connectrpc: each would go by another of the two."""
    if len(headers) == len(scope["headers"]):
        return
    times = Counter(name for name, _ in scope["headers"])
    if any(times[name] > 1 for name in _TELL_THE_SITE):
        raise OriginNotAllowed
    for name in _ONCE:
        if times[name] > 1:
            raise InvalidField(name.decode(), "must be sent once.")


def check_values(scope: Scope, headers: Headers) -> None:
    """Refuse header values on which connectrpc fails, or which its own refusal would repeat."""
    # Each by itself only if it must be: half a letter here and half of one there make a whole one.
    if not b"".join(chain.from_iterable(scope["headers"])).isascii():
        for pair in scope["headers"]:
            if not all(map(_is_utf8, pair)):
                raise InvalidField("headers", "must be UTF-8.")
    if headers[b"content-type"].startswith(b"application/grpc"):
        if not _is_grpc_timeout(headers.get(b"grpc-timeout", b"1H")):
            raise InvalidField("grpc-timeout", "must be 1 to 8 digits and one of H, M, S, m, u, n.")
        return
    if headers.get(b"connect-protocol-version", b"1") != b"1":
        raise InvalidField("connect-protocol-version", "must be 1.")
    timeout = headers.get(b"connect-timeout-ms", b"0")
    if len(timeout) > 10 or not timeout.isdigit():
        raise InvalidField("connect-timeout-ms", "must be 1 to 10 digits.")


def _is_preflight(scope: Scope, headers: Headers) -> bool:
    return scope["method"] == "OPTIONS" and b"origin" in headers and b"access-control-request-method" in headers


def _is_grpc_timeout(value: bytes) -> bool:
    return 2 <= len(value) <= 9 and value[:-1].isdigit() and value[-1:] in (b"H", b"M", b"S", b"m", b"u", b"n")


def _is_utf8(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True
