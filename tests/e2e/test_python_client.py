"""The generated Python client over sockets: Connect in both codecs, and gRPC-Web."""

from collections.abc import Mapping
from typing import Any

import pytest
from connectrpc.code import Code
from connectrpc.codec import proto_json_codec
from connectrpc.protocol import ProtocolType
from protobuf.wkt.google.protobuf.empty_pb import Empty
from pyqwest import Client, HTTPTransport

from gen.accounts.v1.accounts_v1_connect import AccountsServiceClient, PublicAccountsServiceClient
from gen.accounts.v1.accounts_v1_pb import GetAccountRequest, SignInRequest, SignUpRequest
from gen.test.v1 import test_v1_connect as test_v1
from gen.test.v1.test_v1_pb import PongRequest
from gen.tokens.v1.tokens_v1_connect import TokensServiceClient
from gen.tokens.v1.tokens_v1_pb import CreateTokenRequest, ListTokensPageRequest, TokenMetadata
from tests.e2e.server import Server
from tests.support.refusals import refused
from tests.support.service import PASSWORD, CookieJar

WAYS: dict[str, dict[str, Any]] = {
    "connect-binary": {"protocol": ProtocolType.CONNECT},
    "connect-json": {"protocol": ProtocolType.CONNECT, "codec": proto_json_codec()},
    "grpc-web": {"protocol": ProtocolType.GRPC_WEB},
}


@pytest.mark.parametrize("way", WAYS)
async def test_a_session_and_then_a_token(server: Server, way: str) -> None:
    email = f"{way}@example.test"
    page = Caller(server.url, WAYS[way])
    await page.public.sign_up(SignUpRequest(email=email, password=PASSWORD))
    with refused(Code.UNAUTHENTICATED, "NO_CREDENTIAL"):
        await page.pong.pong(PongRequest())
    await page.public.sign_in(SignInRequest(email=email, password=PASSWORD))
    account = await page.accounts.get_account(GetAccountRequest())
    assert account.data is not None
    assert (account.data.email, list(account.scopes), account.token_uuid) == (email, [], "")

    made = [await page.tokens.create_token(_token(name)) for name in ("older", "newer")]
    assert made[0].token_value is not None
    program = Caller(server.url, WAYS[way], authorization=f"Bearer {made[0].token_value.token}")
    listed = [token.token_metadata async for token in program.tokens.list_tokens(Empty())]
    assert [metadata and metadata.name for metadata in listed] == ["newer", "older"]
    paged = await program.tokens.list_tokens_page(ListTokensPageRequest(page_size=1))
    assert [token.token_uuid for token in paged.tokens] == [made[1].token_uuid]

    with refused(Code.PERMISSION_DENIED, "TOKEN_CANNOT_MANAGE_TOKENS"):
        await program.tokens.create_token(_token("third"))
    with refused(Code.INVALID_ARGUMENT, "INVALID_FIELD", fields=["token_metadata.name"]):
        await page.tokens.create_token(_token(" "))


@pytest.mark.parametrize("way", WAYS)
async def test_a_stream_is_refused_with_its_details(server: Server, way: str) -> None:
    stranger = Caller(server.url, WAYS[way])
    with refused(Code.UNAUTHENTICATED, "NO_CREDENTIAL"):
        async for _ in stranger.tokens.list_tokens(Empty()):
            pass


def _token(name: str) -> CreateTokenRequest:
    return CreateTokenRequest(token_metadata=TokenMetadata(name=name))


class Caller:
    """Every generated client of one caller over one connection pool, with a cookie jar."""

    def __init__(self, url: str, way: Mapping[str, Any], **headers: str) -> None:
        client = Client(CookieJar(HTTPTransport(), headers))
        self.public = PublicAccountsServiceClient(url, http_client=client, **way)
        self.accounts = AccountsServiceClient(url, http_client=client, **way)
        self.tokens = TokensServiceClient(url, http_client=client, **way)
        self.pong = test_v1.TestAuthServiceClient(url, http_client=client, **way)
