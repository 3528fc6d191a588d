"""The page for Prometheus: off by itself, and on the loopback address alone."""

import re
import socket
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.e2e.server import free_port, serving

ANOTHER_OF_THIS_MACHINE = "127.0.0.2"


def test_it_is_off_by_itself_and_never_on_the_services_own_port(tmp_path: Path) -> None:
    port = free_port()
    with serving(tmp_path, METRICS_PORT=str(port)) as server:
        with pytest.raises(ConnectionRefusedError):
            page(port)
        assert page(server.port)[0] == 404


def test_where_it_is_on_this_machine_can_read_it_and_the_service_goes_on(tmp_path: Path) -> None:
    port = free_port()
    with serving(tmp_path, METRICS="on", METRICS_PORT=str(port), HOST="0.0.0.0") as server:  # noqa: S104  the service, not the page
        server.post("test.v1.TestAuthService/Pong", authorization="Bearer gp_wrong")
        status, text = page(port)
        assert status == 200
        assert re.search(r"^gatepost_bad_tokens_total 1.0$", text, re.MULTILINE)
        assert page(server.port)[0] == 404
        assert f"http://127.0.0.1:{port}/metrics" in server.output
        with pytest.raises(ConnectionRefusedError):
            page(port, ANOTHER_OF_THIS_MACHINE)
        assert server.stop() == 0


def test_a_port_that_is_taken_is_named_before_anything_serves(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        expected = rf"status 2:\nGatepost cannot start:\n  METRICS_PORT: cannot listen on 127.0.0.1 port {port}"
        with pytest.raises(RuntimeError, match=expected), serving(tmp_path, METRICS="on", METRICS_PORT=str(port)):
            pass


def page(port: int, host: str = "127.0.0.1") -> tuple[int, str]:
    connection = HTTPConnection(host, port, timeout=20)
    try:
        connection.request("GET", "/metrics")
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()
