"""Drives an ASGI application by hand: header bytes, broken calls and slow clients that no HTTP library would send."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from protobuf.wkt import Empty
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core.config import Settings
from app.rpc.caller import Context
from app.rpc.errors import TranslateErrors
from app.rpc.exchange import Patience
from app.rpc.front import Front
from app.rpc.incoming import MethodKind
from gen.test.v1 import test_v1_connect
from gen.test.v1.test_v1_pb import PingRequest, PingResponse
from gen.tokens.v1 import tokens_v1_connect
from gen.tokens.v1.tokens_v1_pb import ListTokensResponse

PING = "/test.v1.TestNoAuthService/Ping"
LIST_TOKENS = "/tokens.v1.TokensService/ListTokens"
LIST_TOKENS_PAGE = "/tokens.v1.TokensService/ListTokensPage"
COLLECT = "/probe.v1.ProbeService/Collect"
CHAT = "/probe.v1.ProbeService/Chat"
METHODS: dict[str, MethodKind] = {
    PING: "unary",
    LIST_TOKENS_PAGE: "unary",
    LIST_TOKENS: "server_streaming",
    COLLECT: "client_streaming",
    CHAT: "bidi_streaming",
}
HEADERS = {"host": "gatepost.test", "content-type": "application/json", "content-length": "2"}


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    headers: list[tuple[str, str]]
    body: bytes
    trailers: dict[str, str] = field(default_factory=dict)

    def __getitem__(self, name: str) -> str | None:
        """A header's value, those of a repeated one joined as RFC 9110 5.3 says; None if there is none."""
        values = [value for key, value in self.headers if key == name]
        return ", ".join(values) if values else None

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def reason(self) -> str:
        """The ErrorInfo's reason in a Connect error."""
        details = {each["type"]: each["debug"] for each in self.json["details"]}
        return str(details["google.rpc.ErrorInfo"]["reason"])


@dataclass(slots=True)
class Inner:
    """Stands behind the front: reads the body as connectrpc does, answers like it, and remembers the calls."""

    raises: Exception | None = None
    scopes: list[Scope] = field(default_factory=list)

    @property
    def ran(self) -> bool:
        return bool(self.scopes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scopes.append(scope)
        while (await receive()).get("more_body", False):
            pass
        if self.raises is not None:
            raise self.raises
        headers = [(b"content-type", b"application/json"), (b"vary", b"Accept-Encoding")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"{}"})


def fronted(app: ASGIApp, *, patience: Patience | None = None, **settings: Any) -> Front:
    return Front(app, Settings(**settings), methods=METHODS, patience=patience)


async def call(
    app: ASGIApp,
    headers: Mapping[str, str | None] = {},
    *,
    path: str = PING,
    method: str = "POST",
    body: bytes = b"{}",
    more: Iterable[tuple[bytes, bytes]] = (),
    **scope: Any,
) -> Reply:
    """One whole call. A header of None is left out; `more` adds headers as they are, also repeated and broken ones.

    It goes over HTTP/2 if it asks for trailers, which HTTP/1.1 servers do not offer.
    """
    given = {**HEADERS, "content-length": str(len(body)), **headers}
    raw = [(name.encode(), value.encode()) for name, value in given.items() if value is not None]
    if "te" in headers:
        scope = {"http_version": "2", "extensions": {"http.response.trailers": {}}, **scope}
    sent: list[Message] = []
    await app(http_scope(path, method, [*raw, *more], **scope), arriving(body), collecting(sent))
    return reply(sent)


def http_scope(path: str, method: str, headers: list[tuple[bytes, bytes]], **other: Any) -> Scope:
    return {
        "type": "http",
        "http_version": "1.1",
        "scheme": "http",
        "method": method,
        "path": path,
        "root_path": "",
        "query_string": b"",
        "client": ("192.0.2.1", 1234),
        "headers": headers,
        **other,
    }


def reply(sent: list[Message]) -> Reply:
    """The answer in what an application sent, which must be one whole answer."""
    start, *rest = sent
    assert start["type"] == "http.response.start"
    last = rest.pop() if start.get("trailers") else {"headers": ()}
    assert [each["type"] for each in rest] == ["http.response.body"] * len(rest)
    assert [each.get("more_body", False) for each in rest] == [True] * (len(rest) - 1) + [False]
    headers = [(name.decode(), value.decode()) for name, value in start["headers"]]
    trailers = {name.decode(): value.decode() for name, value in last["headers"]}
    return Reply(start["status"], headers, b"".join(each["body"] for each in rest), trailers)


def ping_scope() -> Scope:
    return http_scope(PING, "POST", [(b"host", b"gatepost.test"), (b"content-type", b"application/json")])


def stream_scope(path: str) -> Scope:
    return http_scope(path, "POST", [(b"host", b"gatepost.test"), (b"content-type", b"application/connect+json")])


def arriving(*parts: bytes, whole: bool = True, hang_up: asyncio.Event | None = None) -> Receive:
    """Brings the parts of a body, which may lack its end, then waits for the client to hang up, which may never be."""
    left = list(parts)
    over = hang_up or asyncio.Event()

    async def receive() -> Message:
        if left:
            return {"type": "http.request", "body": left.pop(0), "more_body": bool(left) or not whole}
        await over.wait()
        return {"type": "http.disconnect"}

    return receive


def collecting(sent: list[Message]) -> Send:
    async def send(message: Message) -> None:
        sent.append(message)

    return send


class _Ping(test_v1_connect.TestNoAuthService):
    def __init__(self, turns: int, raises: Exception | None) -> None:
        self._turns = turns
        self._raises = raises

    async def ping(self, request: PingRequest, ctx: Context, /) -> PingResponse:
        for _ in range(self._turns):
            await asyncio.sleep(0)
        if self._raises is not None:
            raise self._raises
        return PingResponse()


def pinging(*, turns: int = 0, raises: Exception | None = None) -> ASGIApp:
    """The real thing behind the front, connectrpc with our translator; it answers some turns of the loop later."""
    return test_v1_connect.TestNoAuthServiceASGIApplication(_Ping(turns, raises), interceptors=[TranslateErrors()])


class _Tokens(tokens_v1_connect.TokensService):
    def __init__(self, raises: Exception) -> None:
        self._raises = raises

    async def list_tokens(self, request: Empty, ctx: Context, /) -> AsyncIterator[ListTokensResponse]:
        raise self._raises
        yield


def listing(*, raises: Exception) -> ASGIApp:
    return tokens_v1_connect.TokensServiceASGIApplication(_Tokens(raises), interceptors=[TranslateErrors()])
