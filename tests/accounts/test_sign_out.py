"""SignOut: the session behind the cookie ends, or all of the account's."""

import pytest
from connectrpc.code import Code

from tests.accounts.calls import ADA, account, raw, refresh, sign_out, tab, trail
from tests.support.refusals import refused
from tests.support.service import COOKIE, Gatepost
from tests.tokens.calls import create, exchanged, value_of, works

SIGN_OUT = "AccountsService/SignOut"
CLEARED = f"{COOKIE}=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax"


async def test_the_session_ends_and_the_cookie_is_cleared(gatepost: Gatepost) -> None:
    """ASVS 7.4.1: the cookie's value is dead, not only gone."""
    ada, elsewhere = await gatepost.session(ADA), await gatepost.session(ADA)
    value = ada.session
    await sign_out(ada)
    assert ada.jar.set_cookies == [CLEARED]
    assert not await works(tab(gatepost, value))
    assert await works(elsewhere)
    assert (await trail(gatepost))[-1] == "signed_out"


async def test_everywhere_ends_all_sessions_those_of_tokens_too_and_tokens_stay(gatepost: Gatepost) -> None:
    ada, elsewhere = await gatepost.session(ADA), await gatepost.session(ADA)
    bob = await gatepost.session("bob@example.test")
    token = await create(ada.tokens)
    of_token = await exchanged(gatepost, value_of(token))
    values = [each.session for each in (ada, elsewhere, of_token)]
    await sign_out(ada, everywhere=True)
    assert ada.jar.set_cookies == [CLEARED]
    assert not any([await works(tab(gatepost, value)) for value in values])
    assert await works(bob)
    assert await works(gatepost.bearer(value_of(token)))


@pytest.mark.parametrize("everywhere", [False, True])
@pytest.mark.parametrize("dead", ["signed out", "expired", "forged"])
async def test_without_a_live_session_it_succeeds_and_clears_the_cookie_that_came(
    gatepost: Gatepost, dead: str, everywhere: bool
) -> None:
    ada, other = await gatepost.session(ADA), await gatepost.session("bob@example.test")
    browser = tab(gatepost, f"{ada.session}x" if dead == "forged" else ada.session)
    if dead == "signed out":
        await sign_out(ada)
    if dead == "expired":
        gatepost.clock.advance(days=6)
        await refresh(other)
        gatepost.clock.advance(days=1)
    await sign_out(browser, everywhere=everywhere)
    assert browser.jar.set_cookies == [CLEARED]
    assert await works(other)


async def test_where_no_cookie_came_none_is_cleared(gatepost: Gatepost) -> None:
    answer = await raw(gatepost, SIGN_OUT)
    assert (answer.status, answer.body, answer["set-cookie"]) == (200, b"{}", None)


async def test_of_two_cookies_of_the_name_neither_is_taken_and_both_are_cleared(gatepost: Gatepost) -> None:
    ada = await gatepost.session(ADA)
    answer = await raw(gatepost, SIGN_OUT, headers={"cookie": f"{COOKIE}={ada.session}; {COOKIE}=x"})
    assert (answer.status, answer["set-cookie"]) == (200, CLEARED)
    assert await works(ada)


async def test_a_bearer_token_is_not_looked_at(gatepost: Gatepost) -> None:
    ada = await gatepost.session(ADA)
    token = await create(ada.tokens)
    await sign_out(gatepost.bearer(value_of(token)), everywhere=True)
    await sign_out(gatepost.bearer("gp_wrong"))
    assert await works(gatepost.bearer(value_of(token)))
    assert await works(ada)


async def test_a_session_made_from_a_token_ends_only_itself(gatepost: Gatepost) -> None:
    ada = await gatepost.session(ADA)
    token = await create(ada.tokens)
    one, other = [await exchanged(gatepost, value_of(token)) for _ in range(2)]
    value = one.session
    await sign_out(one)
    assert not await works(tab(gatepost, value))
    assert await works(other)
    assert await works(ada)
    assert await works(gatepost.bearer(value_of(token)))


async def test_everywhere_is_not_for_a_session_made_from_a_token(gatepost: Gatepost) -> None:
    ada = await gatepost.session(ADA)
    browser = await exchanged(gatepost, value_of(await create(ada.tokens, scopes=["account:read"])))
    with refused(Code.PERMISSION_DENIED, "TOKEN_CANNOT_MANAGE_TOKENS"):
        await sign_out(browser, everywhere=True)
    assert browser.jar.set_cookies == []
    assert await works(browser)
    assert await works(ada)


async def test_the_previous_secret_signs_out_too(gatepost: Gatepost) -> None:
    ada = await gatepost.session(ADA)
    late = tab(gatepost, ada.session)
    gatepost.clock.advance(300)
    await refresh(ada)
    await sign_out(late)
    assert not await works(ada)


async def test_the_account_signs_in_again(gatepost: Gatepost) -> None:
    ada = await gatepost.session(ADA)
    await sign_out(ada, everywhere=True)
    await ada.sign_in(ADA)
    assert (await account(ada)).account_id
