"""Compressed requests are read, answers are never compressed."""

import gzip

import pytest
from connectrpc.protocol import ProtocolType

from gen.test.v1.test_v1_pb import PongRequest
from tests.rpc.asgi import LIST_TOKENS, PING, call
from tests.support.service import COOKIE, Gatepost


@pytest.mark.parametrize("protocol", [ProtocolType.CONNECT, ProtocolType.GRPC_WEB])
async def test_generated_clients_compress_and_are_understood(gatepost: Gatepost, protocol: ProtocolType) -> None:
    browser = await gatepost.session(protocol=protocol)
    await browser.pong.pong(PongRequest())


async def test_a_compressed_body_gets_a_plain_answer(gatepost: Gatepost) -> None:
    headers = {"content-encoding": "gzip", "accept-encoding": "gzip, br"}
    answer = await call(gatepost.app, headers, path=PING, body=gzip.compress(b"{}"))
    assert (answer.status, answer["content-encoding"], answer.body) == (200, "identity", b"{}")


@pytest.mark.parametrize(
    ("content_type", "asks", "says"),
    [
        ("application/connect+json", "connect-accept-encoding", "connect-content-encoding"),
        ("application/grpc-web+json", "grpc-accept-encoding", "grpc-encoding"),
    ],
)
async def test_a_stream_is_not_compressed(gatepost: Gatepost, content_type: str, asks: str, says: str) -> None:
    browser = await gatepost.session()
    headers = {"content-type": content_type, asks: "gzip", "cookie": f"{COOKIE}={browser.session}"}
    answer = await call(gatepost.app, headers, path=LIST_TOKENS, body=b"\0\0\0\0\2{}")
    assert (answer.status, answer[says]) == (200, "identity")
