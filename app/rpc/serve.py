"""Mounts the services: one interceptor order for all of them, and no method without a policy."""

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

from connectrpc._server_shared import EndpointUnary
from connectrpc.interceptor import Interceptor
from connectrpc.server import ConnectASGIApplication
from protobuf import DescFile, DescService
from starlette.types import ASGIApp, Receive, Scope, Send

from app.rpc.access import Policy
from app.rpc.codecs import discreet_codecs
from app.rpc.errors import TranslateErrors
from app.rpc.grpc_web_text import GrpcWebText
from app.rpc.guard import Guard
from app.rpc.incoming import MethodKind
from app.rpc.interceptors import RunToEnd, Validate
from app.rpc.unary import Unary


@dataclass(frozen=True, slots=True)
class Service:
    """A generated application class, its descriptor, and the handlers behind it."""

    application: Callable[..., ConnectASGIApplication[Any]]
    descriptor: DescService
    handlers: object
    messages_in_any: DescFile | None = None
    """Where the messages are declared that a google.protobuf.Any may hold here: JSON cannot be read or written without
    knowing them. Well-known types need no mention."""
    terse: bool = False
    """Whether its refusals are code and sentence only. ErrorInfo and the other details are Gatepost's own contract;
    the clients of a service with another may count details, as the Connect conformance suite does."""


def interceptors(guard: Guard, run_to_end: RunToEnd, terse: Set[str] = frozenset()) -> list[Interceptor]:
    """THE order. Translator and guard are metadata interceptors and must lead: connectrpc runs only a leading row of
    these before it reads the body. The translator is first, so it sees what all the others raise."""
    return [TranslateErrors(terse), guard, Validate(), run_to_end]


class Routes:
    """The application below the front: each method by its path, Connect's unary calls the short way (`rpc.unary`)."""

    def __init__(self, services: Sequence[Service], ordered: Sequence[Interceptor], body_limit: int) -> None:
        self._applications: dict[str, ASGIApp] = {}
        self._unary: dict[str, Unary] = {}
        for service in services:
            codecs = discreet_codecs(service.messages_in_any)
            application = service.application(
                service.handlers, interceptors=ordered, read_max_bytes=body_limit, codecs=codecs
            )
            for path, endpoint in application._resolve_endpoints(service.handlers).items():
                self._applications[path] = GrpcWebText(application)
                if isinstance(endpoint, EndpointUnary):
                    self._unary[path] = Unary(endpoint, application._metadata_interceptors, codecs, body_limit)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        unary = self._unary.get(path)
        if unary is not None and unary.takes(scope):
            await unary(scope, receive, send)
        else:
            await self._applications[path](scope, receive, send)


def methods(services: Sequence[Service]) -> dict[str, MethodKind]:
    """Each method's path and kind."""
    return {
        f"/{service.descriptor.type_name}/{method.name}": method.method_kind
        for service in services
        for method in service.descriptor.methods
    }


def terse(services: Sequence[Service]) -> frozenset[str]:
    """The full names of those whose refusals have no details."""
    return frozenset(service.descriptor.type_name for service in services if service.terse)


def require_policies(services: Sequence[Service], policies: Mapping[str, Policy]) -> None:
    """Raise unless the table and the descriptors name the same methods."""
    served = {path.removeprefix("/") for path in methods(services)}
    if served != set(policies):
        missing, left_over = sorted(served - set(policies)), sorted(set(policies) - served)
        raise RuntimeError(f"policy rows missing for {missing}, left over for {left_over}")
