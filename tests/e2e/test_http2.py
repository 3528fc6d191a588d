"""HTTP2=on beyond the walk of tests/e2e/test_protocols.py: limits, the stop, and HTTP/1.1 on the same port."""

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from protobuf import Message

from app.core.config import ConfigError, Settings
from app.server import configured
from gen.accounts.v1 import accounts_v1_pb as accounts
from gen.grpc.health.v1.health_pb import HealthCheckResponse
from tests.e2e.server import Server, serving

PING = "test.v1.TestNoAuthService/Ping"
GRACE = 5.0
"""Seconds, one less than uvicorn gives calls in flight before it cuts them."""


def test_a_body_over_the_limit(grpc_client: "GrpcClient") -> None:
    large = accounts.SignUpRequest(email="a" * 70_000, password="correct horse battery")
    with pytest.raises(grpc.RpcError) as caught:
        grpc_client.unary("accounts.v1.PublicAccountsService/SignUp", large)
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_a_method_that_does_not_exist(grpc_client: "GrpcClient") -> None:
    with pytest.raises(grpc.RpcError) as caught:
        grpc_client.unary("test.v1.TestNoAuthService/Pang")
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_a_watch_is_told_of_the_stop_and_does_not_hold_it_up(tmp_path: Path) -> None:
    with serving(tmp_path, HTTP2="on") as server, grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        told = GrpcClient(channel).stream("grpc.health.v1.Health/Watch")
        assert _status(next(told)) is HealthCheckResponse.ServingStatus.SERVING
        began = time.monotonic()
        server.stop()
        assert time.monotonic() - began < GRACE
        assert [_status(each) for each in told] == [HealthCheckResponse.ServingStatus.NOT_SERVING]


def test_http_1_goes_on_working_on_the_same_port(http2_server: Server) -> None:
    assert http2_server.post(PING)[0] == 200
    status, headers, body = http2_server.post(PING, content_type="application/grpc")
    assert (status, b"gRPC needs HTTP/2" in body) == (415, True)
    assert "application/grpc-web+proto" in headers["accept-post"]


def test_the_banner_says_grpc(http2_server: Server, server: Server) -> None:
    assert "serves Connect, gRPC-Web and gRPC at" in http2_server.output
    assert "serves Connect and gRPC-Web at" in server.output


def test_without_the_package_the_refusal_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "zttp", None)  # as the import system remembers that there is none
    with pytest.raises(ConfigError, match="pip install zttp"):
        configured(_no_app, Settings(http2="on"))
    configured(_no_app, Settings())


async def _no_app(*_: Any) -> None:
    raise AssertionError


def _status(answer: bytes) -> HealthCheckResponse.ServingStatus:
    return HealthCheckResponse.from_binary(answer).status


class GrpcClient:
    """Google's client, given bytes, so that it needs no generated code."""

    def __init__(self, channel: grpc.Channel) -> None:
        self._channel = channel

    def unary(self, rpc: str, request: Message[Any] | None = None) -> bytes:
        sent = request.to_binary() if request else b""
        answer: bytes = self._channel.unary_unary(f"/{rpc}", bytes, bytes)(sent, timeout=20)
        return answer

    def stream(self, rpc: str) -> Iterator[bytes]:
        answers: Iterator[bytes] = self._channel.unary_stream(f"/{rpc}", bytes, bytes)(b"", timeout=20)
        return answers


@pytest.fixture(scope="module")
def http2_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("http2"), HTTP2="on") as started:
        yield started


@pytest.fixture(scope="module")
def grpc_client(http2_server: Server) -> Iterator[GrpcClient]:
    with grpc.insecure_channel(f"127.0.0.1:{http2_server.port}") as channel:
        yield GrpcClient(channel)
