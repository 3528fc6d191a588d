"""Server reflection: tools such as `buf curl` and grpcurl ask the service itself for its messages."""

from collections.abc import Sequence

from connectrpc_grpcreflect import (
    ServerReflectionAlphaASGIApplication,
    ServerReflectionAlphaService,
    ServerReflectionASGIApplication,
    ServerReflectionService,
)

from app.rpc.serve import Service


def reflection(services: Sequence[Service]) -> list[Service]:
    """What tells about `services`, in the two versions that tools speak."""
    described = [service.descriptor for service in services]
    newest, alpha = ServerReflectionService(*described), ServerReflectionAlphaService(*described)
    return [
        Service(ServerReflectionASGIApplication, newest.desc(), newest),
        Service(ServerReflectionAlphaASGIApplication, alpha.desc(), alpha),
    ]
