"""`buf curl`, which knows the messages from proto/ and speaks Connect and gRPC-Web."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.programs import Ran, run
from tests.e2e.server import ROOT, Server

ADA = {"email": "ada@example.test", "password": "correct horse battery"}


def test_a_session_and_then_a_token(buf_curl: "BufCurl") -> None:
    ada = {**ADA, "email": f"{buf_curl.protocol}@example.test"}
    buf_curl.ok("accounts.v1.PublicAccountsService/SignUp", ada)
    signed_in = buf_curl("accounts.v1.PublicAccountsService/SignIn", ada, verbose=True)
    cookie = re.search(r"Set-Cookie: (gatepost_session=[^;]+)", signed_in.stderr)
    assert cookie, signed_in.stderr
    session = f"Cookie: {cookie[1]}"

    made = [
        buf_curl.ok("tokens.v1.TokensService/CreateToken", {"tokenMetadata": {"name": name}}, session)[0]
        for name in ("older", "newer")
    ]
    bearer = f"Authorization: Bearer {made[0]['tokenValue']['token']}"
    assert buf_curl.ok("test.v1.TestAuthService/Pong", {}, bearer) == [{}]
    listed = buf_curl.ok("tokens.v1.TokensService/ListTokens", {}, bearer)
    assert [token["tokenMetadata"]["name"] for token in listed] == ["newer", "older"]


def test_an_error_with_its_details(buf_curl: "BufCurl") -> None:
    ran = buf_curl("accounts.v1.PublicAccountsService/SignIn", {**ADA, "email": ""})
    error = json.loads(ran.stderr)
    assert (ran.status != 0, error["code"]) == (True, "invalid_argument")
    assert [detail["type"] for detail in error["details"]] == ["google.rpc.ErrorInfo", "google.rpc.BadRequest"]


class BufCurl:
    def __init__(self, server: Server, folder: Path, protocol: str) -> None:
        self._server = server
        self._folder = folder
        self.protocol = protocol

    def __call__(self, rpc: str, body: object, *headers: str, verbose: bool = False) -> Ran:
        arguments = ["curl", "--schema", str(ROOT / "proto"), "--protocol", self.protocol, "-d", json.dumps(body)]
        for header in headers:
            arguments += ["-H", header]
        arguments += ["-v"] if verbose else []
        return run("buf", *arguments, f"{self._server.url}/{rpc}", folder=self._folder)

    def ok(self, rpc: str, body: object, *headers: str) -> list[Any]:
        """The messages of a call that succeeds."""
        ran = self(rpc, body, *headers)
        assert ran.status == 0, ran.stderr
        messages, rest = [], ran.stdout.strip()
        while rest:
            message, end = json.JSONDecoder().raw_decode(rest)
            messages.append(message)
            rest = rest[end:].lstrip()
        return messages


@pytest.fixture(params=["connect", "grpcweb"])
def buf_curl(request: pytest.FixtureRequest, server: Server, tmp_path: Path) -> BufCurl:
    return BufCurl(server, tmp_path, request.param)
