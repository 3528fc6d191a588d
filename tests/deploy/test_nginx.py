"""The nginx configuration that is shipped, with Debian's nginx, in front of two replicas."""

import json
from http.client import HTTPConnection
from itertools import count
from pathlib import Path
from typing import Any

import grpc
import pytest
from connectrpc.code import Code
from connectrpc.codec import proto_binary_codec, proto_json_codec
from connectrpc.protocol import ProtocolType
from protobuf.wkt import Empty
from pyqwest import Client, HTTPTransport, HTTPVersion

from gen.accounts.v1.accounts_v1_connect import PublicAccountsServiceClient
from gen.accounts.v1.accounts_v1_pb import SignInRequest, SignUpRequest
from gen.test.v1.test_v1_pb import PongRequest
from gen.tokens.v1.tokens_v1_connect import TokensServiceClient
from gen.tokens.v1.tokens_v1_pb import CreateTokenRequest, TokenMetadata
from tests.deploy.conftest import Deployment, deployed
from tests.e2e.seeding import seed_account, seed_tokens
from tests.e2e.streams import list_tokens
from tests.support.refusals import refused
from tests.support.service import CookieJar

PASSWORD = "correct horse battery"
PUBLIC, ACCOUNTS = "accounts.v1.PublicAccountsService", "accounts.v1.AccountsService"
PING = "test.v1.TestNoAuthService/Ping"
TOKENS = 40_000
COMPARED = ("content-type", "content-encoding", "content-security-policy", "strict-transport-security", "cache-control")
NUMBERS = count(2)
PROTOCOLS = {"Connect": ProtocolType.CONNECT, "gRPC-Web": ProtocolType.GRPC_WEB}
CODECS = {"JSON": proto_json_codec, "binary": proto_binary_codec}
VERSIONS = {"HTTP/1.1": HTTPVersion.HTTP1, "HTTP/2": HTTPVersion.HTTP2}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_unary_calls_streams_cookies_and_errors(
    protocol: str, codec: str, version: str, deployment: Deployment
) -> None:
    transport = HTTPTransport(
        http_version=VERSIONS[version], tls_ca_cert=deployment.nginx.authority.cert_pem.bytes(), enable_gzip=True
    )
    jar = CookieJar(transport, {})
    options: dict[str, Any] = {"protocol": PROTOCOLS[protocol], "codec": CODECS[codec](), "http_client": Client(jar)}
    public = PublicAccountsServiceClient(deployment.nginx.url, **options)
    tokens = TokensServiceClient(deployment.nginx.url, **options)
    email = address()
    await public.sign_up(SignUpRequest(email=email, password=PASSWORD))
    with refused(Code.UNAUTHENTICATED, "WRONG_EMAIL_OR_PASSWORD"):
        await public.sign_in(SignInRequest(email=email, password="wrong horse battery"))
    await public.sign_in(SignInRequest(email=email, password=PASSWORD))
    assert list(jar.cookies) == ["__Host-gatepost_session"]
    for name in ("older", "newer"):
        await tokens.create_token(CreateTokenRequest(token_metadata=TokenMetadata(name=name)))
    assert [each.token_metadata.name async for each in tokens.list_tokens(Empty())] == ["newer", "older"]


@pytest.mark.parametrize("codec", ["json", "proto"])
def test_the_first_token_arrives_before_the_last_is_read_from_the_database(codec: str, deployment: Deployment) -> None:
    """nginx by itself would read a stream as fast as it comes, into memory and then into files."""
    url = deployment.settings["DATABASE_URL"]
    token = seed_tokens(url, seed_account(url, address()), TOKENS)
    headers = {"authorization": f"Bearer {token}"}
    with list_tokens(
        deployment.nginx.https, headers, codec=codec, receive_buffer=4096, tls=deployment.nginx.tls
    ) as arriving:
        next(arriving)
        deployment.execute("UPDATE tokens SET name = 'renamed meanwhile' WHERE name = 'token-0'")
        rest = list(arriving)
    assert len(rest) == TOKENS - 1
    assert b"renamed meanwhile" in rest[-1]


def test_a_watch_tells_at_once_and_goes_on(deployment: Deployment) -> None:
    connection = deployment.nginx.connect()
    headers = {"content-type": "application/connect+json"}
    connection.request("POST", "/grpc.health.v1.Health/Watch", b"\0\0\0\0\2{}", headers)
    answer = connection.getresponse()
    assert b"SERVING" in answer.read(5 + len('{"status":"SERVING"}'))
    connection.close()


def test_what_a_client_writes_into_x_forwarded_for_is_not_believed(deployment: Deployment) -> None:
    email, client = address(), f"127.0.0.{next(NUMBERS)}"
    for forged in ("6.6.6.6", "127.0.0.1", "6.6.6.6, 127.0.0.1", "::1"):
        assert (
            call(deployment, PING, source=client, x_forwarded_for=forged, x_real_ip=forged, forwarded=f"for={forged}")[
                0
            ]
            == 200
        )
    assert call(deployment, f"{PUBLIC}/SignUp", sign_in(email), source=client, x_forwarded_for="6.6.6.6")[0] == 200
    _, cookie, _ = call(deployment, f"{PUBLIC}/SignIn", sign_in(email), source=client, x_forwarded_for="6.6.6.6")
    _, _, body = call(deployment, f"{ACCOUNTS}/ListSessions", {}, cookie=cookie, stream=True)
    assert client.encode() in body
    assert b"6.6.6.6" not in body


