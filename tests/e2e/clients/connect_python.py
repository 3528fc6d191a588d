"""connectrpc's generated Python clients, asynchronous and synchronous."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from connectrpc.client import ResponseMetadata
from connectrpc.codec import proto_binary_codec, proto_json_codec
from connectrpc.errors import ConnectError
from connectrpc.protocol import ProtocolType
from pyqwest import Client as HTTPClient
from pyqwest import HTTPTransport, HTTPVersion, SyncClient, SyncHTTPTransport

from tests.e2e.clients.call import Answer, Call, Client, Jar, Place, Refused, Way, refused
from tests.e2e.clients.methods import client_class, described, in_json, is_stream, request

SYNCHRONOUS = "synchronous"
"""The package in the workshop that is generated for the synchronous client; gen/ has the asynchronous one."""
_PROTOCOLS = {"Connect": ProtocolType.CONNECT, "gRPC-Web": ProtocolType.GRPC_WEB, "gRPC": ProtocolType.GRPC}
_CODECS = {"JSON": proto_json_codec(), "binary": proto_binary_codec()}
_VERSIONS = {"1.1": HTTPVersion.HTTP1, "2": HTTPVersion.HTTP2}


@contextmanager
def asynchronous(way: Way, place: Place) -> Iterator[Client]:
    jar, options = Jar(), _options(way)
    options["http_client"] = HTTPClient(HTTPTransport(http_version=_VERSIONS[way.http]))

    async def answer(call: Call) -> Answer:
        client, name = client_class(call.rpc, "gen", "Client")
        method = getattr(client(place.url, **options), name)
        sent = request(described(call.rpc), call.message)
        found: list[Any] = []
        with ResponseMetadata() as came:
            try:
                if is_stream(call.rpc):
                    async for message in method(sent, **_around(call, jar)):
                        found.append(in_json(message))
                else:
                    found.append(in_json(await method(sent, **_around(call, jar))))
            except ConnectError as error:
                return Answer(found, _refused(error))
        jar.keep(came.headers.getall("set-cookie"))
        return Answer(found)

    with asyncio.Runner() as runner:
        yield lambda call: runner.run(answer(call))


@contextmanager
def synchronous(way: Way, place: Place) -> Iterator[Client]:
    jar, options = Jar(), _options(way)
    options["http_client"] = SyncClient(SyncHTTPTransport(http_version=_VERSIONS[way.http]))

    def answer(call: Call) -> Answer:
        client, name = client_class(call.rpc, SYNCHRONOUS, "ClientSync")
        method = getattr(client(place.url, **options), name)
        sent = request(described(call.rpc, SYNCHRONOUS), call.message)
        found: list[Any] = []
        with ResponseMetadata() as came:
            try:
                answered = method(sent, **_around(call, jar))
                for message in answered if is_stream(call.rpc) else [answered]:
                    found.append(in_json(message))
            except ConnectError as error:
                return Answer(found, _refused(error))
        jar.keep(came.headers.getall("set-cookie"))
        return Answer(found)

    yield answer


def _options(way: Way) -> dict[str, Any]:
    return {"protocol": _PROTOCOLS[way.protocol], "codec": _CODECS[way.codec]}


def _around(call: Call, jar: Jar) -> dict[str, Any]:
    return {"headers": jar.headers(call), "timeout_ms": call.timeout and int(call.timeout * 1000)}


def _refused(error: ConnectError) -> Refused:
    return refused(error.code.value, [(detail.type_name, detail.message_bytes) for detail in error.details])
