"""A secret older than the previous one is a copy that somebody kept: the session ends, and its owner is told."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from connectrpc.code import Code

from gen.test.v1.test_v1_pb import PongRequest
from tests.accounts.calls import ADA, account, mailed, refresh, sign_out, tab, trail
from tests.support.refusals import refused
from tests.support.service import Browser, Gatepost
from tests.tokens.calls import works

ANY_CALL: dict[str, Callable[[Browser], Awaitable[object]]] = {
    "RefreshSession": refresh,
    "Pong": lambda browser: browser.pong.pong(PongRequest()),
    "GetAccount": account,
    "SignOut": sign_out,
    "SignIn": lambda browser: browser.sign_in(ADA),
}


@pytest.mark.parametrize("call", ANY_CALL)
async def test_an_older_secret_ends_the_session_and_the_owner_is_told(gatepost: Gatepost, call: str) -> None:
    ada, other = await gatepost.session(ADA), await gatepost.session(ADA)
    stolen = ada.session
    late = await rotated_twice(gatepost, ada)
    thief = gatepost.browser(ip="203.0.113.66")
    thief.session = stolen
    if call in ("SignOut", "SignIn"):
        await ANY_CALL[call](thief)
    else:
        with refused(Code.UNAUTHENTICATED, "BAD_CREDENTIAL"):
            await ANY_CALL[call](thief)

    for value in (ada.session, late, stolen):
        assert not await works(tab(gatepost, value))
    assert await works(other)
    events = await gatepost.fetch("SELECT ip_address FROM security_events WHERE kind = 'session_reused'")
    assert events == [("203.0.113.66",)]
    [mail] = [each for each in await gatepost.mails() if "session" in each["Subject"]]
    assert mail["To"] == ADA
    assert "203.0.113.66" in mail.get_content()
    assert "password" not in mail["Subject"].lower()


async def test_the_thief_who_refreshes_gives_away_the_owner_and_so_itself(gatepost: Gatepost) -> None:
    """Whoever of the two lags behind, the session ends for both."""
    ada = await gatepost.session(ADA)
    thief = tab(gatepost, ada.session)
    await rotated_twice(gatepost, thief)
    assert not await works(ada)
    assert not await works(thief)


async def test_copies_used_at_once_are_told_of_once(gatepost: Gatepost) -> None:
    ada = await gatepost.session(ADA)
    copies = [tab(gatepost, ada.session) for _ in range(5)]
    await rotated_twice(gatepost, ada)
    assert await asyncio.gather(*(works(each) for each in copies)) == [False] * 5
    assert (await trail(gatepost)).count("session_reused") == 1
    assert await mailed(gatepost, "session_reused") == 1


async def test_a_forged_value_is_no_theft_signal(gatepost: Gatepost) -> None:
    """Or anybody who saw the id, which is no secret, could end the session."""
    ada = await gatepost.session(ADA)
    old = str(ada.session)
    await rotated_twice(gatepost, ada)
    for forged in (old[:-1] + ("A" if old[-1] != "A" else "E"), old.rpartition(".")[0], old + "="):
        with refused(Code.UNAUTHENTICATED, "BAD_CREDENTIAL"):
            await refresh(tab(gatepost, forged))
    assert await works(ada)
    assert await mailed(gatepost, "session_reused") == 0
    assert "session_reused" not in await trail(gatepost)


async def rotated_twice(gatepost: Gatepost, browser: Browser) -> str | None:
    """Afterwards the browser's first secret is an older one; the value in between is returned."""
    between = None
    for _ in range(2):
        between = browser.session
        gatepost.clock.advance(300)
        await refresh(browser)
    return between