def test_guesses_count_by_the_real_client_whatever_it_writes(deployment: Deployment) -> None:
    email, client, other = address(), f"127.0.0.{next(NUMBERS)}", f"127.0.0.{next(NUMBERS)}"
    wrong = sign_in(email, "wrong horse battery")
    statuses = [
        call(deployment, f"{PUBLIC}/SignIn", wrong, source=client, x_forwarded_for=f"192.0.2.{number}")[0]
        for number in range(7)
    ]
    assert statuses == [401] * 5 + [429] * 2
    assert call(deployment, f"{PUBLIC}/SignIn", wrong, source=other)[0] == 401


def test_bodies_that_are_too_large(deployment: Deployment) -> None:
    """Gatepost's own refusal is in words; far above that nginx does not even take them."""
    status, _, body = call(deployment, f"{PUBLIC}/SignUp", sign_in("a" * 70_000))
    assert (status, json.loads(body)["code"]) == (429, "resource_exhausted")
    assert call(deployment, f"{PUBLIC}/SignUp", sign_in("a" * 140_000))[0] == 413


def test_no_body_touches_the_disk(deployment: Deployment) -> None:
    assert call(deployment, f"{PUBLIC}/SignUp", sign_in("a" * 120_000))[0] == 429
    assert "buffered to a temporary file" not in deployment.nginx.errors


def test_browsers_are_led_to_https_and_programs_are_not(deployment: Deployment) -> None:
    connection = HTTPConnection("127.0.0.1", deployment.nginx.http, timeout=20)
    for method, status, location in (
        ("GET", 301, "https://accounts.example.com/sessions?x=1"),
        ("POST", 403, None),
    ):
        connection.request(method, "/sessions?x=1")
        answer = connection.getresponse()
        answer.read()
        assert (answer.status, answer.getheader("location")) == (status, location)
    connection.close()


def test_answers_are_as_gatepost_gives_them(deployment: Deployment) -> None:
    """Not compressed besides, say: a page, once there is one, is Gatepost's too."""
    for method, path in (
        ("GET", "/"),
        ("GET", "/assets/none.js"),
        ("POST", f"/{PING}"),
        ("POST", f"/{ACCOUNTS}/GetAccount"),
    ):
        through, direct = (
            deployment.nginx.connect(),
            HTTPConnection("127.0.0.1", deployment.replicas[0].port, timeout=20),
        )
        answers = []
        for connection in (through, direct):
            headers = {"content-type": "application/json", "accept-encoding": "gzip"}
            connection.request(method, path, b"{}" if method == "POST" else None, headers)
            answer = connection.getresponse()
            told = {name.lower(): value for name, value in answer.getheaders()}
            answers.append((answer.status, answer.read(), {name: told.get(name) for name in COMPARED}))
            connection.close()
        assert answers[0] == answers[1]


def test_native_grpc_where_its_lines_are_taken_in(tmp_path: Path) -> None:
    with deployed(tmp_path, grpc=True) as deployment:
        credentials = grpc.ssl_channel_credentials(deployment.nginx.authority.cert_pem.bytes())
        with grpc.secure_channel(f"127.0.0.1:{deployment.nginx.https}", credentials) as channel:
            sign_up = channel.unary_unary(
                f"/{PUBLIC}/SignUp", request_serializer=SignUpRequest.to_binary, response_deserializer=Empty.from_binary
            )
            sign_up(SignUpRequest(email=address(), password=PASSWORD), timeout=20)
            pong = channel.unary_unary("/test.v1.TestAuthService/Pong", request_serializer=PongRequest.to_binary)
            with pytest.raises(grpc.RpcError) as caught:
                pong(PongRequest(), timeout=20)
            assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
            watch = channel.unary_stream("/grpc.health.v1.Health/Watch", request_serializer=Empty.to_binary)
            told = watch(Empty(), timeout=20)
            assert next(told) == b"\x08\x01"  # SERVING
            told.cancel()
        for _ in range(4):  # on no connection that gRPC has left
            assert call(deployment, PING)[0] == 200


def call(
    deployment: Deployment,
    rpc: str,
    body: object = None,
    *,
    source: str = "127.0.0.1",
    stream: bool = False,
    **headers: str,
) -> tuple[int, str, bytes]:
    """One call in JSON, on a connection of its own: status, the cookie that came, body."""
    connection = deployment.nginx.connect(source)
    try:
        sent = json.dumps(body or {}).encode()
        if stream:
            sent = len(sent).to_bytes(5, "big") + sent
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        kind = "application/connect+json" if stream else "application/json"
        connection.request("POST", f"/{rpc}", sent, {"content-type": kind, **named})
        answer = connection.getresponse()
        return answer.status, answer.getheader("set-cookie", "").partition(";")[0], answer.read()
    finally:
        connection.close()


def sign_in(email: str, password: str = PASSWORD) -> dict[str, str]:
    return {"email": email, "password": password}


def address() -> str:
    """One that no other test has."""
    return f"ada{next(NUMBERS)}@example.test"
