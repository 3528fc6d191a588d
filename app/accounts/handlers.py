"""accounts.v1 on the wire: messages in, one call, messages out."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from uuid import UUID

from protobuf.wkt import Empty, Timestamp

from app.accounts.account_update import UpdateAccount
from app.accounts.deletion import DeleteAccount
from app.accounts.password_change import ChangePassword
from app.accounts.profile import GetAccount, IsEmailVerified
from app.accounts.recovery import NewPassword, ResetPassword
from app.accounts.registration import SignUp
from app.accounts.session_list import ListSessions, RevokeSession
from app.accounts.session_refresh import RefreshSession
from app.accounts.sessions import OpenedSession
from app.accounts.sign_in import SignIn
from app.accounts.sign_out import SignOut
from app.accounts.token_authorization import AuthorizeByToken
from app.accounts.trail import ListSecurityEvents
from app.accounts.verify_email import SendVerificationEmail, VerifyEmail
from app.rpc.caller import Context, caller_of, client_of
from app.rpc.cookies import SessionCookie
from gen.accounts.v1.accounts_v1_connect import AccountsService, PublicAccountsService
from gen.accounts.v1.accounts_v1_pb import (
    AccountData,
    AccountPassword,
    ChangePasswordRequest,
    ChangePasswordResponse,
    DeleteAccountRequest,
    DeleteAccountResponse,
    GetAccountRequest,
    GetAccountResponse,
    IsEmailVerifiedRequest,
    IsEmailVerifiedResponse,
    ListSecurityEventsRequest,
    ListSecurityEventsResponse,
    ListSessionsRequest,
    ListSessionsResponse,
    NewPasswordRequest,
    NewPasswordResponse,
    ResetPasswordRequest,
    ResetPasswordResponse,
    RevokeSessionRequest,
    RevokeSessionResponse,
    SendVerificationEmailRequest,
    SendVerificationEmailResponse,
    SignInRequest,
    SignOutRequest,
    SignOutResponse,
    SignUpRequest,
    UpdateAccountRequest,
    UpdateAccountResponse,
    VerifyEmailRequest,
    VerifyEmailResponse,
)


@dataclass(frozen=True, slots=True)
class PublicAccountsHandlers(PublicAccountsService):
    """accounts.v1 without authentication."""

    create_account: SignUp
    open_session: SignIn
    prove_address: VerifyEmail
    mail_reset: ResetPassword
    recover: NewPassword
    cookie: SessionCookie

    async def sign_up(self, request: SignUpRequest, ctx: Context, /) -> Empty:
        await self.create_account(request.email, request.password, client_of(ctx))
        return Empty()

    async def sign_in(self, request: SignInRequest, ctx: Context, /) -> Empty:
        presented = self.cookie.presented(ctx)
        opened = await self.open_session(request.email, request.password, presented, client_of(ctx))
        _write(self.cookie, ctx, opened)
        return Empty()

    async def verify_email(self, request: VerifyEmailRequest, ctx: Context, /) -> VerifyEmailResponse:
        await self.prove_address(_email(request.data), request.code, client_of(ctx))
        return VerifyEmailResponse()

    async def reset_password(self, request: ResetPasswordRequest, ctx: Context, /) -> ResetPasswordResponse:
        await self.mail_reset(_email(request.data), client_of(ctx))
        return ResetPasswordResponse()

    async def new_password(self, request: NewPasswordRequest, ctx: Context, /) -> NewPasswordResponse:
        password = request.password.password if request.password else ""
        await self.recover(_email(request.data), password, request.code, client_of(ctx))
        return NewPasswordResponse()


@dataclass(frozen=True, slots=True)
class AccountsHandlers(AccountsService):
    """accounts.v1 for the account behind the credential."""

    address_verified: IsEmailVerified
    refresh: RefreshSession
    authorize: AuthorizeByToken
    profile: GetAccount
    end_session: SignOut
    change: UpdateAccount
    mail_code: SendVerificationEmail
    live_sessions: ListSessions
    revoke: RevokeSession
    trail: ListSecurityEvents
    replace_password: ChangePassword
    remove_account: DeleteAccount
    cookie: SessionCookie

    async def is_email_verified(self, request: IsEmailVerifiedRequest, ctx: Context, /) -> IsEmailVerifiedResponse:
        verified = await self.address_verified(caller_of(ctx), _email(request.data))
        return IsEmailVerifiedResponse(verified=verified)

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
            answer.pending_email = personal.pending_address or ""
        return answer

    async def sign_out(self, request: SignOutRequest, ctx: Context, /) -> SignOutResponse:
        await self.end_session(self.cookie.presented(ctx), client_of(ctx), everywhere=request.everywhere)
        if self.cookie.came(ctx):
            self.cookie.clear(ctx)
        return SignOutResponse()

    async def update_account(self, request: UpdateAccountRequest, ctx: Context, /) -> UpdateAccountResponse:
        asked = request.data or AccountData()
        await self.change(caller_of(ctx), asked.name, asked.email)
        return UpdateAccountResponse()

    async def send_verification_email(
        self, request: SendVerificationEmailRequest, ctx: Context, /
    ) -> SendVerificationEmailResponse:
        await self.mail_code(caller_of(ctx))
        return SendVerificationEmailResponse()

    async def list_sessions(self, request: ListSessionsRequest, ctx: Context, /) -> AsyncIterator[ListSessionsResponse]:
        async for each in self.live_sessions(caller_of(ctx)):
            session = each.session
            yield ListSessionsResponse(
                session_id=str(session.id),
                created_at=Timestamp.from_datetime(session.created_at),
                last_seen_at=Timestamp.from_datetime(session.last_seen_at),
                expires_at=Timestamp.from_datetime(each.expires_at),
                user_agent=session.user_agent,
                ip_address=session.ip_address,
                current=each.current,
                token_uuid=_id(session.token_id),
            )

    async def revoke_session(self, request: RevokeSessionRequest, ctx: Context, /) -> RevokeSessionResponse:
        await self.revoke(caller_of(ctx), UUID(request.session_id))  # a rule of the field has seen to its form
        return RevokeSessionResponse()

    async def list_security_events(
        self, request: ListSecurityEventsRequest, ctx: Context, /
    ) -> AsyncIterator[ListSecurityEventsResponse]:
        async for event in self.trail(caller_of(ctx)):
            yield ListSecurityEventsResponse(
                event_id=str(event.id),
                occurred_at=Timestamp.from_datetime(event.occurred_at),
                kind=event.kind,
                ip_address=event.ip_address,
                user_agent=event.user_agent,
                session_id=_id(event.session_id),
                token_uuid=_id(event.token_id),
            )

    async def change_password(self, request: ChangePasswordRequest, ctx: Context, /) -> ChangePasswordResponse:
        current, new = _typed(request.current_password), _typed(request.new_password)
        await self.replace_password(caller_of(ctx), current, new)
        return ChangePasswordResponse()

    async def delete_account(self, request: DeleteAccountRequest, ctx: Context, /) -> DeleteAccountResponse:
        await self.remove_account(caller_of(ctx), _typed(request.password))
        self.cookie.clear(ctx)
        return DeleteAccountResponse()


def _email(data: AccountData | None) -> str:
    return data.email if data else ""


def _id(found: UUID | None) -> str:
    return "" if found is None else str(found)


def _typed(given: AccountPassword | None) -> str:
    return given.password if given else ""


def _write(cookie: SessionCookie, ctx: Context, opened: OpenedSession) -> None:
    # Already committed; a header set earlier would go out with an error too.
    cookie.write(ctx, opened.value, opened.max_age)
