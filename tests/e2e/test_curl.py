"""Connect with JSON, as a person types it: curl and a cookie jar."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.programs import run
from tests.e2e.server import Server
from tests.e2e.streams import envelope

ADA = {"email": "ada@example.test", "password": "correct horse battery"}


def test_a_session_lives_in_the_cookie_jar(curl: "Curl") -> None:
    assert curl("accounts.v1.PublicAccountsService/SignUp", ADA) == (200, {})
    assert curl("test.v1.TestAuthService/Pong")[0] == 401
    assert curl("accounts.v1.PublicAccountsService/SignIn", ADA) == (200, {})
    assert curl("test.v1.TestAuthService/Pong") == (200, {})
    _, account = curl("accounts.v1.AccountsService/GetAccount")
    assert account["data"] == {"name": "ada", "email": "ada@example.test"}
    assert curl("accounts.v1.AccountsService/SignOut") == (200, {})
    assert "gatepost_session" not in curl.jar.read_text()
    status, refused = curl("test.v1.TestAuthService/Pong")
    assert (status, refused["code"]) == (401, "unauthenticated")


def test_a_token_needs_no_jar(curl: "Curl") -> None:
    curl.sign_up_and_in("grace@example.test")
    status, made = curl("tokens.v1.TokensService/CreateToken", {"token_metadata": {"name": "ci"}})
    assert status == 200
    curl.jar.unlink()
    bearer = f"Authorization: Bearer {made['tokenValue']['token']}"
    assert curl("test.v1.TestAuthService/Pong", {}, bearer) == (200, {})
    _, page = curl("tokens.v1.TokensService/ListTokensPage", {"pageSize": 1}, bearer)
    assert [token["tokenUuid"] for token in page["tokens"]] == [made["tokenUuid"]]


def test_a_stream_comes_in_envelopes(curl: "Curl", server: Server) -> None:
    curl.sign_up_and_in("alan@example.test")
    for name in ("older", "newer"):
        curl("tokens.v1.TokensService/CreateToken", {"tokenMetadata": {"name": name}})
    url = f"{server.url}/tokens.v1.TokensService/ListTokens"
    content_type = "Content-Type: application/connect+json"
    arguments = ("-sS", "-b", str(curl.jar), "-H", content_type, "--data-binary", "@-", url)
    streamed = run("curl", *arguments, folder=curl.folder, stdin=envelope(b"{}"))
    assert streamed.status == 0, streamed.stderr
    assert re.findall(r'"name":"(\w+)"', streamed.stdout) == ["newer", "older"]
    assert streamed.stdout.endswith("{}"), "the message that ends a stream, without an error"


def test_an_error_says_which_field(curl: "Curl") -> None:
    curl.sign_up_and_in("kay@example.test")
    status, error = curl("tokens.v1.TokensService/CreateToken", {"tokenMetadata": {"name": " "}})
    assert (status, error["code"]) == (400, "invalid_argument")
    assert [detail["type"] for detail in error["details"]] == ["google.rpc.ErrorInfo", "google.rpc.BadRequest"]
    assert error["details"][0]["debug"] == {"reason": "INVALID_FIELD", "domain": "gatepost"}
    assert [each["field"] for each in error["details"][1]["debug"]["fieldViolations"]] == ["token_metadata.name"]


class Curl:
    """Calls with JSON out of one cookie jar."""

    def __init__(self, server: Server, folder: Path) -> None:
        self._server = server
        self.folder = folder
        self.jar = folder / "jar"

    def __call__(self, rpc: str, body: object = None, *headers: str) -> tuple[int, Any]:
        """HTTP status and body."""
        arguments = ["-sS", "-w", "%{stderr}%{http_code}", "-b", str(self.jar), "-c", str(self.jar)]
        for header in ("Content-Type: application/json", *headers):
            arguments += ["-H", header]
        ran = run("curl", *arguments, "-d", json.dumps(body or {}), f"{self._server.url}/{rpc}", folder=self.folder)
        assert ran.status == 0, ran.stderr
        return int(ran.stderr), json.loads(ran.stdout)

    def sign_up_and_in(self, email: str) -> None:
        for rpc in ("SignUp", "SignIn"):
            status, _ = self(f"accounts.v1.PublicAccountsService/{rpc}", {**ADA, "email": email})
            assert status == 200


@pytest.fixture
def curl(server: Server, tmp_path: Path) -> Curl:
    return Curl(server, tmp_path)
