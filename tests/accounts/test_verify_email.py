"""VerifyEmail and SendVerificationEmail for the account's own address. test_codes.py has what holds for all codes."""

from pathlib import Path

import pytest
from connectrpc.code import Code

from gen.accounts.v1.accounts_v1_pb import AccountData, VerifyEmailRequest
from tests.accounts.calls import (
    ADA,
    ANOTHER,
    account,
    codes_to,
    is_verified,
    mailed,
    raw,
    send_code,
    trail,
    update_account,
    verify,
)
from tests.accounts.test_sign_up import SIGN_UP
from tests.support.databases import Original
from tests.support.refusals import refused
from tests.support.service import PASSWORD, Gatepost, started


async def test_the_address_is_confirmed(gatepost: Gatepost) -> None:
    ada = await gatepost.session(ADA)
    [code] = await codes_to(gatepost)
    gatepost.clock.advance(60)
    await verify(gatepost.browser(ip="192.0.2.7", headers={"user-agent": "another browser"}), code)
    assert await is_verified(ada) is True
    assert (await account(ada)).email_verified is True
    assert await trail(gatepost) == ["signed_up", "signed_in", "email_verified"]
    query = "SELECT account_id, ip_address, user_agent FROM security_events WHERE kind = 'email_verified'"
    [(account_id, ip, user_agent)] = await gatepost.fetch(query)
    assert await gatepost.fetch("SELECT id FROM accounts") == [(account_id,)]
    assert (ip, user_agent) == ("192.0.2.7", "another browser")


@pytest.mark.parametrize("email", [" ADA@Example.Test ", "ada@EXAMPLE.test"])
async def test_every_spelling_of_the_address_will_do(gatepost: Gatepost, email: str) -> None:
    ada = await gatepost.session(ADA)
    [code] = await codes_to(gatepost)
    await verify(gatepost.browser(), code, email)
    assert await is_verified(ada) is True


async def test_no_mail_says_so(gatepost: Gatepost) -> None:
    await gatepost.browser().sign_up(ADA)
    [code] = await codes_to(gatepost)
    await verify(gatepost.browser(), code)
    assert await gatepost.fetch("SELECT template FROM mail_outbox") == [("verify_email",)]


async def test_the_other_codes_for_the_address_end(gatepost: Gatepost) -> None:
    ada = await gatepost.session(ADA)
    for _ in range(2):
        gatepost.clock.advance(60)
        await send_code(ada)
    first, second, third = await codes_to(gatepost)
    await verify(gatepost.browser(), second)
    for code in (first, third):
        with refused(Code.INVALID_ARGUMENT, "CODE_REFUSED"):
            await verify(gatepost.browser(), code)
    assert (await trail(gatepost)).count("email_verified") == 1


async def test_nobody_marks_an_address_as_confirmed_without_its_code(gatepost: Gatepost) -> None:
    """ASVS 8.2.3: neither the fields that are for reading, nor the account's own session, nor another's code."""
    ada, bob = await gatepost.session(ADA), await gatepost.session("bob@example.test")
    [code] = await codes_to(gatepost, "bob@example.test")
    for browser in (ada, bob):
        with refused(Code.INVALID_ARGUMENT, "CODE_REFUSED"):
            await verify(browser, code)
    await update_account(ada, name="Ada", email=ADA)
    body = {"data": {"email": ADA, "name": "Ada"}, "emailVerified": True}
    await raw(gatepost, "AccountsService/UpdateAccount", body, {"cookie": f"gatepost_session={ada.session}"})
    assert await is_verified(ada) is False


@pytest.mark.parametrize(
    ("data", "field"),
    [
        (None, "data"),
        (AccountData(), "data.email"),
        (AccountData(email="ada"), "data.email"),
        (AccountData(email=f"{ADA}, bob@example.test"), "data.email"),
        (AccountData(email="a" * 321), "data.email"),
    ],
)
async def test_a_refused_field_is_named(gatepost: Gatepost, data: AccountData | None, field: str) -> None:
    with refused(Code.INVALID_ARGUMENT, "INVALID_FIELD", fields=[field]):
        await gatepost.browser().public.verify_email(VerifyEmailRequest(data=data, code="11111111"))


