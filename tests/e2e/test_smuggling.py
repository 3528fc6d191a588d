"""Requests on whose end two readers could disagree (RFC 9112, 11.2; ASVS 4.2.1): none runs, nor what is behind it."""

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from socket import create_connection

import pytest

from tests.e2e.server import Server, serving

PING = "POST /test.v1.TestNoAuthService/Ping HTTP/1.1\r\nHost: gatepost.test\r\nContent-Type: application/json\r\n"
NEXT = f"{PING}Content-Length: 2\r\n\r\n{{}}"
CHUNKED = "\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
LENGTH = "Content-Length: 2\r\n\r\n{}"

AMBIGUOUS = {
    "length and chunks": f"{PING}Content-Length: 2\r\nTransfer-Encoding: chunked{CHUNKED}",
    "chunks and length": f"{PING}Transfer-Encoding: chunked\r\nContent-Length: 2{CHUNKED}",
    "length beside a coding that is none": f"{PING}Transfer-Encoding: identity\r\n{LENGTH}",
    "two lengths": f"{PING}Content-Length: 40\r\n{LENGTH}",
    "lengths in one line": f"{PING}Content-Length: 2, 2\r\n\r\n{{}}",
    "a length with a sign": f"{PING}Content-Length: +2\r\n\r\n{{}}",
    "a negative length": f"{PING}Content-Length: -2\r\n\r\n{{}}",
    "a length in hex": f"{PING}Content-Length: 0x2\r\n\r\n{{}}",
    "space before the colon": f"{PING}Content-Length : 2\r\n\r\n{{}}",
    "an unknown coding": f"{PING}Transfer-Encoding: xchunked{CHUNKED}",
    "chunked is not last": f"{PING}Transfer-Encoding: chunked, identity{CHUNKED}",
    "chunked twice": f"{PING}Transfer-Encoding: chunked, chunked{CHUNKED}",
    "chunked in two lines": f"{PING}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked{CHUNKED}",
    "a folded line": f"{PING}X-Any: a\r\n b\r\n{LENGTH}",
    "a folded coding": f"{PING}Transfer-Encoding:\r\n chunked\r\n{LENGTH}",
    "lines that end with LF": f"{PING}{LENGTH}".replace("\r\n", "\n"),
    "a bare CR": f"{PING}X-Any: a\rTransfer-Encoding: chunked\r\n{LENGTH}",
    "a NUL": f"{PING}X-Any: a\0b\r\n{LENGTH}",
    "chunks that end with LF": f"{PING}Transfer-Encoding: chunked{CHUNKED.replace(chr(13), '')}",
    "a broken chunk size": f"{PING}Transfer-Encoding: chunked\r\n\r\n2x\r\n{{}}\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("case", AMBIGUOUS)
def test_nothing_is_smuggled(case: str, server: Server) -> None:
    """The connection closes: what follows may be a part of the body or a request, and nobody knows which."""
    assert _statuses(server, AMBIGUOUS[case] + NEXT) == [400]


def test_one_length_said_twice_is_refused_too(server: Server) -> None:
    assert _statuses(server, f"{PING}Content-Length: 2\r\n{LENGTH}{NEXT}")[0] == 400


def test_well_formed_requests_behind_each_other_are_answered(server: Server) -> None:
    """Or the tests above would show nothing."""
    assert _statuses(server, NEXT + f"{PING}Transfer-Encoding: chunked{CHUNKED}" + NEXT) == [200, 200, 200]


@pytest.mark.parametrize("verb", ["TRACE", "CONNECT", "GET", "HEAD", "DELETE"])
def test_other_verbs_do_nothing(verb: str, server: Server) -> None:
    """ASVS 4.1.4."""
    (status, *_) = _statuses(server, NEXT.replace("POST", verb, 1) + NEXT)
    assert status in (400, 404, 405)


def _statuses(server: Server, sent: str) -> list[int]:
    """Of all answers up to when the server closes the connection, which it is asked to do with the last of them."""
    sent = sent.removesuffix(NEXT) + NEXT.replace("\r\n", "\r\nConnection: close\r\n", 1)
    came = b""
    with create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        connection.sendall(sent.encode())
        with suppress(ConnectionResetError):  # it closed on bytes that it had not read
            while part := connection.recv(65536):
                came += part
    return [int(status) for status in re.findall(rb"^HTTP/1\.1 (\d{3})", came, re.MULTILINE)]


@pytest.fixture(scope="module", params=["off", "on"], ids=["httptools", "zttp"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder: Path = tmp_path_factory.mktemp("server")
    with serving(folder, HTTP2=request.param) as started:
        yield started
