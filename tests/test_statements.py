"""docs/scaling.md, "What the database sees": each RPC's statements and rows, so that nobody adds one unseen."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import astuple
from pathlib import Path
from uuid import UUID

import pytest

from app.policy import POLICIES
from app.rpc.access import Who
from gen.accounts.v1 import accounts_v1_pb as accounts
from tests.accounts.calls import ADA, NEW, RESET, VERIFY, codes_to
from tests.support.documents import rows
from tests.support.service import Browser, Gatepost
from tests.support.statements import asked, statements
from tests.test_policy import CALLS, MATRIX, People, gatepost, outcome, people

__all__ = ["gatepost", "people"]  # pytest finds them here

PAGE = (Path(__file__).parents[1] / "docs/scaling.md").read_text()
SEEN = "| RPC | Point reads | Transactions | Reads | Rows read | Writes | Rows written |"

Prepared = Callable[[], Awaitable[object]]


@pytest.mark.parametrize("rpc", MATRIX)
async def test_what_a_call_asks_the_database(rpc: str, people: People, gatepost: Gatepost) -> None:
    call = await prepared(rpc, people, gatepost)
    with asked(gatepost) as counts:
        assert await outcome(call()) is None
    told = {name: tuple(map(int, cells)) for name, *cells in rows(PAGE, SEEN)}
    assert told[rpc.rpartition("/")[2]] == astuple(counts)


@pytest.mark.only("sqlite")
@pytest.mark.parametrize("rpc", MATRIX)
async def test_a_call_finds_its_rows_among_those_of_its_own(rpc: str, people: People, gatepost: Gatepost) -> None:
    """However many others there are: by a key, or by an index that begins with what is the caller's."""
    call = await prepared(rpc, people, gatepost)
    with statements(gatepost) as run:
        assert await outcome(call()) is None
    for statement in run:
        if statement.split()[0] in ("SELECT", "UPDATE", "DELETE"):
            nulls = [None] * statement.count("?")
            plan = [line for *_, line in await gatepost.fetch(f"EXPLAIN QUERY PLAN {statement}", *nulls)]
            looks = [line for line in plan if line.startswith(("SCAN", "SEARCH"))]
            # A token's are its own only if there is one: that of all interactive sessions is NULL.
            keys = "id|account_id|address" + ("" if "account_id = ?" in statement else "|token_id")
            assert looks
            assert all(re.search(rf"\(({keys})=\?", line) for line in looks), (statement, looks)


async def prepared(rpc: str, people: People, gatepost: Gatepost) -> Prepared:
    """A call that will succeed."""
    who, name = POLICIES[rpc].who, rpc.rpartition("/")[2]
    caller = "token" if who is Who.BEARER else "nothing" if who is Who.ANYONE and name != "SignOut" else "session"
    browser = people.browser(gatepost, caller)
    gatepost.clock.advance(301)  # or a mail would come too soon, and a refresh would change nothing
    if name in SUCCEEDING:
        return await SUCCEEDING[name](gatepost, browser, people.browser(gatepost, "session"))
    return lambda: CALLS[rpc](browser, people.other)


async def verify(gatepost: Gatepost, browser: Browser, ada: Browser) -> Prepared:
    await ada.accounts.send_verification_email(accounts.SendVerificationEmailRequest())
    data, code = accounts.AccountData(email=ADA), (await codes_to(gatepost, ADA, VERIFY))[-1]
    return lambda: browser.public.verify_email(accounts.VerifyEmailRequest(data=data, code=code))


async def set_password(gatepost: Gatepost, browser: Browser, _: Browser) -> Prepared:
    data, password = accounts.AccountData(email=ADA), accounts.AccountPassword(password=NEW)
    await browser.public.reset_password(accounts.ResetPasswordRequest(data=data))
    (code,) = await codes_to(gatepost, ADA, RESET)
    request = accounts.NewPasswordRequest(data=data, password=password, code=code)
    return lambda: browser.public.new_password(request)


async def revoke(gatepost: Gatepost, browser: Browser, _: Browser) -> Prepared:
    await gatepost.session(ADA)
    [(newest,)] = await gatepost.fetch("SELECT id FROM sessions ORDER BY created_at DESC LIMIT 1")
    return lambda: browser.accounts.revoke_session(accounts.RevokeSessionRequest(session_id=str(UUID(newest))))


# Calls that the matrix of who may call what has only as refused ones.
SUCCEEDING: dict[str, Callable[[Gatepost, Browser, Browser], Awaitable[Prepared]]] = {
    "VerifyEmail": verify,
    "NewPassword": set_password,
    "RevokeSession": revoke,
}
