"""Wrong passwords in a row: counted on the account's row, told to the owner, and at 100 the password is disabled."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from connectrpc.code import Code

from tests.accounts.calls import ADA, WRONG, disable, enable, mailed, raw, refresh, trail, verify_address
from tests.accounts.conftest import HeldHashing
from tests.accounts.test_sign_in import SIGN_IN
from tests.support import tables
from tests.support.clock import FakeClock
from tests.support.databases import Original
from tests.support.refusals import refused
from tests.support.service import PASSWORD, Gatepost, started
from tests.support.together import OK, together
from tests.tokens.calls import create, value_of, works


async def test_each_wrong_password_counts_and_a_right_one_sets_zero(gatepost: Gatepost) -> None:
    await gatepost.browser().sign_up(ADA)
    for number in range(1, 4):
        await fail(gatepost)
        assert await failures(gatepost) == number
    await gatepost.browser().sign_in(ADA)
    assert await failures(gatepost) == 0
    assert await trail(gatepost) == ["signed_up", *["sign_in_failed"] * 3, "signed_in"]


async def test_the_trail_tells_who_tried(gatepost: Gatepost) -> None:
    await gatepost.browser().sign_up(ADA)
    browser = gatepost.browser(ip="198.51.100.7", headers={"user-agent": "guesser/1"})
    with refused(Code.UNAUTHENTICATED, "WRONG_EMAIL_OR_PASSWORD"):
        await browser.sign_in(ADA, WRONG)
    assert await gatepost.fetch(
        "SELECT ip_address, user_agent, session_id FROM security_events WHERE kind = 'sign_in_failed'"
    ) == [("198.51.100.7", "guesser/1", None)]


async def test_an_address_without_account_leaves_nothing(gatepost: Gatepost) -> None:
    for email in (ADA, "no address"):
        with refused(Code.UNAUTHENTICATED, "WRONG_EMAIL_OR_PASSWORD"):
            await gatepost.browser().sign_in(email, WRONG)
    assert await trail(gatepost) == []


@pytest.mark.parametrize("email", [ADA, "bob@example.test"], ids=["known", "unknown"])
async def test_a_failure_waits_for_the_disk_whether_the_address_is_known_or_not(gatepost: Gatepost, email: str) -> None:
    """ASVS 6.3.8: that wait is milliseconds, which anybody can measure. It is made where something was changed."""
    await gatepost.browser().sign_up(ADA)
    before = await tables.commits(gatepost)
    with refused(Code.UNAUTHENTICATED, "WRONG_EMAIL_OR_PASSWORD"):
        await gatepost.browser().sign_in(email, WRONG)
    assert await tables.commits(gatepost) > before


async def test_throttled_attempts_are_not_kept(gatepost: Gatepost) -> None:
    await gatepost.browser().sign_up(ADA)
    outcomes = [(await raw(gatepost, SIGN_IN, {"email": ADA, "password": WRONG})).reason for _ in range(7)]
    assert outcomes == ["WRONG_EMAIL_OR_PASSWORD"] * 5 + ["THROTTLED"] * 2
    assert (await trail(gatepost)).count("sign_in_failed") == await failures(gatepost) == 5


async def test_failures_at_once_in_two_processes_are_all_counted(tmp_path: Path, migrated: Original) -> None:
    async with started(tmp_path, migrated) as one, started(tmp_path, migrated) as other:
        await one.browser().sign_up(ADA)
        browsers = [each.browser() for each in (one, other) * 6]
        assert await together(*(each.sign_in(ADA, WRONG) for each in browsers)) == {Code.UNAUTHENTICATED: 12}
        assert (await trail(one)).count("sign_in_failed") == await failures(one) == 12


async def test_a_failure_whose_client_is_gone_is_counted(gatepost: Gatepost) -> None:
    await gatepost.browser().sign_up(ADA)
    answer = await raw(gatepost, SIGN_IN, {"email": ADA, "password": WRONG}, {"connect-timeout-ms": "1"})
    assert answer.reason == "DEADLINE"
    await gatepost.parts.run_to_end.settle(10)
    assert (await trail(gatepost)).count("sign_in_failed") == await failures(gatepost) == 1


@pytest.mark.parametrize("wrong", [4, 5, 6])
async def test_the_owner_is_told_of_a_sign_in_after_five_failures_or_more(gatepost: Gatepost, wrong: int) -> None:
    """ASVS 6.3.5."""
    await gatepost.browser().sign_up(ADA)
    for _ in range(wrong):
        await fail(gatepost)
    for _ in range(2):
        await gatepost.browser(ip="198.51.100.7").sign_in(ADA)
    told = await gatepost.fetch("SELECT recipient, context FROM mail_outbox WHERE template = 'sign_in_after_failures'")
    assert told == ([(ADA, f'{{"ip": "198.51.100.7", "failures": "{wrong}"}}')] if wrong >= 5 else [])


async def test_the_hundredth_disables_the_password_and_tells_the_owner_once(unlimited: Gatepost) -> None:
    ada = await unlimited.session(ADA)
    token = value_of(await create(ada.tokens))
    await failed(unlimited, 98)
    await fail(unlimited)
    assert await mailed(unlimited, "password_disabled") == 0
    await unlimited.browser().sign_in(ADA)
    await failed(unlimited, 99)
    for _ in range(3):
        await fail(unlimited)
    assert await unlimited.fetch("SELECT recipient FROM mail_outbox WHERE template = 'password_disabled'") == [(ADA,)]
    # It keeps the guesser out of SignIn, not the owner out of what goes on.
    assert await works(ada)
    assert await works(unlimited.bearer(token))
    await refresh(ada)


async def test_a_disabled_password_is_refused_like_a_wrong_one_at_the_same_cost(
    unlimited: Gatepost, computed: list[str]
) -> None:
    await unlimited.browser().sign_up(ADA)
    wrong = await raw(unlimited, SIGN_IN, {"email": ADA, "password": WRONG})
    await failed(unlimited, 100)
    before = len(await trail(unlimited))
    computed.clear()
    right = await raw(unlimited, SIGN_IN, {"email": ADA, "password": PASSWORD})
    assert right == wrong
    assert computed == ["argon2"]
    assert (await trail(unlimited))[before:] == ["sign_in_failed"]
    assert await failures(unlimited) == 101


async def test_an_attempt_at_a_disabled_password_stays_counted_by_the_limits(gatepost: Gatepost) -> None:
    await gatepost.browser().sign_up(ADA)
    await failed(gatepost, 100)
    reasons = [(await raw(gatepost, SIGN_IN, {"email": ADA, "password": PASSWORD})).reason for _ in range(6)]
    assert reasons == ["WRONG_EMAIL_OR_PASSWORD"] * 5 + ["THROTTLED"]


async def test_a_password_that_is_disabled_while_it_is_checked_lets_nobody_in(
    gatepost: Gatepost, hashing: HeldHashing
) -> None:
    await gatepost.browser().sign_up(ADA)
    hashing.hold()
    signing_in = asyncio.create_task(gatepost.browser().sign_in(ADA))
    await hashing.until_one_begins()
    await failed(gatepost, 100)
    hashing.release()
    with refused(Code.UNAUTHENTICATED, "WRONG_EMAIL_OR_PASSWORD"):
        await signing_in
    assert await gatepost.fetch("SELECT 1 FROM sessions") == []
    assert await failures(gatepost) == 101


async def test_it_stays_disabled_after_a_restart(tmp_path: Path, migrated: Original) -> None:
    clock = FakeClock()
    async with started(tmp_path, migrated, clock=clock) as gatepost:
        await gatepost.browser().sign_up(ADA)
        await failed(gatepost, 99)
        await fail(gatepost)
    clock.advance(days=400)
    async with started(tmp_path, migrated, clock=clock) as gatepost:
        with refused(Code.UNAUTHENTICATED, "WRONG_EMAIL_OR_PASSWORD"):
            await gatepost.browser().sign_in(ADA)


async def test_a_disabled_account_gets_no_mail_about_its_password(unlimited: Gatepost) -> None:
    await unlimited.browser().sign_up(ADA)
    await disable(unlimited)
    await failed(unlimited, 99)
    await fail(unlimited)
    assert await mailed(unlimited, "password_disabled") == 0


async def test_a_right_password_that_opens_no_session_is_in_the_trail_and_sets_zero(
    tmp_path: Path, migrated: Original
) -> None:
    """ASVS 16.3.1: of an attempt, however it ends, the trail has one line."""
    async with started(tmp_path, migrated, sign_in_requires_verified_email=True) as gatepost:
        await gatepost.browser().sign_up(ADA)
        for code, reason in [
            (Code.FAILED_PRECONDITION, "EMAIL_NOT_VERIFIED"),
            (Code.PERMISSION_DENIED, "ACCOUNT_DISABLED"),
        ]:
            await failed(gatepost, 7)
            with refused(code, reason):
                await gatepost.browser().sign_in(ADA)
            assert await failures(gatepost) == 0
            await disable(gatepost)
        await enable(gatepost)
        await verify_address(gatepost)
        assert await together(gatepost.browser().sign_in(ADA)) == {OK: 1}
        assert await trail(gatepost) == [
            *("signed_up", "sign_in_failed", "account_disabled", "sign_in_failed", "account_enabled", "signed_in"),
        ]


async def fail(gatepost: Gatepost) -> None:
    with refused(Code.UNAUTHENTICATED, "WRONG_EMAIL_OR_PASSWORD"):
        await gatepost.browser().sign_in(ADA, WRONG)


async def failed(gatepost: Gatepost, times: int) -> None:
    """So many attempts in a row have failed."""
    await gatepost.execute("UPDATE accounts SET failed_attempts = ?", times)


async def failures(gatepost: Gatepost) -> int:
    [(count,)] = await gatepost.fetch("SELECT failed_attempts FROM accounts")
    return int(count)


@pytest.fixture
async def unlimited(tmp_path: Path, migrated: Original) -> AsyncIterator[Gatepost]:
    async with started(tmp_path, migrated, limits="off") as service:
        yield service
