"""The guard: before the body, by the row, one credential at a time. Who may call what is in tests/test_policy.py."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from starlette.types import Message

from app.core.caller import Caller, Client
from app.core.errors import BadCredential, NoCredential
from app.core.metrics import Metrics
from app.limits import Limit, Limits, MemoryLimits, NoLimits, Per
from app.policy import BAD_TOKEN_LINES, POLICIES
from app.rpc.access import Policy, Who
from app.rpc.bad_tokens import BadTokens
from app.rpc.caller import caller_of
from app.rpc.client import Clients
from app.rpc.cookies import SessionCookie
from app.rpc.errors import TranslateErrors
from app.rpc.guard import Guard
from gen.accounts.v1.accounts_v1_pb import GetAccountResponse
from tests.rpc.asgi import call, collecting, http_scope, reply
from tests.rpc.probe import ANSWER, NAME, REQUEST, answers, behind
from tests.rpc.tongues import ALL, CONNECT, STREAMS, WEB, Tongue
from tests.support.clock import FakeClock
from tests.support.service import COOKIE, Gatepost

ACCOUNT, SESSION, TOKEN = UUID(int=1), UUID(int=2), UUID(int=3)
NOW = datetime(2026, 1, 1, tzinfo=UTC)
NOBODY = Client(ip="", user_agent="")


@pytest.mark.parametrize("tongue", ALL, ids=str)
async def test_a_call_is_refused_before_its_body_is_read(tongue: Tongue) -> None:
    async def receive() -> Message:
        raise AssertionError("the body was read")

    sent: list[Message] = []
    headers = [(b"content-type", tongue.content_type.encode()), (tongue.compression.encode(), b"unknown")]
    scope = http_scope(path(tongue), "POST", headers, extensions={"http.response.trailers": {}})
    await guarded(Who.CREDENTIAL)(scope, receive, collecting(sent))
    assert tongue.error(reply(sent)).reason == "NO_CREDENTIAL"


@pytest.mark.parametrize("tongue", ALL, ids=str)
async def test_a_body_that_cannot_be_decoded_says_nothing_to_strangers(tongue: Tongue) -> None:
    answer = await call(guarded(Who.CREDENTIAL), tongue.headers(), path=path(tongue), body=b"\xff\xff")
    assert tongue.error(answer).reason == "NO_CREDENTIAL"


LIMIT = Limit("by_client", events=1, seconds=300, per=Per.CLIENT)


@pytest.mark.parametrize("tongue", ALL, ids=str)
async def test_a_client_that_has_used_up_its_limit_is_refused_before_the_body_is_read(tongue: Tongue) -> None:
    async def receive() -> Message:
        raise AssertionError("the body was read")

    limits, sent = MemoryLimits(FakeClock()), list[Message]()
    await limits.take(LIMIT, "192.0.2.1")
    headers = [(b"content-type", tongue.content_type.encode())]
    scope = http_scope(
        path(tongue), "POST", headers, client=("192.0.2.1", 50000), extensions={"http.response.trailers": {}}
    )
    await limited(limits, LIMIT)(scope, receive, collecting(sent))
    assert tongue.error(reply(sent)).reason == "THROTTLED"


async def test_the_guard_looks_at_limits_by_client_alone_and_counts_nothing() -> None:
    """A call may turn out to be no attempt at all; those that are, the flow counts."""
    limits = MemoryLimits(FakeClock())
    by_address = Limit("by_address", events=1, seconds=300, per=Per.ADDRESS)
    await limits.take(by_address, "")
    await limits.take(LIMIT, "192.0.2.2")
    app = limited(limits, LIMIT, by_address)
    for _ in range(3):
        answer = await call(app, path=f"/{NAME}/Read", body=REQUEST.to_json().encode(), client=("192.0.2.1", 50000))
        assert answer.status == 200
    answer = await call(app, path=f"/{NAME}/Read", body=REQUEST.to_json().encode(), client=("192.0.2.2", 50000))
    assert (answer.status, answer.reason, answer["retry-after"]) == (429, "THROTTLED", "300")


async def test_strangers_are_not_told_of_a_limit() -> None:
    limits = MemoryLimits(FakeClock())
    await limits.take(LIMIT, "192.0.2.1")
    app = limited(limits, LIMIT, who=Who.CREDENTIAL)
    for headers, reason in (({}, "NO_CREDENTIAL"), ({"authorization": "Bearer good"}, "THROTTLED")):
        body = REQUEST.to_json().encode()
        answer = await call(app, headers, path=f"/{NAME}/Read", body=body, client=("192.0.2.1", 50000))
        assert answer.reason == reason


@pytest.mark.parametrize("tongue", [CONNECT[0], WEB[1], STREAMS[0]], ids=str)
async def test_a_method_without_a_row_is_refused_to_everybody(tongue: Tongue) -> None:
    """Although the service does not start with one: a later way to mount services must not open them."""
    app = behind(TranslateErrors(), guard({}), **answers())
    cookie = {"cookie": f"{COOKIE}=good"}
    answer = await call(app, {**tongue.headers(), **cookie}, path=path(tongue), body=tongue.body(b"{}"))
    assert tongue.error(answer).reason == "UNIMPLEMENTED"


BEARER = {
    "Bearer good": "ok",
    "bearer good": "ok",
    "BEARER  good ": "ok",
    "Bearer": "BAD_CREDENTIAL",
    "Bearer ": "BAD_CREDENTIAL",
    "Bearer bad": "BAD_CREDENTIAL",
    "Bearer good good": "BAD_CREDENTIAL",
    "Bearer good, Bearer good": "BAD_CREDENTIAL",
    "Basic Z29vZA==": "NO_CREDENTIAL",
    "Bearergood": "NO_CREDENTIAL",
    "good": "NO_CREDENTIAL",
    "": "NO_CREDENTIAL",
}


@pytest.mark.parametrize("authorization", BEARER)
async def test_how_a_token_is_presented(authorization: str) -> None:
    assert await outcome(Who.CREDENTIAL, {"authorization": authorization}) == BEARER[authorization]


async def test_of_two_lines_the_one_with_a_token_decides() -> None:
    for value, expected in (("Bearer good", "ok"), ("Bearer bad", "BAD_CREDENTIAL")):
        more = [(b"authorization", b"Basic Z29vZA=="), (b"authorization", value.encode())]
        answer = await call(guarded(Who.CREDENTIAL), path=f"/{NAME}/Read", body=REQUEST.to_json().encode(), more=more)
        assert ("ok" if answer.status == 200 else answer.reason) == expected


async def test_a_bad_token_is_never_saved_by_a_good_cookie() -> None:
    both = {"authorization": "Bearer bad", "cookie": f"{COOKIE}=good"}
    for who in (Who.CREDENTIAL, Who.COOKIE, Who.BEARER):
        assert await outcome(who, both) == "BAD_CREDENTIAL"


async def test_no_credential_is_looked_at_where_anyone_may_call() -> None:
    asked: list[str] = []
    app = guarded(Who.ANYONE, asked=asked)
    both = {"authorization": "Bearer bad", "cookie": f"{COOKIE}=bad"}
    answer = await call(app, both, path=f"/{NAME}/Read", body=REQUEST.to_json().encode())
    assert (answer.status, asked) == (200, [])


async def test_two_session_cookies_are_one_too_many() -> None:
    assert await outcome(Who.CREDENTIAL, {"cookie": f"{COOKIE}=good; {COOKIE}=good"}) == "BAD_CREDENTIAL"


MADE = {"good": "ok", "made": "ok", "orphan": "BAD_CREDENTIAL"}


@pytest.mark.parametrize("value", MADE)
async def test_a_session_made_from_a_token_ends_with_it(value: str) -> None:
    assert await outcome(Who.CREDENTIAL, {"cookie": f"{COOKIE}={value}"}) == MADE[value]


async def test_a_session_made_from_a_token_can_do_what_the_token_can_now() -> None:
    seen = await caller_seen({"cookie": f"{COOKIE}=made"})
    assert seen == Caller(
        ACCOUNT, NOBODY, SESSION, TOKEN, frozenset({"builds:start"}), expires_at=NOW + timedelta(minutes=5)
    )
    assert await outcome(Who.CREDENTIAL, {"cookie": f"{COOKIE}=made"}, scope="builds:start") == "ok"
    assert await outcome(Who.CREDENTIAL, {"cookie": f"{COOKIE}=made"}, scope="tokens:read") == "SCOPE_MISSING"


async def test_the_caller_is_forgotten_when_the_call_ends() -> None:
    """`call` runs it in this task, as a server may run all calls of a connection in one."""
    contexts: list[Any] = []

    async def read(request: Any, ctx: Any) -> Any:
        contexts.append(ctx)
        return GetAccountResponse(account_id=str(caller_of(ctx).account_id))

    app = behind(TranslateErrors(), guard(rows(Who.CREDENTIAL)), Read=read)
    await call(app, {"cookie": f"{COOKIE}=good"}, path=f"/{NAME}/Read", body=REQUEST.to_json().encode())
    with pytest.raises(NoCredential):
        caller_of(contexts[0])


STREAMED = (
    "accounts.v1.AccountsService/ListSecurityEvents",
    "accounts.v1.AccountsService/ListSessions",
    "tokens.v1.TokensService/ListTokens",
)


@pytest.mark.parametrize("rpc", [name for name, policy in POLICIES.items() if policy.who is not Who.ANYONE])
async def test_a_handler_reached_around_the_guard_refuses(rpc: str, gatepost: Gatepost) -> None:
    """ASVS 8.3.1: every handler that acts for somebody asks who that is."""
    console: Any = gatepost.app.middleware_stack
    front = console._app
    mounted = front._app._applications[f"/{rpc}"]._app
    alone = type(mounted)(mounted._service, interceptors=[TranslateErrors()])
    tongue = STREAMS[0] if rpc in STREAMED else CONNECT[0]
    answer = await call(alone, tongue.headers(), path=f"/{rpc}", body=tongue.body(b"{}"))
    assert tongue.error(answer).reason == "NO_CREDENTIAL"


async def outcome(who: Who, headers: Mapping[str, str], *, scope: str | None = None) -> str:
    app = guarded(who, scope)
    answer = await call(app, headers, path=f"/{NAME}/Read", body=REQUEST.to_json().encode())
    return "ok" if answer.status == 200 else answer.reason


async def caller_seen(headers: Mapping[str, str]) -> Caller | None:
    seen: list[Caller] = []

    async def read(request: Any, ctx: Any) -> Any:
        seen.append(caller_of(ctx))
        return ANSWER

    app = behind(TranslateErrors(), guard(rows(Who.CREDENTIAL)), Read=read)
    await call(app, headers, path=f"/{NAME}/Read", body=REQUEST.to_json().encode())
    return seen[0] if seen else None


def path(tongue: Tongue) -> str:
    return f"/{NAME}/{'Stream' if tongue.stream else 'Read'}"


def rows(who: Who, scope: str | None = None) -> dict[str, Policy]:
    return {f"{NAME}/{name}": Policy(who, scope) for name in answers()}


def guarded(who: Who, scope: str | None = None, asked: list[str] | None = None) -> Any:
    return behind(TranslateErrors(), guard(rows(who, scope), asked), **answers())


def limited(limits: Limits, *by: Limit, who: Who = Who.ANYONE) -> Any:
    policies = {rpc: replace(policy, limits=by) for rpc, policy in rows(who).items()}
    return behind(TranslateErrors(), guard(policies, limits=limits), **answers())


def guard(policies: Mapping[str, Policy], asked: list[str] | None = None, limits: Limits | None = None) -> Guard:
    """A guard that knows the credentials `good`, `made` (from a token) and `orphan` (from a dead one)."""
    asked = [] if asked is None else asked

    async def session(value: str, _: Client) -> Caller:
        asked.append(value)
        if value not in MADE:
            raise BadCredential
        token_id = {"good": None, "made": TOKEN, "orphan": UUID(int=4)}[value]
        return Caller(ACCOUNT, NOBODY, SESSION, token_id, expires_at=NOW + timedelta(hours=1))

    async def token(value: str, _: Client) -> Caller:
        asked.append(value)
        if value != "good":
            raise BadCredential
        return Caller(ACCOUNT, NOBODY, token_id=TOKEN)

    async def granted(token_id: UUID) -> tuple[frozenset[str], datetime] | None:
        return (frozenset({"builds:start"}), NOW + timedelta(minutes=5)) if token_id == TOKEN else None

    bad_tokens = BadTokens(FakeClock(), BAD_TOKEN_LINES, Metrics())
    return Guard(
        policies, Clients(()), SessionCookie(https=False), session, token, granted, limits or NoLimits(), bad_tokens
    )
