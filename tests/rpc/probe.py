"""An extra service, mounted through the whole stack, whose handlers are what a test gives it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from connectrpc.client import ConnectClient
from connectrpc.interceptor import Interceptor
from connectrpc.method import IdempotencyLevel, MethodInfo, StreamType
from connectrpc.protocol import ProtocolType
from connectrpc.server import ConnectASGIApplication, Endpoint
from pyqwest import Client, HTTPVersion
from pyqwest.testing import ASGITransport
from starlette.types import ASGIApp

from app.core.config import Settings
from app.rpc.access import Policy, Who
from app.rpc.front import Front
from app.rpc.serve import Routes, Service, methods
from gen.accounts.v1.accounts_v1_pb import GetAccountResponse, SignInRequest
from tests.support.service import ORIGIN, PASSWORD

NAME = "probe.v1.ProbeService"
REQUEST = SignInRequest(email="ada@example.test", password=PASSWORD)
ANSWER = GetAccountResponse(account_id="answered")
PROTOCOLS = [ProtocolType.CONNECT, ProtocolType.GRPC_WEB, ProtocolType.GRPC]

Handler = Callable[..., Any]
_KINDS = {
    "Read": StreamType.UNARY,
    "Write": StreamType.UNARY,
    "Stream": StreamType.SERVER_STREAM,
    "Collect": StreamType.CLIENT_STREAM,
    "Chat": StreamType.BIDI_STREAM,
}


def probe(**handlers: Handler) -> Service:
    """A service with the methods named: Read and Write (unary), Stream, Collect (client stream), Chat (both)."""
    return Service(_Application, _Descriptor(NAME, [_Method(name) for name in handlers]), handlers)  # type: ignore[arg-type]


def extra(*, who: Who = Who.ANYONE, scope: str | None = None, **handlers: Handler) -> dict[str, Any]:
    """What `started` takes to serve the probe; only Write writes. Reflection would need a whole descriptor."""
    policies = {f"{NAME}/{name}": Policy(who, scope, reads=name != "Write") for name in handlers}
    return {"extra": [probe(**handlers)], "extra_policies": policies, "reflection": "off"}


def behind(*interceptors: Interceptor, **handlers: Handler) -> ASGIApp:
    """The probe behind interceptors of the test's choice, mounted and fronted as in the service."""
    service = probe(**handlers)
    return Front(Routes([service], interceptors, body_limit=65536), Settings(), methods=methods([service]))


class ProbeClient(ConnectClient):
    """Calls the probe as a generated client would."""

    async def call(self, name: str, request: SignInRequest = REQUEST, **options: Any) -> list[GetAccountResponse]:
        """All answers of any kind of method."""
        match _KINDS[name]:
            case StreamType.UNARY:
                return [await self.execute_unary(request=request, method=_info(name), **options)]
            case StreamType.SERVER_STREAM:
                return [each async for each in self.stream(request, **options)]
            case StreamType.CLIENT_STREAM:
                return [await self.execute_client_stream(request=_one(request), method=_info(name), **options)]
        answers = self.execute_bidi_stream(request=_one(request), method=_info(name), **options)
        return [each async for each in answers]

    def stream(self, request: SignInRequest = REQUEST, **options: Any) -> Any:
        return self.execute_server_stream(request=request, method=_info("Stream"), **options)


def client(app: ASGIApp, **options: Any) -> ProbeClient:
    options = {"protocol": ProtocolType.CONNECT, **options}
    return ProbeClient(ORIGIN, http_client=Client(ASGITransport(app, HTTPVersion.HTTP2)), **options)


def fails_with(error: BaseException, *, begun: bool = False) -> dict[str, Handler]:
    """Handlers of every kind that raise this, streams after an answer if they have `begun`."""

    async def unary(request: Any, ctx: Any) -> Any:
        raise error

    async def collect(requests: Any, ctx: Any) -> Any:
        raise error

    async def stream(request: Any, ctx: Any) -> Any:
        if begun:
            yield ANSWER
        raise error

    return {"Read": unary, "Write": unary, "Stream": stream, "Collect": collect, "Chat": stream}


def answers() -> dict[str, Handler]:
    """Handlers of every kind that take everything sent and answer once."""

    async def unary(request: Any, ctx: Any) -> Any:
        return ANSWER

    async def stream(request: Any, ctx: Any) -> Any:
        yield ANSWER

    async def collect(requests: Any, ctx: Any) -> Any:
        async for _ in requests:
            pass
        return ANSWER

    async def chat(requests: Any, ctx: Any) -> Any:
        async for _ in requests:
            yield ANSWER

    return {"Read": unary, "Write": unary, "Stream": stream, "Collect": collect, "Chat": chat}


async def _one(request: SignInRequest) -> Any:
    yield request


def _info(name: str) -> MethodInfo[Any, Any]:
    return MethodInfo(
        name=name,
        service_name=NAME,
        input=SignInRequest,
        output=GetAccountResponse,
        idempotency_level=IdempotencyLevel.UNKNOWN,
        stream_type=_KINDS[name],
    )


class _Application(ConnectASGIApplication[Mapping[str, Handler]]):
    path = f"/{NAME}"

    def __init__(self, handlers: Mapping[str, Handler], **options: Any) -> None:
        super().__init__(service=handlers, endpoints=_endpoints, **options)


def _endpoints(handlers: Mapping[str, Handler]) -> Mapping[str, Any]:
    made = {
        StreamType.UNARY: Endpoint.unary,
        StreamType.SERVER_STREAM: Endpoint.server_stream,
        StreamType.CLIENT_STREAM: Endpoint.client_stream,
        StreamType.BIDI_STREAM: Endpoint.bidi_stream,
    }
    return {
        f"/{NAME}/{name}": made[_KINDS[name]](method=_info(name), function=handler)
        for name, handler in handlers.items()
    }


@dataclass(frozen=True, slots=True)
class _Descriptor:
    """As much of a service's descriptor as is read at the start."""

    type_name: str
    methods: list["_Method"]


@dataclass(frozen=True, slots=True)
class _Method:
    name: str

    @property
    def method_kind(self) -> str:
        return _KINDS[self.name].name.lower().replace("stream", "streaming")
