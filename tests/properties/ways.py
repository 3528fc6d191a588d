"""Every RPC in every protocol and codec that it can be called in."""

from collections.abc import Sequence

from protobuf import DescMethod, Message

from app.rpc.codecs import discreet_codecs
from tests.properties.contents import Content, filled, generated_files
from tests.rpc.tongues import CONNECT, STREAMS, WEB, Tongue

Headers = Sequence[tuple[bytes, bytes]]
_BINARY, _JSON = discreet_codecs()
_GRPC = [Tongue(f"application/grpc+{codec}", "grpc-encoding") for codec in ("json", "proto")]
UNARY_TONGUES = [*CONNECT, *WEB, *_GRPC]
STREAM_TONGUES = [*STREAMS, *(Tongue(each.content_type, each.compression, stream=True) for each in (WEB[0], *_GRPC))]


class Way:
    """One method in one protocol and codec. No dataclass: hypothesis would print all that its descriptor holds."""

    def __init__(self, method: DescMethod, tongue: Tongue) -> None:
        self.method = method
        self.tongue = tongue

    def __repr__(self) -> str:
        return f"{self.method.name}-{self.tongue.content_type.removeprefix('application/')}"

    @property
    def path(self) -> str:
        return f"/{self.method.parent.type_name}/{self.method.name}"

    @property
    def endless(self) -> bool:
        """Whether its stream goes on until the client has had enough."""
        return self.method.name == "Watch"

    @property
    def native(self) -> bool:
        """gRPC itself, which needs HTTP/2 and trailers."""
        return self.tongue.content_type.startswith("application/grpc+")

    def declared(self, headers: Headers) -> "Way":
        """How the answer is to be read: in the protocol that the last Content-Type names, or as plain JSON."""
        types = [value.decode("latin-1") for name, value in headers if name == b"content-type"]
        if not types:
            return self
        declared = types[-1].replace("-web-text", "-web")
        for prefix in ("application/grpc-web", "application/grpc"):
            if declared == prefix or declared.startswith(f"{prefix}+"):
                return Way(self.method, Tongue(declared if "+" in declared else f"{prefix}+proto", "grpc-encoding"))
        known = {each.content_type: each for each in (*CONNECT, *STREAMS) if "grpc" not in each.content_type}
        return Way(self.method, known.get(declared.partition(";")[0].strip().lower(), CONNECT[0]))

    def message(self, content: Content) -> bytes:
        """A request, not in an envelope yet."""
        message: Message = filled(self.method.input, content)
        return (_JSON if self.tongue.json else _BINARY).encode(message)


WAYS = [
    Way(method, tongue)
    for file in generated_files()
    for service in file.services
    for method in service.methods
    for tongue in (STREAM_TONGUES if method.method_kind == "server_streaming" else UNARY_TONGUES)
]


def ways_of(*methods: str) -> list[Way]:
    return [way for way in WAYS if way.method.name in methods]
