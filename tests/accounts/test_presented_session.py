"""What SignIn does with the session that comes along: a success ends it, a failure leaves it alone."""

from pathlib import Path

import pytest

from tests.accounts.calls import ADA, WRONG, account, disable, raw, refresh, sign_out, tab, verify_address
from tests.accounts.test_sign_in import BOB, SIGN_IN
from tests.support.databases import Original
from tests.support.service import COOKIE, PASSWORD, Gatepost, started
from tests.tokens.calls import create, exchanged, value_of, works


async def test_the_session_is_always_new_and_the_presented_one_ends(gatepost: Gatepost) -> None:
    """ASVS 7.2.4."""
    ada, elsewhere = await gatepost.session(ADA), await gatepost.session(ADA)
    before = ada.session
    await ada.sign_in(ADA)
    assert ada.session != before
    assert await works(ada)
    assert not await works(tab(gatepost, before))
    assert await works(elsewhere)


async def test_a_presented_session_of_another_account_ends_as_well(gatepost: Gatepost) -> None:
    browser = await gatepost.session(ADA)
    before = browser.session
    await browser.sign_up(BOB)
    await browser.sign_in(BOB)
    assert (await account(browser)).data.email == BOB  # type: ignore[union-attr]
    assert not await works(tab(gatepost, before))


async def test_a_presented_session_of_a_token_ends_as_well(gatepost: Gatepost) -> None:
    ada = await gatepost.session(ADA)
    browser = await exchanged(gatepost, value_of(await create(ada.tokens)))
    before = browser.session
    await browser.sign_in(ADA)
    assert not await works(tab(gatepost, before))


async def test_a_session_presented_by_its_previous_secret_ends(gatepost: Gatepost) -> None:
    """The tab that lost the race signs in anew: it is still the same browser's session."""
    ada = await gatepost.session(ADA)
    late = tab(gatepost, ada.session)
    gatepost.clock.advance(300)
    await refresh(ada)
    await late.sign_in(ADA)
    assert not await works(ada)
    assert await works(late)


@pytest.mark.parametrize("planted", ["", "wrong", "019b796dd6007fa8bc9b6a3eed51e1d8.secret.signature"])
async def test_a_planted_cookie_is_replaced(gatepost: Gatepost, planted: str) -> None:
    await gatepost.browser().sign_up(ADA)
    browser = tab(gatepost, planted)
    await browser.sign_in(ADA)
    assert browser.session != planted
    assert await works(browser)


async def test_a_signed_out_cookie_does_not_come_back(gatepost: Gatepost) -> None:
    ada = await gatepost.session(ADA)
    ended = ada.session
    await sign_out(ada)
    browser = tab(gatepost, ended)
    await browser.sign_in(ADA)
    assert await works(browser)
    assert not await works(tab(gatepost, ended))


async def test_a_bearer_token_is_not_looked_at(gatepost: Gatepost) -> None:
    await gatepost.browser().sign_up(ADA)
    await gatepost.bearer("gp_wrong").sign_in(ADA)


@pytest.mark.parametrize("refusal", ["wrong", "disabled", "unverified", "throttled", "invalid"])
async def test_a_failure_leaves_the_cookie_and_its_session_alone(
    tmp_path: Path, migrated: Original, refusal: str
) -> None:
    async with started(tmp_path, migrated, sign_in_requires_verified_email=True) as gatepost:
        await gatepost.browser().sign_up(ADA)
        await verify_address(gatepost)
        ada = await gatepost.session(ADA)
        await gatepost.browser().sign_up(BOB)
        if refusal == "disabled":
            await disable(gatepost, BOB)
        if refusal == "throttled":
            for _ in range(5):
                await raw(gatepost, SIGN_IN, {"email": BOB, "password": WRONG})
        password = {"wrong": WRONG, "throttled": WRONG, "invalid": ""}.get(refusal, PASSWORD)
        answer = await raw(
            gatepost, SIGN_IN, {"email": BOB, "password": password}, {"cookie": f"{COOKIE}={ada.session}"}
        )
        reasons = {
            "wrong": "WRONG_EMAIL_OR_PASSWORD",
            "disabled": "ACCOUNT_DISABLED",
            "unverified": "EMAIL_NOT_VERIFIED",
            "throttled": "THROTTLED",
            "invalid": "INVALID_FIELD",
        }
        assert (answer.reason, answer["set-cookie"]) == (reasons[refusal], None)
        assert await works(ada)
        assert len(await gatepost.fetch("SELECT 1 FROM sessions")) == 1
