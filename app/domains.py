"""The other half of the composition root: the flows of accounts and tokens, and the services that call them."""

from datetime import timedelta

from app.accounts.account_update import UpdateAccount
from app.accounts.address_mails import AddressMails
from app.accounts.alarm import Alarm
from app.accounts.attempts import Attempts, ResetMails
from app.accounts.codes import Codes
from app.accounts.deletion import DeleteAccount
from app.accounts.failures import Failures
from app.accounts.handlers import AccountsHandlers, PublicAccountsHandlers
from app.accounts.inspection import ShowAccount
from app.accounts.operation import DisableAccount, EnableAccount, EndSessions
from app.accounts.password_change import ChangePassword
from app.accounts.password_check import PasswordCheck
from app.accounts.passwords import Passwords
from app.accounts.profile import GetAccount, IsEmailVerified
from app.accounts.recovery import NewPassword, ResetPassword
from app.accounts.registration import SignUp
from app.accounts.session_list import ListSessions, RevokeSession
from app.accounts.session_refresh import RefreshSession
from app.accounts.sessions import Lifetimes, Sessions
from app.accounts.sign_in import SignIn
from app.accounts.sign_out import SignOut
from app.accounts.token_authorization import AuthorizeByToken
from app.accounts.trail import ListSecurityEvents
from app.accounts.verification import Verification
from app.accounts.verify_email import SendVerificationEmail, VerifyEmail
from app.core.clock import Clock
from app.core.config import Settings
from app.core.db import Database
from app.core.metrics import Metrics
from app.core.secrets import CodeDigests
from app.housekeeping import Housekeeping
from app.limits import Limits
from app.mail.outbox import Outbox
from app.policy import (
    ADDRESS_MAILS_BY_ACCOUNT,
    ADDRESS_MAILS_BY_ADDRESS,
    ALARMS,
    CODE_FAILURES,
    FAILURES_OVER_ALL,
    PASSWORD_FAILURES,
    RESET_MAILS,
    SIGN_UPS_BY_CLIENT,
)
from app.rpc.cookies import SessionCookie
from app.rpc.serve import Service
from app.tokens import store as tokens_store
from app.tokens.creation import CreateToken
from app.tokens.expiration import ForceTokenExpiration
from app.tokens.handlers import TokensHandlers
from app.tokens.lifetime import Lifetime
from app.tokens.operation import ExpireToken
from app.tokens.reading import GetToken, ListTokens, ListTokensPage
from app.tokens.regeneration import RegenerateToken
from app.tokens.unproven import expire_unproven
from app.tokens.update import UpdateToken
from app.tokens.verify import TokenCredentials
from gen.accounts.v1 import accounts_v1_connect as accounts_v1
from gen.tokens.v1 import tokens_v1_connect as tokens_v1


def lifetimes(settings: Settings) -> Lifetimes:
    return Lifetimes(
        idle=timedelta(seconds=settings.session_idle),
        absolute=timedelta(seconds=settings.session_absolute),
        min_refresh=timedelta(seconds=settings.session_min_refresh),
        quota=settings.session_quota,
    )