async def test_the_confirmation_code_and_its_event_are_there_together_or_not_at_all(gatepost: Gatepost) -> None:
    ada = await gatepost.session(ADA)
    [code] = await codes_to(gatepost)
    await gatepost.execute("ALTER TABLE security_events RENAME TO away")
    with refused(Code.UNAVAILABLE, "UNAVAILABLE"):
        await verify(gatepost.browser(), code)
    await gatepost.execute("ALTER TABLE away RENAME TO security_events")
    assert await is_verified(ada) is False
    await verify(gatepost.browser(), code)


async def test_a_new_code_is_mailed_once_a_minute_at_most(gatepost: Gatepost) -> None:
    ada = await gatepost.session(ADA)
    with refused(Code.RESOURCE_EXHAUSTED, "THROTTLED") as told:
        await send_code(ada)
    assert told.retry_after == 60
    gatepost.clock.advance(59.5)
    headers = {"cookie": f"gatepost_session={ada.session}"}
    answer = await raw(gatepost, "AccountsService/SendVerificationEmail", {}, headers)
    assert (answer.status, answer.reason, answer["retry-after"]) == (429, "THROTTLED", "1")
    gatepost.clock.advance(0.5)
    await send_code(ada)
    assert await mailed(gatepost, "verify_email") == 2
    code = (await codes_to(gatepost))[-1]
    await verify(gatepost.browser(), code)


async def test_twenty_codes_a_day(gatepost: Gatepost) -> None:
    ada = await gatepost.session(ADA)
    for _ in range(20):
        gatepost.clock.advance(60)
        await send_code(ada)
        with refused(Code.RESOURCE_EXHAUSTED, "THROTTLED"):
            await send_code(ada)  # what is refused counts for nothing
    gatepost.clock.advance(60)
    with refused(Code.RESOURCE_EXHAUSTED, "THROTTLED") as told:
        await send_code(ada)
    assert told.retry_after == 86400 - 20 * 60
    gatepost.clock.advance(told.retry_after)
    await send_code(ada)


async def test_where_nothing_is_to_be_confirmed_no_code_is_mailed(gatepost: Gatepost) -> None:
    ada = await gatepost.session(ADA)
    [code] = await codes_to(gatepost)
    await verify(gatepost.browser(), code)
    gatepost.clock.advance(60)
    with refused(Code.FAILED_PRECONDITION, "EMAIL_ALREADY_VERIFIED"):
        await send_code(ada)
    assert await mailed(gatepost, "verify_email") == 1


@pytest.mark.parametrize("requires", [False, True], ids=["", "required"])
@pytest.mark.parametrize("privacy", ["auto", "reveal", "hide"])
async def test_sign_up_privacy_and_whether_a_confirmed_address_is_required(
    tmp_path: Path, migrated: Original, privacy: str, requires: bool
) -> None:
    hides = privacy == "hide" or (privacy == "auto" and requires)
    settings = {"sign_up_privacy": privacy, "sign_in_requires_verified_email": requires}
    async with started(tmp_path, migrated, **settings) as gatepost:
        taken, free = {"email": ADA, "password": ANOTHER}, {"email": "bob@example.test", "password": ANOTHER}
        await gatepost.browser().sign_up(ADA)
        unproven = await raw(gatepost, SIGN_UP, taken)
        [code] = await codes_to(gatepost)
        ada = gatepost.browser()
        if requires:
            with refused(Code.FAILED_PRECONDITION, "EMAIL_NOT_VERIFIED"):
                await ada.sign_in(ADA)
        else:
            await ada.sign_in(ADA)
        await verify(gatepost.browser(), code)
        await ada.sign_in(ADA)
        assert await is_verified(ada) is True

        proven, new = await raw(gatepost, SIGN_UP, taken), await raw(gatepost, SIGN_UP, free)
        assert new.status == 200
        assert (unproven == new) is (proven == new) is hides
        if not hides:
            assert unproven == proven
            assert (proven.status, proven.reason) == (409, "EMAIL_TAKEN")
        assert await mailed(gatepost, "sign_up_attempt") == (1 if hides else 0)
        await ada.sign_in(ADA, PASSWORD)


async def test_a_confirmed_address_stays_so_after_a_restart(tmp_path: Path, migrated: Original) -> None:
    async with started(tmp_path, migrated) as gatepost:
        await gatepost.browser().sign_up(ADA)
        [code] = await codes_to(gatepost)
        await verify(gatepost.browser(), code)
    async with started(tmp_path, migrated) as restarted:
        assert await is_verified(await restarted.session(ADA)) is True
        with refused(Code.INVALID_ARGUMENT, "CODE_REFUSED"):
            await verify(restarted.browser(), code)
