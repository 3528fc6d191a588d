"""RefreshSession: the idle end slides, and the secret rotates inside the session.

The intervals are SESSION_MIN_REFRESH (300 s) and the grace of 30 s.
"""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from connectrpc.code import Code

from gen.test.v1.test_v1_pb import PongRequest
from tests.accounts.calls import ADA, account, refresh, sign_out, tab, trail
from tests.support.databases import Original
from tests.support.refusals import refused
from tests.support.service import Browser, Gatepost, started
from tests.tokens.calls import create, exchanged, value_of, works

WEEK = 7 * 86400


@pytest.mark.parametrize("seconds", [0, 1, 299.999])
async def test_within_the_interval_the_same_cookie_comes_with_a_new_max_age(gatepost: Gatepost, seconds: float) -> None:
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


async def test_the_interval_is_a_setting(tmp_path: Path, migrated: Original) -> None:
    async with started(tmp_path, migrated, session_min_refresh=10) as gatepost:
        ada = await gatepost.session(ADA)
        before = ada.session
        for seconds, same in [(9, True), (1, False)]:
            gatepost.clock.advance(seconds)
            await refresh(ada)
            assert (ada.session == before) is same


async def test_each_rotation_leaves_its_own_previous_secret_good(gatepost: Gatepost) -> None:
    ada = await gatepost.session(ADA)
    for _ in range(2):
        late = tab(gatepost, ada.session)
        gatepost.clock.advance(300)
        await refresh(ada)
        gatepost.clock.advance(31)
        assert await works(late)
        assert await works(ada)


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
