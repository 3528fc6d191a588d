"""Every refused call is one line of the log, with who, where, what and why, and with nothing that the client wrote."""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from app.core import errors
from app.core.errors import LostRace, Refusal
from app.rpc.access import Policy, Who
from app.rpc.errors import TranslateErrors
from app.rpc.interceptors import RunToEnd
from gen.accounts.v1 import accounts_v1_pb as accounts
from tests.rpc.asgi import Inner, Reply, arriving, call, collecting, fronted, http_scope
from tests.rpc.probe import NAME, REQUEST, answers, behind, extra, fails_with
from tests.rpc.tongues import CONNECT, STREAMS, WEB
from tests.support.databases import Original
from tests.support.service import COOKIE, Gatepost, started
from tests.tokens.calls import create, value_of

CANARY = "hunter2-canary"
SIGN_IN = "accounts.v1.PublicAccountsService/SignIn"
PONG = "test.v1.TestAuthService/Pong"
EVIL = {"origin": f"https://{CANARY}.example"}

# What is called and how, and what the log says of it: the RPC, and the reason.
REFUSED: dict[str, tuple[dict[str, Any], str | None, str]] = {
    "cross-site": ({"path": f"/{SIGN_IN}", "headers": EVIL}, SIGN_IN, "ORIGIN_NOT_ALLOWED"),
    "opened as a page": ({"path": f"/{PONG}", "headers": {"sec-fetch-dest": "document"}}, PONG, "ORIGIN_NOT_ALLOWED"),
    "preflight": (
        {"path": f"/{PONG}", "method": "OPTIONS", "headers": {**EVIL, "access-control-request-method": "POST"}},
        PONG,
        "ORIGIN_NOT_ALLOWED",
    ),
    "a form": ({"path": f"/{SIGN_IN}", "headers": {"content-type": "text/plain"}}, SIGN_IN, "UNIMPLEMENTED"),
    "a wrong verb": ({"path": f"/{PONG}", "method": "GET"}, PONG, "UNIMPLEMENTED"),
    "no such path": ({"path": f"/{CANARY}\n\x1b[31m"}, None, "UNIMPLEMENTED"),
    "a broken header": ({"path": f"/{PONG}", "headers": {"connect-timeout-ms": CANARY}}, PONG, "INVALID_FIELD"),
    "declared too large": ({"path": f"/{PONG}", "headers": {"content-length": "99999999"}}, PONG, "TOO_LARGE"),
    "no credential": ({"path": f"/{PONG}"}, PONG, "NO_CREDENTIAL"),
    "a bad token": ({"path": f"/{PONG}", "headers": {"authorization": f"Bearer {CANARY}"}}, PONG, "BAD_CREDENTIAL"),
    "a bad cookie": ({"path": f"/{PONG}", "headers": {"cookie": f"{COOKIE}={CANARY}"}}, PONG, "BAD_CREDENTIAL"),
    "undecodable": ({"path": f"/{SIGN_IN}", "body": b'{"password": "hunter2-canary'}, SIGN_IN, "UNDECODABLE"),
    "a bad field": ({"path": f"/{SIGN_IN}", "body": b'{"password": "hunter2-canary"}'}, SIGN_IN, "INVALID_FIELD"),
    "a wrong password": (
        {"path": f"/{SIGN_IN}", "body": b'{"email": "a@b.test", "password": "hunter2-canary"}'},
        SIGN_IN,
        "WRONG_EMAIL_OR_PASSWORD",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_a_refused_call_is_one_line(case: str, gatepost: Gatepost) -> None:
    """ASVS 16.3.2, 16.3.3."""
    given, rpc, reason = REFUSED[case]
    with capture_logs() as logs:
        reply = await called(gatepost, **given)
    # What is bounded elsewhere, the guard's own line for a bad token, is for those who debug only here.
    (line,) = [each for each in logs if each["event"] != "bad_token"]
    assert line | {"code": ""} == {
        "event": "refused",
        "log_level": "debug" if "bad_token" in [each["event"] for each in logs] else "info",
        "rpc": rpc,
        "client": "192.0.2.1",
        "account": None,
        "code": "",
        "reason": reason,
    }
    if reply.body:
        assert reason in reply.body.decode()
    assert CANARY not in repr(logs)


async def test_the_account_is_named_where_the_credential_or_the_flow_knows_it(gatepost: Gatepost) -> None:
    ada = await gatepost.session("ada@example.test")
    told = await ada.accounts.get_account(accounts.GetAccountRequest())
    value = value_of(await create(ada.tokens, "ci", scopes=["builds:start"]))
    bearer = {"authorization": f"Bearer {value}"}
    wrong = json.dumps({"email": "Ada@example.test", "password": "wrong"}).encode()
    with capture_logs() as logs:
        await called(gatepost, path="/tokens.v1.TokensService/ListTokensPage", headers=bearer)
        await called(gatepost, path="/accounts.v1.AccountsService/RefreshSession", headers=bearer)
        await called(gatepost, path=f"/{SIGN_IN}", body=wrong)
    assert [(line["reason"], line["account"]) for line in logs] == [
        ("SCOPE_MISSING", told.account_id),
        ("NO_SESSION", told.account_id),
        ("WRONG_EMAIL_OR_PASSWORD", told.account_id),
    ]


@pytest.mark.parametrize("path", [f"/{PONG}", f"/{CANARY}"])
async def test_behind_a_proxy_the_line_names_the_client(path: str, tmp_path: Path, migrated: Original) -> None:
    async with started(tmp_path, migrated, trusted_proxies=("192.0.2.1",)) as gatepost:
        with capture_logs() as logs:
            await called(gatepost, path=path, headers={"x-forwarded-for": f"{CANARY}, 203.0.113.9"})
    assert [(line["event"], line["client"]) for line in logs] == [("refused", "203.0.113.9")]


@pytest.mark.parametrize("forged", [CANARY, "203.0.113.9", "1.2.3.4\x1b[31m", "\x00"])
async def test_a_strangers_header_is_not_in_the_line(forged: str, gatepost: Gatepost) -> None:
    with capture_logs() as logs:
        await called(gatepost, path=f"/{PONG}", headers={"x-forwarded-for": forged, "user-agent": forged})
    assert [line.get("client") for line in logs if line["event"] == "refused"] == ["192.0.2.1"]
    assert forged not in str(logs)


async def test_a_flood_is_one_short_line_a_call(gatepost: Gatepost) -> None:
    longest = {"cookie": f"{COOKIE}={'x' * 4000}", "user-agent": "x" * 4000, "x-forwarded-for": "9" * 4000}
    await called(gatepost, path=f"/{PONG}", headers=longest)  # of the ignored header is told once
    with capture_logs() as logs:
        for _ in range(50):
            await called(gatepost, path=f"/{PONG}", headers=longest)
            await called(gatepost, path=f"/{'x' * 4000}", headers=longest)
    assert len(logs) == 100
    assert max(len(json.dumps(line)) for line in logs) < 250


@pytest.mark.parametrize(
    ("refusal", "level"),
    [
        (errors.NoCredential(), "info"),
        (errors.BadCredential(), "info"),
        (errors.Throttled(1), "info"),
        (errors.Unavailable(), "warning"),
    ],
)
@pytest.mark.parametrize("tongue", [CONNECT[0], WEB[1], *STREAMS], ids=str)
async def test_in_every_protocol_and_at_any_time(tongue: Any, refusal: Refusal, level: str) -> None:
    app = behind(TranslateErrors(), **fails_with(refusal, begun=tongue.stream))
    path = f"/{NAME}/{'Stream' if tongue.stream else 'Read'}"
    message = REQUEST.to_json().encode() if tongue.json else REQUEST.to_binary()
    with capture_logs() as logs:
        await call(app, tongue.headers(), path=path, body=tongue.body(message))
    assert [(line["event"], line["log_level"], line["rpc"], line["reason"]) for line in logs] == [
        ("refused", level, path[1:], refusal.reason)
    ]


async def test_operators_see_what_was_not_available() -> None:
    async def read(request: Any, ctx: Any) -> Any:
        try:
            raise ConnectionResetError(CANARY)
        except ConnectionResetError as error:
            raise errors.Unavailable from error

    with capture_logs() as logs:
        await call(behind(TranslateErrors(), Read=read), path=f"/{NAME}/Read", body=REQUEST.to_json().encode())
    assert logs[0]["cause_type"] == "ConnectionResetError"
    assert CANARY not in repr(logs)


async def test_an_unforeseen_failure_says_whose_call_it_was(tmp_path: Path, migrated: Original) -> None:
    """ASVS 16.3.4. One line as well, and it stands for `refused`."""
    async with started(tmp_path, migrated, **extra(who=Who.CREDENTIAL, **fails_with(ValueError(CANARY)))) as gatepost:
        ada = await gatepost.session("ada@example.test")
        account = (await ada.accounts.get_account(accounts.GetAccountRequest())).account_id
        cookie = {"cookie": f"{COOKIE}={ada.session}"}
        with capture_logs() as logs:
            await called(gatepost, path=f"/{NAME}/Read", headers=cookie, body=REQUEST.to_json().encode())
    (line,) = logs
    assert (line["event"], line["log_level"], line["error_type"]) == ("unforeseen", "error", "ValueError")
    assert (line["rpc"], line["client"], line["account"]) == (f"{NAME}/Read", "192.0.2.1", account)
    assert CANARY not in repr(logs)


async def test_a_failure_that_only_the_front_meets_is_logged_too() -> None:
    with capture_logs() as logs:
        await call(fronted(Inner(raises=errors.Busy())))
        await call(fronted(Inner(raises=ValueError(CANARY))))
    assert [(line["event"], line["client"]) for line in logs] == [("refused", "192.0.2.1"), ("unforeseen", "192.0.2.1")]


LEAVING: dict[str, tuple[dict[str, str], bool, list[str]]] = {
    "hangs up": ({}, True, []),
    "has a deadline": ({"connect-timeout-ms": "1"}, False, ["DEADLINE"]),
}


@pytest.mark.parametrize("how", LEAVING)
@pytest.mark.parametrize("error", [LostRace(), ValueError(CANARY), None], ids=repr)
async def test_how_a_write_ends_is_logged_although_its_client_left(how: str, error: Exception | None) -> None:
    """The caller may have guessed a password and hung up before the answer."""
    headers, hangs_up, before = LEAVING[how]
    entered, go, gone = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def write(request: Any, ctx: Any) -> Any:
        entered.set()
        await go.wait()
        if error is not None:
            raise error
        return await answers()["Write"](request, ctx)

    run_to_end = RunToEnd({f"{NAME}/Write": Policy(Who.ANYONE)}, seconds=30)
    app = behind(TranslateErrors(), run_to_end, Write=write)
    with capture_logs() as logs:
        calling = asyncio.ensure_future(leaving(app, headers, gone))
        await entered.wait()
        if hangs_up:
            gone.set()
        await calling
        go.set()
        await run_to_end.settle(5)
        await asyncio.sleep(0)
    ended = {None: [], LostRace: ["refused_unheard"], ValueError: ["unforeseen"]}[type(error) if error else None]
    assert [line.get("reason") for line in logs][: len(before)] == before
    assert [line["event"] for line in logs][len(before) :] == ended
    assert {line["rpc"] for line in logs} <= {f"{NAME}/Write"}
    assert CANARY not in repr(logs)


async def test_an_answer_that_was_awaited_is_told_once() -> None:
    run_to_end = RunToEnd({f"{NAME}/Write": Policy(Who.ANYONE)}, seconds=30)
    app = behind(TranslateErrors(), run_to_end, **fails_with(LostRace()))
    with capture_logs() as logs:
        await call(app, path=f"/{NAME}/Write", body=REQUEST.to_json().encode())
        await asyncio.sleep(0)
    assert [line["event"] for line in logs] == ["refused"]


async def called(gatepost: Gatepost, *, headers: Mapping[str, str] = {}, **given: Any) -> Reply:
    return await call(gatepost.app, headers, **given)


async def leaving(app: Any, headers: dict[str, str], gone: asyncio.Event) -> None:
    named = {"host": "gatepost.test", "content-type": "application/json", **headers}
    raw = [(name.encode(), value.encode()) for name, value in named.items()]
    body = arriving(REQUEST.to_json().encode(), hang_up=gone)
    await app(http_scope(f"/{NAME}/Write", "POST", raw), body, collecting([]))