def accounts(
    settings: Settings,
    sessions: Sessions,
    passwords: Passwords,
    outbox: Outbox,
    credentials: TokenCredentials,
    cookie: SessionCookie,
    limits: Limits,
    metrics: Metrics,
) -> list[Service]:
    db, clock = sessions.db, sessions.clock
    codes = Codes(db, clock, CodeDigests(settings.keys))
    verification = Verification(codes, outbox)
    code_attempts = Attempts(limits, CODE_FAILURES, "code", metrics)
    address_mails = AddressMails(limits, ADDRESS_MAILS_BY_ACCOUNT, ADDRESS_MAILS_BY_ADDRESS)
    failures = Failures(db, clock, outbox)
    alarm = Alarm(limits, FAILURES_OVER_ALL, ALARMS)
    password_attempts = Attempts(limits, PASSWORD_FAILURES, "password", metrics, alarm)
    check = PasswordCheck(passwords, password_attempts, failures)
    public = PublicAccountsHandlers(
        create_account=SignUp(
            db,
            clock,
            passwords,
            verification,
            outbox,
            limits,
            by_client=SIGN_UPS_BY_CLIENT,
            hides_accounts=settings.hides_accounts,
            shortest_password=settings.password_min_length,
            service_name=settings.service_name,
        ),
        open_session=SignIn(
            db,
            check,
            failures,
            sessions,
            verification,
            requires_verified_email=settings.sign_in_requires_verified_email,
        ),
        prove_address=VerifyEmail(db, clock, codes, code_attempts, outbox),
        mail_reset=ResetPassword(db, clock, codes, ResetMails(limits, RESET_MAILS), outbox),
        recover=NewPassword(
            db,
            clock,
            codes,
            code_attempts,
            password_attempts,
            passwords,
            outbox,
            expire_unproven,
            shortest_password=settings.password_min_length,
            service_name=settings.service_name,
        ),
        cookie=cookie,
    )
    own = AccountsHandlers(
        address_verified=IsEmailVerified(db),
        refresh=RefreshSession(sessions),
        authorize=AuthorizeByToken(sessions, credentials.hold),
        profile=GetAccount(db),
        end_session=SignOut(sessions),
        change=UpdateAccount(db, clock, verification, address_mails, outbox),
        mail_code=SendVerificationEmail(db, clock, verification, address_mails),
        live_sessions=ListSessions(db, clock, tokens_store.live_ends),
        revoke=RevokeSession(db, clock, tokens_store.live_ends),
        trail=ListSecurityEvents(db),
        replace_password=ChangePassword(
            db,
            clock,
            passwords,
            check,
            outbox,
            shortest_password=settings.password_min_length,
            service_name=settings.service_name,
        ),
        remove_account=DeleteAccount(db, clock, check, outbox),
        cookie=cookie,
    )
    return [
        Service(accounts_v1.PublicAccountsServiceASGIApplication, accounts_v1.PublicAccountsService.desc(), public),
        Service(accounts_v1.AccountsServiceASGIApplication, accounts_v1.AccountsService.desc(), own),
    ]


def operations(db: Database, clock: Clock) -> tuple[DisableAccount, EnableAccount, EndSessions]:
    """What operators do to an account. They need no settings and no running service."""
    disable = DisableAccount(db, clock, Outbox(clock), tokens_store.expire_all)
    return disable, EnableAccount(db, clock), EndSessions(db, clock)


def inspection(db: Database, clock: Clock) -> ShowAccount:
    return ShowAccount(db, clock, tokens_store.count_live)


def token_expiry(db: Database, clock: Clock) -> ExpireToken:
    return ExpireToken(db, clock)


def tokens(settings: Settings, db: Database, clock: Clock, outbox: Outbox) -> Service:
    lifetime = Lifetime(timedelta(days=settings.token_default_days), timedelta(days=settings.token_max_days))
    quota, prefix, verified = settings.token_quota, settings.token_prefix, settings.tokens_require_verified_email
    handlers = TokensHandlers(
        CreateToken(db, clock, outbox, lifetime, quota, prefix, requires_verified_email=verified),
        UpdateToken(db, clock, lifetime, quota, requires_verified_email=verified),
        ForceTokenExpiration(db, clock),
        RegenerateToken(db, clock, prefix, requires_verified_email=verified),
        GetToken(db),
        ListTokens(db),
        ListTokensPage(db),
    )
    return Service(tokens_v1.TokensServiceASGIApplication, tokens_v1.TokensService.desc(), handlers)


def housekeeping(settings: Settings, db: Database, clock: Clock) -> Housekeeping:
    return Housekeeping(db, clock, timedelta(days=settings.security_event_days))
