"""All the ways to call Gatepost that docs/protocols.md promises."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tests.e2e.clients import buf_curl, connect_python, node
from tests.e2e.clients.call import Open, Way
from tests.e2e.clients.curl import curl
from tests.e2e.clients.grpcio import grpcio

CODECS = ("JSON", "binary")
ALL = {"Connect": CODECS, "gRPC-Web": CODECS, "gRPC": CODECS}
BINARY = {protocol: ("binary",) for protocol in ALL}
BOTH = ("1.1", "2")


@dataclass(frozen=True, slots=True)
class _Client:
    name: str
    open: Open
    codecs: Mapping[str, Sequence[str]]
    """Of each protocol that it speaks."""
    versions: Sequence[str]
    """Of HTTP, over clear text. gRPC goes over 2 alone."""


_CLIENTS = (
    _Client("curl", curl, {"Connect": ("JSON",)}, BOTH),
    _Client("buf curl with proto/", buf_curl.with_protos, BINARY, BOTH),
    _Client("buf curl by reflection", buf_curl.by_reflection, BINARY, ("2",)),
    _Client("connectrpc, async", connect_python.asynchronous, ALL, BOTH),
    _Client("connectrpc, sync", connect_python.synchronous, ALL, BOTH),
    _Client("grpcio", grpcio, {"gRPC": ("binary",)}, ("2",)),
    _Client("@connectrpc/connect-node", node.connect_node, ALL, BOTH),
    _Client("@connectrpc/connect-web", node.connect_web, {"Connect": CODECS, "gRPC-Web": CODECS}, ("1.1",)),
    _Client("grpc-web", node.grpc_web, {"gRPC-Web": ("binary", "text")}, ("1.1",)),
)


def _ways() -> Iterator[Way]:
    for client in _CLIENTS:
        for protocol, codecs in client.codecs.items():
            for codec in codecs:
                for version in client.versions:
                    if (protocol, version) != ("gRPC", "1.1"):
                        yield Way(client.name, protocol, codec, version, client.open)


WAYS = tuple(_ways())
