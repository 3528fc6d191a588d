"""tokens.v1: messages in, messages out, nothing decided."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypedDict
from uuid import UUID

from protobuf.wkt.google.protobuf.empty_pb import Empty
from protobuf.wkt.google.protobuf.timestamp_pb import Timestamp

from app.core.errors import InvalidField
from app.rpc.caller import Context, caller_of
from app.tokens.creation import CreateToken
from app.tokens.expiration import ForceTokenExpiration
from app.tokens.reading import GetToken, ListTokens, ListTokensPage
from app.tokens.regeneration import RegenerateToken
from app.tokens.token import Token
from app.tokens.update import UpdateToken
from gen.tokens.v1.tokens_v1_connect import TokensService
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
    RegenerateTokenResponse,
    TokenMetadata,
    TokenPermissions,
    TokenUUID,
    TokenValue,
    UpdateTokenRequest,
    UpdateTokenResponse,
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class TokensHandlers(TokensService):
    create: CreateToken
    update: UpdateToken
    expire: ForceTokenExpiration
    regenerate: RegenerateToken
    get: GetToken
    every: ListTokens
    page: ListTokensPage

    async def create_token(self, request: CreateTokenRequest, ctx: Context, /) -> CreateTokenResponse:
        asked = request.token_metadata or TokenMetadata()
        scopes = request.token_permissions.scopes if request.token_permissions else ()
        made = await self.create(caller_of(ctx), asked.name, _time(asked.expires_at), scopes)
        return CreateTokenResponse(token_value=TokenValue(token=made.value), **_described(made.token))

    async def update_token(self, request: UpdateTokenRequest, ctx: Context, /) -> UpdateTokenResponse:
        caller, token_id = caller_of(ctx), _token_id(request.token_uuid)
        asked = request.token_metadata or TokenMetadata()
        scopes = request.token_permissions.scopes if request.token_permissions else None
        token = await self.update(caller, token_id, asked.name, _time(asked.expires_at), scopes)
        return UpdateTokenResponse(**_described(token))

    async def force_token_expiration(self, request: ForceTokenExpirationRequest, ctx: Context, /) -> Empty:
        await self.expire(caller_of(ctx), _token_id(request.token_uuid))
        return Empty()

    async def regenerate_token(self, request: RegenerateTokenRequest, ctx: Context, /) -> RegenerateTokenResponse:
        value = await self.regenerate(caller_of(ctx), _token_id(request.token_uuid))
        return RegenerateTokenResponse(token_value=TokenValue(token=value))

    async def get_token(self, request: GetTokenRequest, ctx: Context, /) -> GetTokenResponse:
        return GetTokenResponse(**_described(await self.get(caller_of(ctx), _token_id(request.token_uuid))))

    async def list_tokens(self, request: Empty, ctx: Context, /) -> AsyncIterator[ListTokensResponse]:
        async for token in self.every(caller_of(ctx)):
            yield ListTokensResponse(**_described(token))

    async def list_tokens_page(self, request: ListTokensPageRequest, ctx: Context, /) -> ListTokensPageResponse:
        page = await self.page(caller_of(ctx), request.page_size, request.page_token)
        tokens = [ListTokensResponse(**_described(token)) for token in page.tokens]
        return ListTokensPageResponse(tokens=tokens, next_page_token=page.next_page_token)


class _Described(TypedDict):
    """The fields that all messages about a token have, none of them its value."""

    token_uuid: TokenUUID
    token_metadata: TokenMetadata
    token_permissions: TokenPermissions


def _described(token: Token) -> _Described:
    return {
        "token_uuid": TokenUUID(uuid=str(token.id)),
        "token_metadata": TokenMetadata(
            name=token.name,
            expires_at=Timestamp.from_datetime(token.expires_at),
            created_at=Timestamp.from_datetime(token.created_at),
            last_used_at=_timestamp(token.last_used_at),
            regenerated_at=_timestamp(token.regenerated_at),
            value_hint=token.value_hint,
        ),
        "token_permissions": TokenPermissions(scopes=list(token.scopes)),
    }


def _timestamp(moment: datetime | None) -> Timestamp | None:
    return None if moment is None else Timestamp.from_datetime(moment)


def _time(told: Timestamp | None) -> datetime | None:
    """Cut to the microseconds that are stored, never rounded up to a later end than was asked for."""
    if told is None:
        return None
    return _EPOCH + timedelta(seconds=told.seconds, microseconds=told.nanos // 1000)


def _token_id(named: TokenUUID | None) -> UUID:
    try:
        return UUID(named.uuid if named else "")
    except ValueError:
        raise InvalidField("token_uuid.uuid", "must be a UUID, as CreateToken and ListTokens tell it.") from None
