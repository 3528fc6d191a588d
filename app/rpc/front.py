"""The first and the last to touch a call: refuses what connectrpc must not see, and lets no failure out with its text.

connectrpc answers some requests before any interceptor runs: with an empty 404, 405 or 415, with the refused header's
value, or with a traceback (header bytes that are not UTF-8, gRPC on a server without trailers). Those end here.
"""

from collections.abc import Mapping, Set
from contextlib import suppress

from connectrpc.code import Code
from connectrpc.errors import ConnectError
from starlette.types import ASGIApp, Receive, Scope, Send

from app.core.config import Settings
from app.core.errors import Refusal
from app.rpc import headers, incoming, wire
from app.rpc.client import Clients
from app.rpc.errors import as_refusal
from app.rpc.exchange import Exchange, Patience
from app.rpc.origins import Origins
from app.rpc.refused import Call, begin, end, note


class Front:
    """The outermost ASGI application but for the console, in front of every RPC and of every path that is none."""

    def __init__(
        self,
        app: ASGIApp,
        settings: Settings,
        *,
        methods: Mapping[str, incoming.MethodKind],
        terse: Set[str] = frozenset(),
        patience: Patience | None = None,
        clients: Clients | None = None,
        lifespan: ASGIApp | None = None,
    ) -> None:
        """`methods`: the path of every mounted RPC, `/package.Service/Method`, and its kind.

        `terse`: the full names of services whose refusals have no details. `lifespan`: what is told of start and stop
        if not `app`.
        """
        self._app = app
        self._lifespan = lifespan or app
        self._methods = methods
        self._clients = clients or Clients(settings.trusted_proxies)
        self._terse = terse
        self._incoming = incoming.Incoming(methods, settings.body_limit)
        self._origins = Origins(settings)
        self._patience = patience or Patience(body=min(10, settings.request_timeout), part=60, reader=60)
        self._added = headers.on_every_answer(settings)
        self._added_for = {origin: self._added + headers.for_origin(origin) for origin in self._origins.listed}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            call = Call(scope["path"][1:] if scope["path"] in self._methods else None)
            begun = begin(call)
            try:
                await self._serve(call, scope, receive, send)
            finally:
                end(begun)
        elif scope["type"] == "lifespan":
            await self._lifespan(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008, "reason": "no WebSockets here"})

    async def _serve(self, call: Call, scope: Scope, receive: Receive, send: Send) -> None:
        came: incoming.Headers = dict(scope["headers"])
        added = self._added_for.get(came.get(b"origin", b""), self._added)
        exchange = Exchange(receive, send, added, self._patience, parts=self._incoming.takes_stream(scope))
        failure: Refusal | None = None
        try:
            if early := self._early(call, scope, came):
                await exchange.answer(early)
            else:
                if not headers.WISHES_FOR_COMPRESSION.isdisjoint(came):
                    kept = [pair for pair in scope["headers"] if pair[0] not in headers.WISHES_FOR_COMPRESSION]
                    scope["headers"] = kept
                await self._app(scope, exchange.receive, exchange.send)
        except Exception as error:
            # Never raised again: uvicorn would log the exception's text, which may hold a password (ASVS 16.5.4).
            if not _hung_up(error):
                call.client = call.client or self._clients.of_refused(scope)
                failure = as_refusal(error)
        # Half an answer stays half: the server sees that we return without its end, and closes the connection.
        if failure is not None and not exchange.started:
            note(failure)
            with suppress(TimeoutError):
                await exchange.answer(self._answer(failure, scope, came))

    def _early(self, call: Call, scope: Scope, came: incoming.Headers) -> wire.Answer | None:
        """The answer to a preflight or to a call that must not run; None lets it run."""
        try:
            kind = self._incoming.check_target(scope, came)
            incoming.check_repeated(scope, came)
            self._origins.check(scope, came)
            if scope["method"] == "OPTIONS":
                return wire.Answer(204, [*headers.PREFLIGHT], b"")
            self._incoming.check_content_type(scope, came, kind)
            self._incoming.check_length(came, kind)
            incoming.check_values(scope, came)
        except Refusal as refusal:
            call.client = self._clients.of_refused(scope)
            note(refusal)
            return self._answer(refusal, scope, came)
        return None

    def _answer(self, refusal: Refusal, scope: Scope, came: incoming.Headers) -> wire.Answer:
        service = scope["path"][1:].partition("/")[0]
        return wire.answer(refusal, incoming.content_type(came), terse=service in self._terse)


def _hung_up(error: Exception) -> bool:
    return isinstance(error, ConnectError) and error.code is Code.CANCELED
