"""What browsers are told, over sockets: who may call from another origin, and what an answer may be used for."""

from collections.abc import Iterator
from http.client import HTTPConnection

import pytest

from tests.e2e.server import Server, serving

PAGE = "http://127.0.0.1:5173"
SIGN_UP = "accounts.v1.PublicAccountsService/SignUp"
ADA = {"email": "ada@example.test", "password": "correct horse battery"}


def test_a_listed_origin_may_ask_and_read(server: Server) -> None:
    status, headers = _preflight(server, PAGE)
    assert status in (200, 204)
    assert headers["access-control-allow-origin"] == PAGE
    assert headers["access-control-allow-credentials"] == "true"
    assert headers["access-control-allow-methods"] == "POST"
    assert "content-type" in headers["access-control-allow-headers"].lower()
    status, headers, _ = server.post("test.v1.TestNoAuthService/Ping", origin=PAGE)
    assert (status, headers["access-control-allow-origin"]) == (200, PAGE)
    assert "Retry-After" in headers["access-control-expose-headers"]


@pytest.mark.parametrize("origin", ["https://evil.example", "null", PAGE + "0", "http://localhost:5173"])
def test_another_origin_may_not_and_its_call_does_not_run(server: Server, origin: str) -> None:
    assert "access-control-allow-origin" not in _preflight(server, origin)[1]
    status, headers, body = server.post(SIGN_UP, ADA, origin=origin)
    assert (status, b"ORIGIN_NOT_ALLOWED" in body) == (403, True)
    assert "access-control-allow-origin" not in headers
    assert server.post("accounts.v1.PublicAccountsService/SignIn", ADA)[0] == 401, "the account was made"


@pytest.mark.parametrize(
    ("method", "rpc", "content_type", "expected"),
    [
        ("POST", "test.v1.TestNoAuthService/Ping", "application/json", 200),
        ("POST", "test.v1.TestNoAuthService/Ping", "text/plain", 415),
        ("GET", "test.v1.TestNoAuthService/Ping", "application/json", 405),
        ("POST", "test.v1.TestNoAuthService/Pang", "application/json", 404),
        ("POST", "test.v1.TestAuthService/Pong", "application/json", 401),
    ],
)
def test_every_answer_is_good_for_nothing_but_reading(
    server: Server, method: str, rpc: str, content_type: str, expected: int
) -> None:
    status, headers = _request(server, method, rpc, {"content-type": content_type})
    assert status == expected
    assert headers["content-type"] in ("application/json", "application/problem+json")
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["cache-control"] == "no-store"
    assert headers["content-security-policy"].startswith("default-src 'none'; ")
    assert "server" not in headers, "the version of what serves is nobody's business"


def _preflight(server: Server, origin: str) -> tuple[int, dict[str, str]]:
    asked = {
        "origin": origin,
        "access-control-request-method": "POST",
        "access-control-request-headers": "content-type",
    }
    return _request(server, "OPTIONS", SIGN_UP, asked)


def _request(server: Server, method: str, rpc: str, headers: dict[str, str]) -> tuple[int, dict[str, str]]:
    connection = HTTPConnection("127.0.0.1", server.port, timeout=20)
    try:
        connection.request(method, f"/{rpc}", "{}" if method == "POST" else None, headers)
        answer = connection.getresponse()
        answer.read()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}
    finally:
        connection.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("server"), ALLOWED_ORIGINS=PAGE) as started:
        yield started
