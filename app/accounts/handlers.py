"""accounts.v1 on the wire: messages in, one call, messages out."""

from dataclasses import dataclass

from protobuf.wkt import Empty, Timestamp

from app.accounts.profile import GetAccount, IsEmailVerified
from app.accounts.registration import SignUp
from app.accounts.session_refresh import RefreshSession
from app.accounts.sessions import OpenedSession
from app.accounts.sign_in import SignIn
from app.accounts.sign_out import SignOut
from app.accounts.token_authorization import AuthorizeByToken
from app.rpc.caller import Context, caller_of, client_of
from app.rpc.cookies import SessionCookie
from gen.accounts.v1.accounts_v1_connect import AccountsService, PublicAccountsService
from gen.accounts.v1.accounts_v1_pb import (
    AccountData,
    GetAccountRequest,
    GetAccountResponse,
    IsEmailVerifiedRequest,
    IsEmailVerifiedResponse,
    SignInRequest,
    SignOutRequest,
    SignOutResponse,
    SignUpRequest,
)


@dataclass(frozen=True, slots=True)
class PublicAccountsHandlers(PublicAccountsService):
    """accounts.v1 without authentication."""

    create_account: SignUp
    open_session: SignIn
    cookie: SessionCookie

    async def sign_up(self, request: SignUpRequest, ctx: Context, /) -> Empty:
        await self.create_account(request.email, request.password, client_of(ctx))
        return Empty()

    async def sign_in(self, request: SignInRequest, ctx: Context, /) -> Empty:
        presented = self.cookie.presented(ctx)
        opened = await self.open_session(request.email, request.password, presented, client_of(ctx))
        _write(self.cookie, ctx, opened)
        return Empty()


@dataclass(frozen=True, slots=True)
class AccountsHandlers(AccountsService):
    """accounts.v1 for the account behind the credential."""

    address_verified: IsEmailVerified
    refresh: RefreshSession
    authorize: AuthorizeByToken
    profile: GetAccount
    end_session: SignOut
    cookie: SessionCookie

    async def is_email_verified(self, request: IsEmailVerifiedRequest, ctx: Context, /) -> IsEmailVerifiedResponse:
        email = request.data.email if request.data else ""
        return IsEmailVerifiedResponse(verified=await self.address_verified(caller_of(ctx), email))

    async def refresh_session(self, request: Empty, ctx: Context, /) -> Empty:
        opened = await self.refresh(caller_of(ctx), self.cookie.presented(ctx) or "")
        if opened is not None:
            _write(self.cookie, ctx, opened)
        return Empty()

    async def token_authorization(self, request: Empty, ctx: Context, /) -> Empty:
        opened = await self.authorize(caller_of(ctx), self.cookie.presented(ctx))
        _write(self.cookie, ctx, opened)
        return Empty()

    async def get_account(self, request: GetAccountRequest, ctx: Context, /) -> GetAccountResponse:
        told = await self.profile(caller_of(ctx))
        answer = GetAccountResponse(account_id=str(told.account_id), scopes=list(told.scopes))
        if told.token_id is not None:
            answer.token_uuid = str(told.token_id)
        if told.credential_expires_at is not None:
            answer.credential_expires_at = Timestamp.from_datetime(told.credential_expires_at)
        if (personal := told.personal) is not None:
            answer.data = AccountData(name=personal.name, email=personal.address)
            answer.email_verified = personal.email_verified
            answer.created_at = Timestamp.from_datetime(personal.created_at)
        return answer

    async def sign_out(self, request: SignOutRequest, ctx: Context, /) -> SignOutResponse:
        await self.end_session(self.cookie.presented(ctx), client_of(ctx), everywhere=request.everywhere)
        if self.cookie.came(ctx):
            self.cookie.clear(ctx)
        return SignOutResponse()


def _write(cookie: SessionCookie, ctx: Context, opened: OpenedSession) -> None:
    # Already committed; a header set earlier would go out with an error too.
    cookie.write(ctx, opened.value, opened.max_age)
