"""grpc.health.v1: the check that balancers, orchestrators and gRPC's own clients know."""

from collections.abc import AsyncIterator

from app.health.serving import Serving
from app.rpc.caller import Context
from gen.grpc.health.v1.health_connect import Health
from gen.grpc.health.v1.health_pb import (
    HealthCheckRequest,
    HealthCheckResponse,
    HealthListRequest,
    HealthListResponse,
)

_Status = HealthCheckResponse.ServingStatus
_STATUS = {True: _Status.SERVING, False: _Status.NOT_SERVING, None: _Status.SERVICE_UNKNOWN}


class HealthHandlers(Health):
    def __init__(self, serving: Serving) -> None:
        self._serving = serving

    async def check(self, request: HealthCheckRequest, ctx: Context, /) -> HealthCheckResponse:
        return _response(self._serving.check(request.service))

    async def watch(self, request: HealthCheckRequest, ctx: Context, /) -> AsyncIterator[HealthCheckResponse]:
        async for serves in self._serving.watch(request.service):
            yield _response(serves)

    async def list(self, request: HealthListRequest, ctx: Context, /) -> HealthListResponse:
        return HealthListResponse(
            statuses={service: _response(serves) for service, serves in self._serving.check_all().items()}
        )


def _response(serves: bool | None) -> HealthCheckResponse:
    return HealthCheckResponse(status=_STATUS[serves])
