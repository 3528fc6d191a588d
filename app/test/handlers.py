"""test.v1: probes of the service and of a credential."""

from app.rpc.caller import Context, caller_of
from gen.test.v1.test_v1_connect import TestAuthService, TestNoAuthService
from gen.test.v1.test_v1_pb import PingRequest, PingResponse, PongRequest, PongResponse


class PingHandlers(TestNoAuthService):
    """Answers without touching a credential or the database."""

    async def ping(self, request: PingRequest, ctx: Context, /) -> PingResponse:
        return PingResponse()


class PongHandlers(TestAuthService):
    """The canonical probe of a cookie or a token."""

    async def pong(self, request: PongRequest, ctx: Context, /) -> PongResponse:
        caller_of(ctx)
        return PongResponse()
