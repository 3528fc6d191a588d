"""Requests on whose end nginx and Gatepost could disagree (ASVS 4.2.1): what is behind them never runs unseen.

nginx refuses most of them. A few it reads in one certain way, and passes on in words of its own that leave no doubt.
"""

import re
import ssl
from contextlib import suppress
from socket import create_connection

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import ConnectionTerminated, ResponseReceived, StreamReset

from tests.deploy.conftest import Deployment
from tests.e2e.test_smuggling import AMBIGUOUS, LENGTH, NEXT, PING

PASSED_ON = ("lines that end with LF", "chunks that end with LF")
"""What nginx reads as one request with another behind it."""
IN_HTTP_2 = {
    "a line in a value": [("x-any", "a\r\ntransfer-encoding: chunked")],
    "a request in a value": [("x-any", f"a\r\n\r\n{NEXT}")],
    "a line in a name": [("x-any: a\r\ntransfer-encoding", "chunked")],
    "a length that is too short": [("content-length", "1")],
    "a length that is too long": [("content-length", "200")],
    "two lengths": [("content-length", "2"), ("content-length", "0")],
    "a line in the path": [(":path", "/test.v1.TestNoAuthService/Ping HTTP/1.1\r\nx-any: a")],
    "a request in the path": [(":path", f"/ HTTP/1.1\r\nhost: a\r\n\r\n{NEXT}")],
    "a line in the method": [(":method", "POST / HTTP/1.1\r\nx-any: a\r\n\r\nPOST")],
    "a line in the host": [(":authority", "a\r\nx-any: b")],
}


@pytest.mark.parametrize("case", AMBIGUOUS)
def test_nothing_is_smuggled(case: str, deployment: Deployment) -> None:
    assert _statuses(deployment, AMBIGUOUS[case] + NEXT) in ([[200, 200]] if case in PASSED_ON else [[400], [501]])
    _nobody_got_anothers_answer(deployment)


def test_well_formed_requests_behind_each_other_are_answered(deployment: Deployment) -> None:
    """Or the tests above would show nothing."""
    assert _statuses(deployment, NEXT + f"{PING}{LENGTH}" + NEXT) == [200, 200, 200]


@pytest.mark.parametrize("case", IN_HTTP_2)
def test_what_http_2_could_carry_into_http_1_is_refused(case: str, deployment: Deployment) -> None:
    assert _ended(deployment, IN_HTTP_2[case]) in ("400", "reset")
    _nobody_got_anothers_answer(deployment)


def test_a_coding_in_http_2_means_nothing_and_goes_no_further(deployment: Deployment) -> None:
    """Passed on, Gatepost would look for chunks in `{}` and refuse it."""
    assert _ended(deployment, [("transfer-encoding", "chunked")]) == "200"
    _nobody_got_anothers_answer(deployment)


def test_a_call_in_http_2_is_answered(deployment: Deployment) -> None:
    assert _ended(deployment, [("content-length", "2")]) == "200"


def _statuses(deployment: Deployment, sent: str) -> list[int]:
    """Of all answers up to when nginx closes the connection, which it is asked to do with the last of them."""
    sent = sent.removesuffix(NEXT) + NEXT.replace("\r\n", "\r\nConnection: close\r\n", 1)
    came = b""
    with _connected(deployment, "http/1.1") as connection:
        connection.sendall(sent.encode())
        with suppress(ConnectionResetError, ssl.SSLError):
            while part := connection.recv(65536):
                came += part
    return [int(status) for status in re.findall(rb"^HTTP/1\.1 (\d{3})", came, re.MULTILINE)]


def _ended(deployment: Deployment, changes: list[tuple[str, str]]) -> str:
    """What became of a Ping with these headers: its status, or that the stream or the connection was reset."""
    usual = {
        ":method": "POST",
        ":scheme": "https",
        ":authority": "127.0.0.1",
        ":path": "/test.v1.TestNoAuthService/Ping",
    }
    pseudo = usual | {name: value for name, value in changes if name in usual}
    headers = [*pseudo.items(), ("content-type", "application/json")]
    headers += [each for each in changes if each[0] not in usual]
    h2 = H2Connection(H2Configuration(validate_outbound_headers=False, normalize_outbound_headers=False))
    h2.initiate_connection()
    h2.send_headers(1, headers)
    h2.send_data(1, b"{}", end_stream=True)
    with _connected(deployment, "h2") as connection:
        connection.sendall(h2.data_to_send())
        while part := connection.recv(65536):
            for event in h2.receive_data(part):
                if isinstance(event, ResponseReceived):
                    return dict(event.headers)[b":status"].decode()
                if isinstance(event, StreamReset | ConnectionTerminated):
                    return "reset"
    return "reset"


def _connected(deployment: Deployment, protocol: str) -> ssl.SSLSocket:
    tls = deployment.nginx.tls
    tls.set_alpn_protocols([protocol])
    return tls.wrap_socket(
        create_connection(("127.0.0.1", deployment.nginx.https), timeout=20), server_hostname="127.0.0.1"
    )


def _nobody_got_anothers_answer(deployment: Deployment) -> None:
    """The connections that nginx keeps are in step: each call gets what was asked for."""
    connection = deployment.nginx.connect()
    for path, status in (("/nothing.v1.Nothing/Here", 404), ("/test.v1.TestNoAuthService/Ping", 200)) * 2:
        connection.request("POST", path, b"{}", {"content-type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        assert answer.status == status
    connection.close()
