"""RefreshSession: the idle end slides, the secret rotates, and a copy that somebody kept gives itself away.

The intervals are SESSION_MIN_REFRESH (300 s) and the grace of 30 s.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable

import pytest
from connectrpc.code import Code

from gen.test.v1.test_v1_pb import PongRequest
from tests.accounts.calls import ADA, account, mailed, refresh, sign_out, tab, trail
from tests.support.refusals import refused
from tests.support.service import Browser, Gatepost
from tests.tokens.calls import create, exchanged, value_of, works

WEEK = 7 * 86400


@pytest.mark.parametrize("seconds", [0, 1, 299.999])
async def test_within_the_interval_the_same_cookie_comes_with_a_new_max_age(
    gatepost: Gatepost, seconds: float
) -> None:
    ada = await gatepost.session(ADA)
    before = ada.session
    gatepost.clock.advance(seconds)
    assert await refresh(ada) == WEEK
    assert ada.session == before
    assert await trail(gatepost) == ["signed_up", "signed_in"]


async def test_after_the_interval_the_secret_rotates_inside_the_same_session(gatepost: Gatepost) -> None:
    ada = await gatepost.session(ADA)
    before = str(ada.session)
    gatepost.clock.advance(300)
    assert await refresh(ada) == WEEK
    after = str(ada.session)
    assert [a == b for a, b in zip(before.split("."), after.split("."), strict=True)] == [True, False, False]
    assert await works(ada)
    assert await trail(gatepost) == ["signed_up", "signed_in", "session_refreshed"]


async def test_each_rotation_begins_the_interval_anew(gatepost: Gatepost) -> None:
    ada = await gatepost.session(ADA)
    gatepost.clock.advance(300)
    await refresh(ada)
    gatepost.clock.advance(299)
    rotated = ada.session
    await refresh(ada)
    assert ada.session == rotated
    gatepost.clock.advance(1)
    await refresh(ada)
    assert ada.session != rotated


@pytest.mark.parametrize("seconds", [1, 300], ids=["same cookie", "rotated"])
async def test_the_idle_end_slides(gatepost: Gatepost, seconds: int) -> None:
    ada = await gatepost.session(ADA)
    gatepost.clock.advance(seconds)
    await refresh(ada)
    gatepost.clock.advance(WEEK - 0.001)
    assert await works(ada)
    gatepost.clock.advance(0.001)
    assert not await works(ada)


async def test_the_previous_secret_slides_it_too(gatepost: Gatepost) -> None:
    ada = await gatepost.session(ADA)
    late = tab(gatepost, ada.session)
    gatepost.clock.advance(300)
    await refresh(ada)
    gatepost.clock.advance(100)
    await refresh(late)
    gatepost.clock.advance(WEEK - 0.001)
    assert await works(ada)


async def test_within_the_interval_the_previous_secret_gets_no_cookie(gatepost: Gatepost) -> None:
    """Sent to the tab that lost the race, an older cookie would overwrite the newer one of the same browser."""
    ada = await gatepost.session(ADA)
    late = tab(gatepost, ada.session)
    gatepost.clock.advance(300)
    await refresh(ada)
    gatepost.clock.advance(299)
    assert await refresh(late) is None
    assert await works(late)
    assert await works(ada)


@pytest.mark.parametrize("unseen", [300, 86400])
async def test_a_lost_answer_costs_nothing(gatepost: Gatepost, unseen: int) -> None:
    """The previous secret stays good until the new one is seen; later it rotates again."""
    ada = await gatepost.session(ADA)
    before = ada.session
    gatepost.clock.advance(300)
    await refresh(ada)
    ada.session = before
    gatepost.clock.advance(unseen)
    assert await works(ada)
    assert await refresh(ada) == WEEK
    assert ada.session != before
    assert await works(ada)
    assert (await trail(gatepost)).count("session_refreshed") == 2


async def test_the_unseen_secret_is_dropped_when_the_previous_one_rotates_again(gatepost: Gatepost) -> None:
    ada = await gatepost.session(ADA)
    before = ada.session
    gatepost.clock.advance(300)
    await refresh(ada)
    lost, ada.session = ada.session, before
    gatepost.clock.advance(300)
    await refresh(ada)
    assert await works(tab(gatepost, before))
    assert not await works(tab(gatepost, lost))
    assert not await works(ada), "what nobody was known to hold is a theft signal"


async def use(browser: Browser) -> object:
    return await browser.pong.pong(PongRequest())


@pytest.mark.parametrize("seen_by", [use, account])
async def test_the_previous_secret_is_good_for_30_s_after_the_new_one_is_seen(
    gatepost: Gatepost, seen_by: Callable[[Browser], Awaitable[object]]
) -> None:
    ada = await gatepost.session(ADA)
    late = tab(gatepost, ada.session)
    gatepost.clock.advance(300)
    await refresh(ada)
    gatepost.clock.advance(1000)
    await seen_by(ada)
    gatepost.clock.advance(30)
    assert await refresh(late) is None
    assert await works(late)
    gatepost.clock.advance(0.001)
    with refused(Code.UNAUTHENTICATED, "BAD_CREDENTIAL"):
        await refresh(late)
    assert await works(ada), "late is not stolen"
    assert "session_reused" not in await trail(gatepost)


async def test_only_the_first_return_of_the_new_secret_begins_the_grace(gatepost: Gatepost) -> None:
    ada = await gatepost.session(ADA)
    late = tab(gatepost, ada.session)
    gatepost.clock.advance(300)
    await refresh(ada)
    await use(ada)
    gatepost.clock.advance(20)
    await use(ada)
    gatepost.clock.advance(11)
    assert not await works(late)


ANY_CALL: dict[str, Callable[[Browser], Awaitable[object]]] = {
    "RefreshSession": refresh,
    "Pong": use,
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
    assert Counter(await trail(gatepost))["session_reused"] == 1
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


@pytest.mark.parametrize("ended_by", ["time", "sign-out", "nothing that ever was"])
async def test_an_ended_session_is_not_refreshed(gatepost: Gatepost, ended_by: str) -> None:
    ada = await gatepost.session(ADA)
    browser = tab(gatepost, ada.session)
    if ended_by == "time":
        gatepost.clock.advance(days=7)
    elif ended_by == "sign-out":
        await sign_out(ada)
    else:
        browser.session = "no session"
    with refused(Code.UNAUTHENTICATED, "BAD_CREDENTIAL"):
        await refresh(browser)
    assert browser.jar.set_cookies == []


async def test_without_a_credential(gatepost: Gatepost) -> None:
    with refused(Code.UNAUTHENTICATED, "NO_CREDENTIAL"):
        await refresh(gatepost.browser())


async def test_a_token_has_no_session_to_refresh(gatepost: Gatepost) -> None:
    ada = await gatepost.session(ADA)
    holder = gatepost.bearer(value_of(await create(ada.tokens)))
    holder.session = ada.session
    with refused(Code.FAILED_PRECONDITION, "NO_SESSION"):
        await refresh(holder)
    wrong = gatepost.bearer("gp_wrong")
    wrong.session = ada.session
    with refused(Code.UNAUTHENTICATED, "BAD_CREDENTIAL"):
        await refresh(wrong)


async def test_a_session_made_from_a_token_refreshes_within_its_hour(gatepost: Gatepost) -> None:
    ada = await gatepost.session(ADA)
    browser = await exchanged(gatepost, value_of(await create(ada.tokens)))
    before = browser.session
    gatepost.clock.advance(600)
    assert await refresh(browser) == 3000
    assert browser.session != before
    gatepost.clock.advance(2999)
    assert await refresh(browser) == 1
    gatepost.clock.advance(1)
    assert not await works(browser)


async def rotated_twice(gatepost: Gatepost, browser: Browser) -> str | None:
    """Afterwards the browser's first secret is an older one; the value in between is returned."""
    between = None
    for _ in range(2):
        between = browser.session
        gatepost.clock.advance(300)
        await refresh(browser)
    return between
