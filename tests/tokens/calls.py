"""The calls of tokens.v1 as tests write them: what matters to the test is named, the rest has a default."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from connectrpc.code import Code
from connectrpc.errors import ConnectError
from protobuf.wkt.google.protobuf.empty_pb import Empty
from protobuf.wkt.google.protobuf.timestamp_pb import Timestamp

from app.core.verified import Verified
from app.tokens.verify import TokenCredentials
from gen.test.v1.test_v1_pb import PongRequest
from gen.tokens.v1.tokens_v1_connect import TokensServiceClient
from gen.tokens.v1.tokens_v1_pb import (
    CreateTokenRequest,
    CreateTokenResponse,
    ForceTokenExpirationRequest,
    GetTokenRequest,
    GetTokenResponse,
    ListTokensPageRequest,
    ListTokensPageResponse,
    ListTokensResponse,
    RegenerateTokenRequest,
    TokenMetadata,
    TokenPermissions,
    TokenUUID,
    UpdateTokenRequest,
    UpdateTokenResponse,
)
from tests.support.service import Browser, Gatepost

UNKNOWN = "018f0000-0000-7000-8000-000000000000"
"""A UUID that no token has."""


def credentials_of(gatepost: Gatepost) -> TokenCredentials:
    """The check of tokens, apart from the guard."""
    parts = gatepost.parts
    pages = Verified(parts.db, parts.clock), Verified(parts.db, parts.clock)
    return TokenCredentials(parts.db, parts.clock, parts.activities[1], gatepost.settings.token_prefix, *pages)


async def create(
    tokens: TokensServiceClient,
    name: str = "ci",
    *,
    expires_at: datetime | None = None,
    scopes: Sequence[str] | None = None,
) -> CreateTokenResponse:
    return await tokens.create_token(
        CreateTokenRequest(token_metadata=_metadata(name, expires_at), token_permissions=_permissions(scopes))
    )


async def update(
    tokens: TokensServiceClient,
    token_id: str,
    *,
    name: str = "",
    expires_at: datetime | None = None,
    scopes: Sequence[str] | None = None,
) -> UpdateTokenResponse:
    metadata = _metadata(name, expires_at) if name or expires_at else None
    return await tokens.update_token(
        UpdateTokenRequest(
            token_uuid=TokenUUID(uuid=token_id), token_metadata=metadata, token_permissions=_permissions(scopes)
        )
    )


async def expire(tokens: TokensServiceClient, token_id: str) -> Empty:
    return await tokens.force_token_expiration(ForceTokenExpirationRequest(token_uuid=TokenUUID(uuid=token_id)))


async def regenerate(tokens: TokensServiceClient, token_id: str) -> str:
    """The new value."""
    answer = await tokens.regenerate_token(RegenerateTokenRequest(token_uuid=TokenUUID(uuid=token_id)))
    assert answer.token_value is not None
    return answer.token_value.token


async def get(tokens: TokensServiceClient, token_id: str) -> GetTokenResponse:
    return await tokens.get_token(GetTokenRequest(token_uuid=TokenUUID(uuid=token_id)))


async def listed(tokens: TokensServiceClient) -> list[ListTokensResponse]:
    return [each async for each in tokens.list_tokens(Empty())]


async def as_they_are(tokens: TokensServiceClient) -> list[ListTokensResponse]:
    """All of them but for when they were last used, which the service writes down whenever it comes to it."""
    found = await listed(tokens)
    for each in found:
        metadata_of(each).clear_field("last_used_at")
    return found


async def page(tokens: TokensServiceClient, size: int = 0, after: str = "") -> ListTokensPageResponse:
    return await tokens.list_tokens_page(ListTokensPageRequest(page_size=size, page_token=after))


async def exchanged(gatepost: Gatepost, value: str) -> Browser:
    """A browser with a session made from the token."""
    holder, browser = gatepost.bearer(value), gatepost.browser()
    await holder.accounts.token_authorization(Empty())
    browser.session = holder.session
    return browser


async def works(holder: Browser) -> bool:
    """Whether the credential is good; Pong is the canonical probe (semantics.md)."""
    try:
        await holder.pong.pong(PongRequest())
    except ConnectError as error:
        if error.code is not Code.UNAUTHENTICATED:
            raise
        return False
    return True


async def events(gatepost: Gatepost, token_id: str) -> list[str]:
    """What the audit trail says of a token, in order."""
    # By rowid: while the clock of the tests stands still, nothing else tells the order.
    rows = await gatepost.fetch(
        "SELECT kind FROM security_events WHERE token_id = ? ORDER BY rowid", UUID(token_id).hex
    )
    return [kind for (kind,) in rows]


Told = CreateTokenResponse | UpdateTokenResponse | GetTokenResponse | ListTokensResponse


def id_of(told: Told) -> str:
    assert told.token_uuid is not None
    UUID(told.token_uuid.uuid)
    return told.token_uuid.uuid


def value_of(created: CreateTokenResponse) -> str:
    assert created.token_value is not None
    return created.token_value.token


def metadata_of(told: Told) -> TokenMetadata:
    assert told.token_metadata is not None
    return told.token_metadata


def end_of(told: Told) -> datetime:
    expires_at = metadata_of(told).expires_at
    assert expires_at is not None
    return expires_at.to_datetime()


def scopes_of(told: Told) -> list[str]:
    assert told.token_permissions is not None
    return told.token_permissions.scopes


def _metadata(name: str, expires_at: datetime | None) -> TokenMetadata:
    return TokenMetadata(name=name, expires_at=None if expires_at is None else Timestamp.from_datetime(expires_at))


def _permissions(scopes: Sequence[str] | None) -> TokenPermissions | None:
    return None if scopes is None else TokenPermissions(scopes=list(scopes))
