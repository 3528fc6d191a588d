"""What nginx passes on and how often, told by replicas that write down what comes."""

import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.deploy.nginx import Nginx, fronting, reserve
from tests.e2e.server import free_port

PAGE = b"<!doctype html>" + b" " * 4000
CALLS = 6


def test_it_says_who_calls_and_nothing_that_a_client_wrote_of_it(nginx: Nginx) -> None:
    with replica() as one, fronting(nginx, [one.server_port]):
        forged = {"x-forwarded-for": "6.6.6.6", "connection": "upgrade", "upgrade": "websocket"}
        assert post(nginx, source="127.0.0.9", **forged)[0] == 200
    (headers,) = one.came
    assert [value for name, value in headers if name == "x-forwarded-for"] == ["127.0.0.9"]
    assert [value for name, value in headers if name == "host"] == [f"127.0.0.1:{nginx.https}"]
    assert {"connection", "upgrade"}.isdisjoint(name for name, _ in headers)


def test_a_page_is_not_compressed_on_the_way(nginx: Nginx) -> None:
    """Whether there is a secret in it Gatepost knows, and nginx does not."""
    with replica() as one, fronting(nginx, [one.server_port]):
        assert post(nginx, accept_encoding="gzip") == (200, PAGE)


def test_a_replica_that_takes_no_connection_is_passed_by(nginx: Nginx) -> None:
    with replica() as one, fronting(nginx, [free_port(), one.server_port]):
        assert [post(nginx)[0] for _ in range(CALLS)] == [200] * CALLS
    assert len(one.came) == CALLS


def test_a_call_that_was_sent_is_not_sent_again(nginx: Nginx) -> None:
    """It may have run, whatever became of its answer."""
    with (
        replica(answers=False) as one,
        replica(answers=False) as other,
        fronting(nginx, [one.server_port, other.server_port]),
    ):
        status, body = post(nginx)
    assert (status, json.loads(body)["code"]) == (503, "unavailable")
    assert len(one.came) + len(other.came) == 1


class Replica(ThreadingHTTPServer):
    came: list[list[tuple[str, str]]]
    """The headers of each request, their names in lower case."""
    answers: bool


class Recording(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Replica

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.server.came.append([(name.lower(), value) for name, value in self.headers.items()])
        if not self.server.answers:
            self.close_connection = True
            return
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.send_header("content-length", str(len(PAGE)))
        self.end_headers()
        self.wfile.write(PAGE)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def replica(*, answers: bool = True) -> Iterator[Replica]:
    with Replica(("127.0.0.1", 0), Recording) as server, ExitStack() as stop:
        server.came, server.answers = [], answers
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        stop.callback(serving.join)
        stop.callback(server.shutdown)
        yield server


def post(nginx: Nginx, source: str = "127.0.0.1", **headers: str) -> tuple[int, bytes]:
    connection = nginx.connect(source)
    try:
        connection.request("POST", "/", b"{}", {name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


@pytest.fixture
def nginx(tmp_path: Path) -> Nginx:
    return reserve(tmp_path)
