"""Who may call what: the table against the descriptors, and the whole matrix of calls and credentials."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from connectrpc.code import Code
from connectrpc.errors import ConnectError
from protobuf.wkt import Empty

from app.core.caller import READ_SCOPES
from app.main import create_app
from app.policy import POLICIES, REFLECTION
from app.rpc.access import Policy, Who
from gen.accounts.v1 import accounts_v1_pb as accounts
from gen.google.rpc.error_details_pb import ErrorInfo
from gen.grpc.health.v1 import health_pb as health
from gen.test.v1 import test_v1_pb as test
from gen.tokens.v1 import tokens_v1_pb as tokens
from tests.rpc import probe
from tests.support.databases import Original
from tests.support.service import PASSWORD, Browser, Gatepost, settings_for, started

OK = None
NO = (Code.UNAUTHENTICATED, "NO_CREDENTIAL")
BAD = (Code.UNAUTHENTICATED, "BAD_CREDENTIAL")
SCOPE = (Code.PERMISSION_DENIED, "SCOPE_MISSING")
MANAGE = (Code.PERMISSION_DENIED, "TOKEN_CANNOT_MANAGE_TOKENS")
NONE = (Code.NOT_FOUND, "NOT_FOUND")
NOT_YET = (Code.UNIMPLEMENTED, "UNIMPLEMENTED")
REFUSED = (Code.INVALID_ARGUMENT, "CODE_REFUSED")
SOON = (Code.RESOURCE_EXHAUSTED, "THROTTLED")  # the sign-up's mail went out this very moment
NO_SESSION = (Code.FAILED_PRECONDITION, "NO_SESSION")

CREDENTIALS = (
    "nothing",
    "session",
    "token",  # without scopes, the documented sort: it may read
    "foreign",  # a token whose only scope belongs to another service
    "made",  # a session made from `token`
    "bad",  # a bad Bearer token beside a good session cookie
    "basic",  # a staging proxy's scheme, and nothing of ours
    "both",  # that scheme beside a good session cookie
)

# semantics.md, "Everywhere". Calls that name a token name one that is not the caller's own.
MATRIX: dict[str, tuple[Any, ...]] = {
    #                                                nothing session token    foreign made    bad  basic both
    "accounts.v1.PublicAccountsService/SignUp":      (OK,    OK,     OK,      OK,     OK,     OK,  OK,   OK),
    "accounts.v1.PublicAccountsService/SignIn":      (OK,    OK,     OK,      OK,     OK,     OK,  OK,   OK),
    "accounts.v1.AccountsService/SignOut":           (OK,    OK,     OK,      OK,     OK,     OK,  OK,   OK),
    "test.v1.TestNoAuthService/Ping":                (OK,    OK,     OK,      OK,     OK,     OK,  OK,   OK),
    "grpc.health.v1.Health/Check":                   (OK,    OK,     OK,      OK,     OK,     OK,  OK,   OK),
    "grpc.health.v1.Health/List":                    (OK,    OK,     OK,      OK,     OK,     OK,  OK,   OK),
    "grpc.health.v1.Health/Watch":                   (OK,    OK,     OK,      OK,     OK,     OK,  OK,   OK),
    "test.v1.TestAuthService/Pong":                  (NO,    OK,     OK,      OK,     OK,     BAD, NO,   OK),
    "accounts.v1.AccountsService/GetAccount":        (NO,    OK,     OK,      OK,     OK,     BAD, NO,   OK),
    "accounts.v1.AccountsService/IsEmailVerified":   (NO,    OK,     OK,      SCOPE,  OK,     BAD, NO,   OK),
    "tokens.v1.TokensService/GetToken":              (NO,    OK,     OK,      SCOPE,  OK,     BAD, NO,   OK),
    "tokens.v1.TokensService/ListTokens":            (NO,    OK,     OK,      SCOPE,  OK,     BAD, NO,   OK),
    "tokens.v1.TokensService/ListTokensPage":        (NO,    OK,     OK,      SCOPE,  OK,     BAD, NO,   OK),
    "accounts.v1.AccountsService/TokenAuthorization": (NO,   NO,     OK,      OK,     NO,     BAD, NO,   NO),
    "accounts.v1.AccountsService/RefreshSession":    (NO,    OK,     NO_SESSION, NO_SESSION, OK, BAD, NO, OK),
    "accounts.v1.PublicAccountsService/VerifyEmail": (REFUSED,) * 8,
    "accounts.v1.PublicAccountsService/ResetPassword": (OK,) * 8,
    "accounts.v1.PublicAccountsService/NewPassword": (REFUSED,) * 8,
    "accounts.v1.AccountsService/UpdateAccount":     (NO,    OK,     SCOPE,   SCOPE,  SCOPE,  BAD, NO,   OK),
    "accounts.v1.AccountsService/SendVerificationEmail": (NO, SOON,  SCOPE,   SCOPE,  SCOPE,  BAD, NO,   SOON),
    "accounts.v1.AccountsService/ChangePassword":      (NO,    OK,     SCOPE,   SCOPE,  SCOPE,  BAD, NO,   OK),
    "accounts.v1.AccountsService/ListSessions":        (NO,    OK,     SCOPE,   SCOPE,  SCOPE,  BAD, NO,   OK),
    "accounts.v1.AccountsService/RevokeSession":       (NO,    NONE,   SCOPE,   SCOPE,  SCOPE,  BAD, NO,   NONE),
    "accounts.v1.AccountsService/ListSecurityEvents":  (NO,    OK,     SCOPE,   SCOPE,  SCOPE,  BAD, NO,   OK),
    "accounts.v1.AccountsService/DeleteAccount":       (NO,    OK,     SCOPE,   SCOPE,  SCOPE,  BAD, NO,   OK),
    "tokens.v1.TokensService/CreateToken":           (NO,    OK,     MANAGE,  MANAGE, MANAGE, BAD, NO,   OK),
    "tokens.v1.TokensService/UpdateToken":           (NO,    OK,     MANAGE,  MANAGE, MANAGE, BAD, NO,   OK),
    "tokens.v1.TokensService/ForceTokenExpiration":  (NO,    OK,     MANAGE,  MANAGE, MANAGE, BAD, NO,   OK),
    "tokens.v1.TokensService/RegenerateToken":       (NO,    OK,     MANAGE,  MANAGE, MANAGE, BAD, NO,   OK),
}  # fmt: skip

# What a token gets that reads and holds tokens:manage beside that, where it is not what `token` gets.
MANAGER: dict[str, Any] = {
    "tokens.v1.TokensService/CreateToken": OK,
    "tokens.v1.TokensService/UpdateToken": OK,
    "tokens.v1.TokensService/ForceTokenExpiration": OK,
    "tokens.v1.TokensService/RegenerateToken": OK,
}

ON_ITSELF_BY = ("token", "foreign", "made", "manager")
# The same for calls that name the token behind the credential.
ON_ITSELF: dict[str, tuple[Any, ...]] = {
    #                                                token    foreign  made    manager
    "tokens.v1.TokensService/GetToken":              (OK,     OK,      OK,     OK),
    "tokens.v1.TokensService/ForceTokenExpiration":  (OK,     OK,      OK,     OK),
    "tokens.v1.TokensService/RegenerateToken":       (OK,     OK,      MANAGE, OK),
    "tokens.v1.TokensService/UpdateToken":           (MANAGE, MANAGE,  MANAGE, MANAGE),
}  # fmt: skip

Call = Callable[[Browser, tokens.TokenUUID], Awaitable[Any]]


async def drained(stream: AsyncIterator[Any]) -> None:
    async for _each in stream:
        pass


async def watched(browser: Browser, _: tokens.TokenUUID) -> None:
    async with aclosing(aiter(browser.health.watch(health.HealthCheckRequest()))) as told:
        await anext(told)


# A minimal valid call of each method.
CALLS: dict[str, Call] = {
    "accounts.v1.PublicAccountsService/SignUp": lambda by, _: by.sign_up("new@example.test"),
    "accounts.v1.PublicAccountsService/SignIn": lambda by, _: by.sign_in("ada@example.test"),
    "accounts.v1.AccountsService/SignOut": lambda by, _: by.accounts.sign_out(accounts.SignOutRequest()),
    "accounts.v1.AccountsService/GetAccount": lambda by, _: by.accounts.get_account(accounts.GetAccountRequest()),
    "accounts.v1.AccountsService/IsEmailVerified": lambda by, _: by.accounts.is_email_verified(
        accounts.IsEmailVerifiedRequest()
    ),
    "accounts.v1.PublicAccountsService/VerifyEmail": lambda by, _: by.public.verify_email(
        accounts.VerifyEmailRequest(data=accounts.AccountData(email="ada@example.test"), code="00000000")
    ),
    "accounts.v1.PublicAccountsService/ResetPassword": lambda by, _: by.public.reset_password(
        accounts.ResetPasswordRequest(data=accounts.AccountData(email="ada@example.test"))
    ),
    "accounts.v1.PublicAccountsService/NewPassword": lambda by, _: by.public.new_password(
        accounts.NewPasswordRequest(
            data=accounts.AccountData(email="ada@example.test"),
            password=accounts.AccountPassword(password="another horse battery"),
            code="00000000",
        )
    ),
    "accounts.v1.AccountsService/UpdateAccount": lambda by, _: by.accounts.update_account(
        accounts.UpdateAccountRequest(data=accounts.AccountData(name="Ada Lovelace"))
    ),
    "accounts.v1.AccountsService/SendVerificationEmail": lambda by, _: by.accounts.send_verification_email(
        accounts.SendVerificationEmailRequest()
    ),
    "accounts.v1.AccountsService/ChangePassword": lambda by, _: by.accounts.change_password(
        accounts.ChangePasswordRequest(
            current_password=accounts.AccountPassword(password=PASSWORD),
            new_password=accounts.AccountPassword(password="another horse battery"),
        )
    ),
    "accounts.v1.AccountsService/ListSessions": lambda by, _: drained(
        by.accounts.list_sessions(accounts.ListSessionsRequest())
    ),
    "accounts.v1.AccountsService/RevokeSession": lambda by, _: by.accounts.revoke_session(
        accounts.RevokeSessionRequest(session_id="01890a5d-ac96-774b-bcce-b302099a8057")
    ),
    "accounts.v1.AccountsService/ListSecurityEvents": lambda by, _: drained(
        by.accounts.list_security_events(accounts.ListSecurityEventsRequest())
    ),
    "accounts.v1.AccountsService/DeleteAccount": lambda by, _: by.accounts.delete_account(
        accounts.DeleteAccountRequest(password=accounts.AccountPassword(password=PASSWORD))
    ),
    "accounts.v1.AccountsService/TokenAuthorization": lambda by, _: by.accounts.token_authorization(Empty()),
    "accounts.v1.AccountsService/RefreshSession": lambda by, _: by.accounts.refresh_session(Empty()),
    "test.v1.TestNoAuthService/Ping": lambda by, _: by.ping.ping(test.PingRequest()),
    "test.v1.TestAuthService/Pong": lambda by, _: by.pong.pong(test.PongRequest()),
    "tokens.v1.TokensService/CreateToken": lambda by, _: by.tokens.create_token(
        tokens.CreateTokenRequest(token_metadata=tokens.TokenMetadata(name="new"))
    ),
    "tokens.v1.TokensService/UpdateToken": lambda by, token: by.tokens.update_token(
        tokens.UpdateTokenRequest(token_uuid=token, token_metadata=tokens.TokenMetadata(name="renamed"))
    ),
    "tokens.v1.TokensService/ForceTokenExpiration": lambda by, token: by.tokens.force_token_expiration(
        tokens.ForceTokenExpirationRequest(token_uuid=token)
    ),
    "tokens.v1.TokensService/RegenerateToken": lambda by, token: by.tokens.regenerate_token(
        tokens.RegenerateTokenRequest(token_uuid=token)
    ),
    "tokens.v1.TokensService/GetToken": lambda by, token: by.tokens.get_token(tokens.GetTokenRequest(token_uuid=token)),
    "tokens.v1.TokensService/ListTokens": lambda by, _: drained(by.tokens.list_tokens(Empty())),
    "grpc.health.v1.Health/Check": lambda by, _: by.health.check(health.HealthCheckRequest()),
    "grpc.health.v1.Health/List": lambda by, _: by.health.list(health.HealthListRequest()),
    "grpc.health.v1.Health/Watch": watched,
    "tokens.v1.TokensService/ListTokensPage": lambda by, _: by.tokens.list_tokens_page(tokens.ListTokensPageRequest()),
}


@pytest.mark.parametrize("credential", CREDENTIALS)
@pytest.mark.parametrize("rpc", MATRIX)
async def test_who_may_call_what(rpc: str, credential: str, people: "People", gatepost: Gatepost) -> None:
    expected = MATRIX[rpc][CREDENTIALS.index(credential)]
    assert await outcome(CALLS[rpc](people.browser(gatepost, credential), people.other)) == expected


@pytest.mark.parametrize("rpc", MATRIX)
async def test_what_a_manager_may_call(rpc: str, people: "People", gatepost: Gatepost) -> None:
    expected = MANAGER.get(rpc, MATRIX[rpc][CREDENTIALS.index("token")])
    assert await outcome(CALLS[rpc](people.browser(gatepost, "manager"), people.other)) == expected


@pytest.mark.parametrize("credential", ON_ITSELF_BY)
@pytest.mark.parametrize("rpc", ON_ITSELF)
async def test_what_a_token_may_do_with_itself(rpc: str, credential: str, people: "People", gatepost: Gatepost) -> None:
    expected = ON_ITSELF[rpc][ON_ITSELF_BY.index(credential)]
    itself = {"foreign": people.foreign_id, "manager": people.manager_id}.get(credential, people.token_id)
    assert await outcome(CALLS[rpc](people.browser(gatepost, credential), itself)) == expected


METHODS = {
    f"{service.type_name}/{method.name}": method
    for module in (accounts, tokens, test, health)
    for service in module.desc().services
    for method in service.methods
}


@pytest.mark.parametrize("table", [POLICIES, CALLS, MATRIX], ids=["policies", "calls", "matrix"])
def test_tables_have_exactly_the_methods_of_the_descriptors(table: dict[str, Any]) -> None:
    assert set(table) == set(METHODS)


def test_a_stream_only_reads() -> None:
    """Nothing would keep one that writes from being cut short by its client: `RunToEnd` is for unary methods."""
    streams = [name for name, method in METHODS.items() if method.method_kind != "unary"]
    assert streams
    rows = {**POLICIES, **REFLECTION}
    assert [name for name in [*streams, *REFLECTION] if not rows[name].reads] == []


def test_scopes_named_are_ones_that_a_token_can_have() -> None:
    assert {policy.scope for policy in POLICIES.values() if policy.scope} <= READ_SCOPES


def test_a_method_without_a_row_is_not_served(tmp_path: Path) -> None:
    services = probe.extra(**probe.answers())["extra"]
    rows = {f"{probe.NAME}/{name}": Policy(Who.ANYONE) for name in ("Read", "Write", "Stream", "Collect")}
    with pytest.raises(RuntimeError, match=r"missing for \['probe.v1.ProbeService/Chat'\], left over for \[\]"):
        create_app(settings_for(tmp_path, reflection="off"), extra=services, extra_policies=rows)


def test_a_row_without_a_method_is_not_served(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"missing for \[\], left over for \['probe.v1.ProbeService/Gone'\]"):
        create_app(settings_for(tmp_path), extra_policies={f"{probe.NAME}/Gone": Policy(Who.ANYONE)})


async def outcome(call: Awaitable[Any]) -> tuple[Code, str] | None:
    try:
        await call
    except ConnectError as error:
        infos = [detail.value(ErrorInfo) for detail in error.details if detail.type_name == "google.rpc.ErrorInfo"]
        return error.code, "".join(info.reason for info in infos if info)
    return None


@dataclass(frozen=True)
class People:
    """A database with an account, and one credential of each sort."""

    database: Original
    session: str
    token: str
    token_id: tokens.TokenUUID
    foreign: str
    foreign_id: tokens.TokenUUID
    manager: str
    manager_id: tokens.TokenUUID
    made: str
    other: tokens.TokenUUID
    """A token of the same account that nobody presents."""

    def browser(self, gatepost: Gatepost, credential: str) -> Browser:
        authorization = {
            "token": f"Bearer {self.token}",
            "foreign": f"Bearer {self.foreign}",
            "manager": f"Bearer {self.manager}",
            "bad": f"Bearer {self.token[:-1]}",
            "basic": "Basic c3RhZ2luZzpzZWNyZXQ=",
            "both": "Basic c3RhZ2luZzpzZWNyZXQ=",
        }.get(credential)
        browser = gatepost.browser(headers={"authorization": authorization} if authorization else {})
        browser.session = {"session": self.session, "made": self.made, "bad": self.session, "both": self.session}.get(
            credential
        )
        return browser


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory, migrated: Original) -> People:
    folder = tmp_path_factory.mktemp("people")

    async def create(browser: Browser, name: str, *scopes: str) -> tuple[str, tokens.TokenUUID]:
        created = await browser.tokens.create_token(
            tokens.CreateTokenRequest(
                token_metadata=tokens.TokenMetadata(name=name),
                token_permissions=tokens.TokenPermissions(scopes=list(scopes)),
            )
        )
        assert created.token_value is not None
        assert created.token_uuid is not None
        return created.token_value.token, created.token_uuid

    async def make() -> People:
        async with started(folder, migrated) as gatepost:
            ada = await gatepost.session("ada@example.test", password=PASSWORD)
            token, token_id = await create(ada, "token")
            foreign, foreign_id = await create(ada, "foreign", "builds:start")
            manager, manager_id = await create(ada, "manager", *READ_SCOPES, "tokens:manage")
            _, other = await create(ada, "other")
            made = gatepost.bearer(token)
            await made.accounts.token_authorization(Empty())
            assert ada.session is not None
            assert made.session is not None
            return People(
                database=migrated.grown(folder),
                session=ada.session,
                token=token,
                token_id=token_id,
                foreign=foreign,
                foreign_id=foreign_id,
                manager=manager,
                manager_id=manager_id,
                made=made.session,
                other=other,
            )

    return asyncio.run(make())


@pytest.fixture
async def gatepost(tmp_path: Path, people: People) -> Any:
    async with started(tmp_path, people.database) as service:
        yield service
