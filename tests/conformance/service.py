"""The Connect conformance suite's service: it answers as each request tells it to. Its service.proto says how."""

import asyncio
from collections.abc import AsyncIterator, Sequence

from connectrpc.code import Code
from protobuf import Message, Oneof
from protobuf.wkt import Any

from app.rpc.access import Policy, Who
from app.rpc.caller import Context
from app.rpc.errors import Stated
from app.rpc.serve import Service
from tests.conformance.gen.connectrpc.conformance.v1 import service_connect, service_pb
from tests.conformance.gen.connectrpc.conformance.v1.service_pb import (
    BidiStreamRequest,
    BidiStreamResponse,
    ClientStreamRequest,
    ClientStreamResponse,
    ConformancePayload,
    Error,
    Header,
    IdempotentUnaryRequest,
    IdempotentUnaryResponse,
    ServerStreamRequest,
    ServerStreamResponse,
    StreamResponseDefinition,
    UnaryRequest,
    UnaryResponse,
    UnaryResponseDefinition,
)

RequestInfo = ConformancePayload.RequestInfo


class Conformance(service_connect.ConformanceService):
    """Every method but Unimplemented, which must stay as generated."""

    async def unary(self, request: UnaryRequest, ctx: Context, /) -> UnaryResponse:
        return UnaryResponse(payload=await _payload(ctx, request.response_definition, [request]))

    async def idempotent_unary(self, request: IdempotentUnaryRequest, ctx: Context, /) -> IdempotentUnaryResponse:
        return IdempotentUnaryResponse(payload=await _payload(ctx, request.response_definition, [request]))

    async def client_stream(self, stream: AsyncIterator[ClientStreamRequest], ctx: Context, /) -> ClientStreamResponse:
        requests = [request async for request in stream]
        definition = requests[0].response_definition if requests else None
        return ClientStreamResponse(payload=await _payload(ctx, definition, requests))

    async def server_stream(self, request: ServerStreamRequest, ctx: Context, /) -> AsyncIterator[ServerStreamResponse]:
        answers = _Answers(ctx, request.response_definition)
        async for payload in answers.rest([request]):
            yield ServerStreamResponse(payload=payload)

    async def bidi_stream(
        self, stream: AsyncIterator[BidiStreamRequest], ctx: Context, /
    ) -> AsyncIterator[BidiStreamResponse]:
        answers: _Answers | None = None
        full_duplex = False
        unanswered: list[BidiStreamRequest] = []
        async for request in stream:
            if answers is None:
                answers, full_duplex = _Answers(ctx, request.response_definition), request.full_duplex
            unanswered.append(request)
            if full_duplex:
                if not answers.left:
                    break
                yield BidiStreamResponse(payload=await answers.next(unanswered))
                unanswered = []
        if answers is not None:
            async for payload in answers.rest(unanswered):
                yield BidiStreamResponse(payload=payload)


async def _payload(
    ctx: Context, definition: UnaryResponseDefinition | None, requests: Sequence[Message]
) -> ConformancePayload:
    """The one answer that is asked for, or the error."""
    definition = definition or UnaryResponseDefinition()
    _add_metadata(ctx, definition)
    info = _request_info(ctx, requests)
    await _pause(definition)
    match definition.response:
        case Oneof("error", error):
            raise _stated(error, info)
        case Oneof("response_data", data):
            return ConformancePayload(data=data, request_info=info)
    return ConformancePayload(request_info=info)


class _Answers:
    """The answers that a stream's first request asks for, each told of the requests since the last."""

    def __init__(self, ctx: Context, definition: StreamResponseDefinition | None) -> None:
        self._ctx = ctx
        self._definition = definition or StreamResponseDefinition()
        self._sent = 0
        _add_metadata(ctx, self._definition)

    @property
    def left(self) -> bool:
        return self._sent < len(self._definition.response_data)

    async def next(self, requests: Sequence[Message]) -> ConformancePayload:
        await _pause(self._definition)
        payload = ConformancePayload(data=self._definition.response_data[self._sent])
        if self._sent == 0:
            payload.request_info = _request_info(self._ctx, requests)
        elif requests:
            payload.request_info = RequestInfo(requests=[Any.pack(request) for request in requests])
        self._sent += 1
        return payload

    async def rest(self, requests: Sequence[Message]) -> AsyncIterator[ConformancePayload]:
        """What is left to answer, and at last the error if one is asked for."""
        while self.left:
            yield await self.next(requests)
            requests = ()
        if self._definition.error is not None:
            raise _stated(self._definition.error, _request_info(self._ctx, requests) if self._sent == 0 else None)


def _add_metadata(ctx: Context, definition: UnaryResponseDefinition | StreamResponseDefinition) -> None:
    for header in definition.response_headers:
        for value in header.value:
            ctx.response_headers.add(header.name, value)
    for trailer in definition.response_trailers:
        for value in trailer.value:
            ctx.response_trailers.add(trailer.name, value)


async def _pause(definition: UnaryResponseDefinition | StreamResponseDefinition) -> None:
    if definition.response_delay_ms:
        await asyncio.sleep(definition.response_delay_ms / 1000)


def _request_info(ctx: Context, requests: Sequence[Message]) -> RequestInfo:
    headers = [Header(name=name, value=list(ctx.request_headers.getall(name))) for name in ctx.request_headers]
    info = RequestInfo(request_headers=headers, requests=[Any.pack(request) for request in requests])
    if ctx.timeout_ms is not None:
        info.timeout_ms = int(ctx.timeout_ms)
    return info


def _stated(error: Error, info: RequestInfo | None) -> Stated:
    return Stated(Code[error.code.name], error.message, [*error.details, *([info] if info else [])])


SERVICE = Service(
    service_connect.ConformanceServiceASGIApplication,
    service_connect.ConformanceService.desc(),
    Conformance(),
    messages_in_any=service_pb.desc(),
    terse=True,
)
POLICIES = {
    # Unary counts as a write: it runs to its end behind a caller that waits, as most of Gatepost's own calls do.
    f"{SERVICE.descriptor.type_name}/{method.name}": Policy(Who.ANYONE, reads=method.name == "IdempotentUnary")
    for method in SERVICE.descriptor.methods
}
