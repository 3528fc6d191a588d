"""Calls that start together, also in two processes on one database file: two applications share nothing but that."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from connectrpc.code import Code

from app.core.verified import LIFE
from tests.accounts.calls import ADA, authorize, mailed, refresh, reset, sign_out, tab, trail
from tests.support.clock import FakeClock
from tests.support.databases import Original
from tests.support.service import Browser, Gatepost, started
from tests.support.together import OK, together
from tests.tokens.calls import create, exchanged, expire, id_of, value_of, works

ROUNDS = 5
TABS = 10
SPELLINGS = [
    "josé@bücher.example",
    "JOSE\u0301@xn--bcher-kva.example",
    " José@BÜCHER.example",
    "jose\u0301@bücher.EXAMPLE",
]

Pair = tuple[Gatepost, Gatepost]


@pytest.mark.parametrize("privacy", ["reveal", "hide"])
async def test_sign_ups_of_one_address_in_several_spellings_make_one_account(
    tmp_path: Path, migrated: Original, privacy: str
) -> None:
    async with (
        started(tmp_path, migrated, sign_up_privacy=privacy) as one,
        started(tmp_path, migrated, sign_up_privacy=privacy) as other,
    ):
        browsers = [each.browser() for each in (one, other) * 8]
        passwords = [f"the {number}. password" for number in range(16)]
        outcomes = await together(
            *(browser.sign_up(SPELLINGS[at % 4], passwords[at]) for at, browser in enumerate(browsers))
        )
        assert outcomes == ({OK: 16} if privacy == "hide" else {OK: 1, Code.ALREADY_EXISTS: 15})
        assert await one.fetch("SELECT address FROM accounts") == [("josé@xn--bcher-kva.example",)]
        assert await trail(one) == ["signed_up"]
        assert await mailed(one, "verify_email") == 1
        signed_in = await together(
            *(browser.sign_in(SPELLINGS[0], password) for browser, password in zip(browsers, passwords, strict=True))
        )
        assert signed_in == {OK: 1, Code.UNAUTHENTICATED: 15}


async def test_sign_ups_of_an_unverified_address_at_once_mail_one_code(pair: Pair) -> None:
    one, other = pair
    await one.browser().sign_up(ADA)
    for mails in range(2, 2 + ROUNDS):
        one.clock.advance(60)
        browsers = [each.browser() for each in (one, other) * 4]
        assert await together(*(browser.sign_up(ADA) for browser in browsers)) == {Code.ALREADY_EXISTS: 8}
        assert await mailed(one, "verify_email") == mails


async def test_codes_for_a_reset_asked_for_at_once_leave_three_that_live(pair: Pair) -> None:
    one, other = pair
    await one.browser().sign_up(ADA)
    for _ in range(ROUNDS):
        browsers = [each.browser() for each in (one, other) * 2]
        assert await together(*(reset(browser) for browser in browsers)) == {OK: 4}
        live = "SELECT count(*) FROM verifications WHERE purpose = 'reset_password' AND tries_left > 0"
        assert await one.fetch(live) == [(3,)]


async def test_ten_tabs_that_refresh_cost_one_rotation_and_all_go_on(pair: Pair) -> None:
    one, other = pair
    ada = await one.session(ADA)
    for rotations in range(1, ROUNDS + 1):
        one.clock.advance(300)
        tabs = [tab(each, ada.session) for _ in range(TABS // 2) for each in (one, other)]
        ages = await asyncio.gather(*(refresh(each) for each in tabs))
        assert Counter(age is not None for age in ages) == {True: 1, False: TABS - 1}
        assert (await trail(one)).count("session_refreshed") == rotations
        assert await asyncio.gather(*(works(each) for each in tabs)) == [True] * TABS
        # One jar for all: what one tab got, the others have for their next call.
        [ada.session] = [each.session for each in tabs if each.session != ada.session]
    assert await works(ada)


async def test_ten_tabs_go_on_although_the_answer_that_rotated_is_lost(pair: Pair) -> None:
    one, other = pair
    ada = await one.session(ADA)
    for _ in range(2):
        one.clock.advance(300)
        tabs = [tab(each, ada.session) for _ in range(TABS // 2) for each in (one, other)]
        await asyncio.gather(*(refresh(each) for each in tabs))
        for each in tabs:
            each.session = ada.session
        assert await asyncio.gather(*(works(each) for each in tabs)) == [True] * TABS
    assert (await trail(one)).count("session_refreshed") == 2
    assert "session_reused" not in await trail(one)


async def test_a_refresh_never_outlives_a_sign_out(pair: Pair) -> None:
    one, other = pair
    for _ in range(ROUNDS):
        ada = await one.session(ADA)
        one.clock.advance(300)
        late = tab(other, ada.session)
        await asyncio.gather(sign_out(ada), refresh(late), return_exceptions=True)
        assert not await works(late)
        assert await one.fetch("SELECT 1 FROM sessions") == []


async def test_after_the_answer_no_ended_session_works(pair: Pair) -> None:
    """At once in the process that answers, in the other one once it has looked."""
    answered = set[Gatepost]()

    async def use(gatepost: Gatepost, browser: Browser) -> None:
        while True:
            late = gatepost in answered
            if not await works(browser):
                return
            assert not late, "an ended session was let in"

    one, other = pair
    for _ in range(ROUNDS):
        answered.clear()
        sessions = [await one.session(ADA) for _ in range(3)]
        users = {
            each: [asyncio.create_task(use(each, tab(each, session.session))) for session in sessions] for each in pair
        }
        await sign_out(sessions[0], everywhere=True)
        answered.add(one)
        await asyncio.gather(*users[one])
        other.clock.advance(LIFE)
        answered.add(other)
        await asyncio.gather(*users[other])


async def test_signing_out_twice_at_once_is_one_event(pair: Pair) -> None:
    one, other = pair
    ada = await one.session(ADA)
    assert await together(*(sign_out(tab(each, ada.session)) for each in (one, other) * 3)) == {OK: 6}
    assert (await trail(one)).count("signed_out") == 1


async def test_the_last_place_goes_to_one_session(tmp_path: Path, migrated: Original) -> None:
    clock = FakeClock()
    async with (
        started(tmp_path, migrated, clock=clock, session_quota=3) as one,
        started(tmp_path, migrated, clock=clock, session_quota=3) as other,
    ):
        first = await one.session(ADA)
        browsers = [each.browser() for each in (one, other) * 4]
        assert await together(*(browser.sign_in(ADA) for browser in browsers)) == {OK: 8}
        assert [await works(browser) for browser in (first, *browsers)].count(True) == 3


async def test_a_token_has_ten_sessions_however_many_ask_at_once(pair: Pair) -> None:
    one, other = pair
    ada = await one.session(ADA)
    value = value_of(await create(ada.tokens))
    holders = [each.bearer(value) for each in (one, other) * 7]
    await asyncio.gather(*(authorize(holder) for holder in holders))
    tabs = [tab(one, holder.session) for holder in holders]
    assert [await works(each) for each in tabs].count(True) == 10


async def test_no_session_outlives_the_token_that_it_is_being_made_from(pair: Pair) -> None:
    one, other = pair
    ada = await one.session(ADA)
    for number in range(ROUNDS):
        created = await create(ada.tokens, f"token {number}")
        await asyncio.gather(
            *(exchanged(each, value_of(created)) for each in (one, other) * 2),
            expire(ada.tokens, id_of(created)),
            return_exceptions=True,
        )
        assert await one.fetch("SELECT 1 FROM sessions WHERE token_id IS NOT NULL") == []


@pytest.fixture
async def pair(tmp_path: Path, migrated: Original) -> AsyncIterator[Pair]:
    clock = FakeClock()
    async with started(tmp_path, migrated, clock=clock) as one, started(tmp_path, migrated, clock=clock) as other:
        yield one, other
