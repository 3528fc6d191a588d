"""TokenAuthorization: a Bearer token for a session cookie."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from connectrpc.code import Code

from tests.accounts.calls import ADA, account, authorize, is_verified, refresh, tab, trail
from tests.support.refusals import refused
from tests.support.service import Browser, Gatepost
from tests.tokens.calls import create, events, exchanged, expire, id_of, listed, regenerate, update, value_of, works

HOUR = 3600


async def test_the_cookie_does_what_the_token_can(gatepost: Gatepost) -> None:
    ada = await gatepost.session(ADA)
    created = await create(ada.tokens)
    holder = gatepost.bearer(value_of(created))
    assert await authorize(holder) == HOUR
    told = await account(tab(gatepost, holder.session))
    assert told.token_uuid == id_of(created)
    assert told.account_id == (await account(ada)).account_id


async def test_it_is_in_the_audit_trail(gatepost: Gatepost) -> None:
    ada = await gatepost.session(ADA)
    created = await create(ada.tokens)
    await exchanged(gatepost, value_of(created))
    assert await events(gatepost, id_of(created)) == ["token_created", "token_authorized"]
    query = "SELECT session_id FROM security_events WHERE kind = 'token_authorized'"
    assert await gatepost.fetch(query) == await gatepost.fetch("SELECT id FROM sessions WHERE token_id IS NOT NULL")
    assert (await trail(gatepost)).count("signed_in") == 1


async def test_without_a_bearer_token_a_cookie_does_not_help(gatepost: Gatepost) -> None:
    ada = await gatepost.session(ADA)
    for browser in (ada, gatepost.browser(), gatepost.browser(headers={"authorization": "Basic YTpi"})):
        with refused(Code.UNAUTHENTICATED, "NO_CREDENTIAL"):
            await authorize(browser)


@pytest.mark.parametrize("dead", ["wrong", "expired", "ended", "regenerated"])
async def test_a_token_that_is_good_no_more(gatepost: Gatepost, dead: str) -> None:
    ada = await gatepost.session(ADA)
    created = await create(ada.tokens, expires_at=gatepost.clock.now() + timedelta(hours=1))
    value = value_of(created)
    if dead == "wrong":
        value = value[:-1] + ("0" if value[-1] != "0" else "1")
    elif dead == "expired":
        await expire(ada.tokens, id_of(created))
    elif dead == "ended":
        gatepost.clock.advance(hours=1)
    else:
        await regenerate(ada.tokens, id_of(created))
    holder = gatepost.bearer(value)
    holder.session = ada.session
    with refused(Code.UNAUTHENTICATED, "BAD_CREDENTIAL"):
        await authorize(holder)
    assert holder.jar.set_cookies == []


async def test_it_ends_after_an_hour_even_if_it_is_used_and_refreshed(gatepost: Gatepost) -> None:
    ada = await gatepost.session(ADA)
    browser = await exchanged(gatepost, value_of(await create(ada.tokens)))
    gatepost.clock.advance(HOUR - 1)
    await refresh(browser)
    assert await works(browser)
    gatepost.clock.advance(1)
    assert not await works(browser)


async def test_it_ends_with_the_token_if_that_is_earlier(gatepost: Gatepost) -> None:
    ada = await gatepost.session(ADA)
    value = value_of(await create(ada.tokens, expires_at=gatepost.clock.now() + timedelta(minutes=10)))
    holder = gatepost.bearer(value)
    assert await authorize(holder) == 600
    gatepost.clock.advance(100)
    assert await authorize(holder) == 500
    browser = tab(gatepost, holder.session)
    gatepost.clock.advance(499)
    assert await works(browser)
    gatepost.clock.advance(1)
    assert not await works(browser)


async def test_an_earlier_end_of_the_token_acts_at_once(gatepost: Gatepost) -> None:
    ada = await gatepost.session(ADA)
    created = await create(ada.tokens)
    browser = await exchanged(gatepost, value_of(created))
    await update(ada.tokens, id_of(created), expires_at=gatepost.clock.now() + timedelta(seconds=10))
    assert await works(browser)
    gatepost.clock.advance(10)
    assert not await works(browser)


async def test_a_later_end_of_the_token_acts_at_once_within_the_hour(gatepost: Gatepost) -> None:
    ada = await gatepost.session(ADA)
    created = await create(ada.tokens, expires_at=gatepost.clock.now() + timedelta(minutes=10))
    browser = await exchanged(gatepost, value_of(created))
    await update(ada.tokens, id_of(created), expires_at=gatepost.clock.now() + timedelta(days=1))
    gatepost.clock.advance(HOUR - 1)
    assert await works(browser)
    gatepost.clock.advance(1)
    assert not await works(browser)


async def test_scopes_are_the_tokens_at_each_call(gatepost: Gatepost) -> None:
    ada = await gatepost.session(ADA)
    created = await create(ada.tokens)
    browser = await exchanged(gatepost, value_of(created))
    await listed(browser.tokens)
    await is_verified(browser)
    await update(ada.tokens, id_of(created), scopes=["tokens:read"])
    await listed(browser.tokens)
    with refused(Code.PERMISSION_DENIED, "SCOPE_MISSING"):
        await is_verified(browser)
    await update(ada.tokens, id_of(created), scopes=["account:read"])
    with refused(Code.PERMISSION_DENIED, "SCOPE_MISSING"):
        await listed(browser.tokens)
    await is_verified(browser)


async def test_it_may_not_do_what_takes_an_interactive_session(gatepost: Gatepost) -> None:
    ada = await gatepost.session(ADA)
    created = await create(ada.tokens)
    browser = await exchanged(gatepost, value_of(created))
    for attempt in (create(browser.tokens, "another"), update(browser.tokens, id_of(created), name="another")):
        with refused(Code.PERMISSION_DENIED, "TOKEN_CANNOT_MANAGE_TOKENS"):
            await attempt


async def test_the_live_session_of_the_same_token_is_given_back(gatepost: Gatepost) -> None:
    ada = await gatepost.session(ADA)
    holder = gatepost.bearer(value_of(await create(ada.tokens)))
    await authorize(holder)
    first = holder.session
    gatepost.clock.advance(600)
    assert await authorize(holder) == HOUR - 600
    assert holder.session == first
    assert await count_of_tokens(gatepost) == 1
    assert (await trail(gatepost)).count("token_authorized") == 1


async def test_its_previous_secret_is_given_back_as_it_is(gatepost: Gatepost) -> None:
    ada = await gatepost.session(ADA)
    holder = gatepost.bearer(value_of(await create(ada.tokens)))
    await authorize(holder)
    browser = tab(gatepost, holder.session)
    gatepost.clock.advance(300)
    await refresh(browser)
    before = holder.session
    await authorize(holder)
    assert holder.session == before
    assert await count_of_tokens(gatepost) == 1


@pytest.mark.parametrize("presented", ["ended", "older", "forged", "another token's", "another account's"])
async def test_any_other_cookie_is_ignored_and_replaced(gatepost: Gatepost, presented: str) -> None:
    ada = await gatepost.session(ADA)
    holder = gatepost.bearer(value_of(await create(ada.tokens)))
    other = await other_cookie(gatepost, ada, holder, presented)
    lives = await works(tab(gatepost, other)) if presented.startswith("another") else False
    holder.session = other
    await authorize(holder)
    assert holder.session != other
    assert await works(tab(gatepost, holder.session))
    if lives:
        assert await works(tab(gatepost, other))


async def test_an_interactive_session_whose_cookie_is_replaced_lives_on(gatepost: Gatepost) -> None:
    ada = await gatepost.session(ADA)
    holder = gatepost.bearer(value_of(await create(ada.tokens)))
    holder.session = ada.session
    await authorize(holder)
    assert holder.session != ada.session
    assert await works(ada)
    assert (await account(tab(gatepost, ada.session))).token_uuid == ""


async def test_ten_at_most_the_oldest_goes_and_the_interactive_stay(gatepost: Gatepost) -> None:
    ada = await gatepost.session(ADA)
    value = value_of(await create(ada.tokens))
    another = await exchanged(gatepost, value_of(await create(ada.tokens, "another")))
    made = []
    for _ in range(12):
        gatepost.clock.advance(1)
        made.append(await exchanged(gatepost, value))
    assert [await works(each) for each in made] == [False] * 2 + [True] * 10
    assert await works(another)
    assert await works(ada)


@pytest.mark.parametrize("act", [expire, regenerate])
async def test_it_dies_in_the_transaction_in_which_the_value_does(
    gatepost: Gatepost, act: Callable[[Any, str], Awaitable[Any]]
) -> None:
    ada = await gatepost.session(ADA)
    created, another = await create(ada.tokens), await create(ada.tokens, "another")
    dying, living = await exchanged(gatepost, value_of(created)), await exchanged(gatepost, value_of(another))
    await act(ada.tokens, id_of(created))
    assert not await works(dying)
    assert await works(living)
    assert await count_of_tokens(gatepost) == 1


async def test_a_session_of_a_dead_token_does_not_live_again_with_it(gatepost: Gatepost) -> None:
    ada = await gatepost.session(ADA)
    created = await create(ada.tokens, expires_at=gatepost.clock.now() + timedelta(minutes=1))
    browser = await exchanged(gatepost, value_of(created))
    gatepost.clock.advance(minutes=1)
    await update(ada.tokens, id_of(created), expires_at=gatepost.clock.now() + timedelta(days=1))
    await regenerate(ada.tokens, id_of(created))
    assert not await works(browser)


async def other_cookie(gatepost: Gatepost, ada: Browser, holder: Browser, which: str) -> str | None:
    if which == "forged":
        return f"{ada.session}x"
    if which == "another token's":
        return (await exchanged(gatepost, value_of(await create(ada.tokens, "another")))).session
    if which == "another account's":
        return (await gatepost.session("bob@example.test")).session
    await authorize(holder)
    first = holder.session
    if which == "ended":
        gatepost.clock.advance(HOUR)
    else:
        browser = tab(gatepost, first)
        for _ in range(2):
            gatepost.clock.advance(300)
            await refresh(browser)
    return first


async def count_of_tokens(gatepost: Gatepost) -> int:
    """Sessions made from tokens."""
    [(count,)] = await gatepost.fetch("SELECT count(*) FROM sessions WHERE token_id IS NOT NULL")
    return int(count)
