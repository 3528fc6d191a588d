"""ChangePassword: the old one out, and everybody with it."""

import asyncio
from itertools import pairwise
from pathlib import Path
from uuid import uuid4

import pytest
from connectrpc.code import Code

from app.accounts.models import VerificationRow
from app.accounts.password_rules import common_passwords
from tests.accounts.calls import (
    ADA,
    NEW,
    WRONG,
    change_password,
    disable,
    end_sessions,
    mailed,
    password_hash,
    raw,
    refresh,
    sign_out,
    tab,
    trail,
)
from tests.accounts.conftest import HeldHashing
from tests.support import tables
from tests.support.clock import FakeClock
from tests.support.databases import Original
from tests.support.refusals import refused
from tests.support.service import COOKIE, PASSWORD, Gatepost, started
from tests.support.slow_call import slow
from tests.support.together import OK, together
from tests.tokens.calls import create, exchanged, value_of, works

CHANGE = "accounts.v1.AccountsService/ChangePassword"


async def test_the_new_password_is_in_force_and_the_old_one_is_not(gatepost: Gatepost) -> None:
    """ASVS 6.2.2."""
    ada = await gatepost.session(ADA)
    await change_password(ada, NEW)
    with refused(Code.UNAUTHENTICATED, "WRONG_EMAIL_OR_PASSWORD"):
        await gatepost.browser().sign_in(ADA)
    await gatepost.browser().sign_in(ADA, NEW)


async def test_all_other_sessions_end_those_of_tokens_too_and_tokens_stay(gatepost: Gatepost) -> None:
    """ASVS 7.4.3."""
    ada, elsewhere = await gatepost.session(ADA), await gatepost.session(ADA)
    bob = await gatepost.session("bob@example.test")
    value = value_of(await create(ada.tokens))
    of_token = await exchanged(gatepost, value)
    await change_password(ada, NEW)
    assert [await works(each) for each in (ada, elsewhere, of_token)] == [True, False, False]
    assert await works(gatepost.bearer(value))
    assert await works(bob)


async def test_the_session_goes_on_with_the_cookie_it_has(gatepost: Gatepost) -> None:
    ada = await gatepost.session(ADA)
    await change_password(ada, NEW)
    assert ada.jar.set_cookies == []
    gatepost.clock.advance(300)
    assert await refresh(ada)


@pytest.mark.parametrize("current", [WRONG, "", PASSWORD.upper(), f"{PASSWORD} ", NEW])
async def test_without_the_password_in_force_nothing_changes(gatepost: Gatepost, current: str) -> None:
    """ASVS 6.2.3."""
    ada, elsewhere = await gatepost.session(ADA), await gatepost.session(ADA)
    stored = await password_hash(gatepost)
    with refused(Code.INVALID_ARGUMENT, "INVALID_FIELD", fields=["current_password"]):
        await change_password(ada, NEW, current)
    assert await password_hash(gatepost) == stored
    assert await works(ada)
    assert await works(elsewhere)
    assert (await trail(gatepost))[-1] == "sign_in_failed"
    assert await mailed(gatepost, "password_changed") == 0


@pytest.mark.parametrize(
    ("message", "field"),
    [
        ({"newPassword": {"password": NEW}}, "current_password"),
        ({"currentPassword": {"password": PASSWORD}}, "new_password"),
        ({"currentPassword": {"password": PASSWORD}, "newPassword": {"password": "k" * 257}}, "new_password.password"),
    ],
)
async def test_fields_that_are_absent_or_too_long(gatepost: Gatepost, message: dict[str, object], field: str) -> None:
    ada = await gatepost.session(ADA)
    answer = await raw(gatepost, "AccountsService/ChangePassword", message, {"cookie": f"{COOKIE}={ada.session}"})
    assert (answer.status, answer.reason) == (400, "INVALID_FIELD")
    assert answer.json["message"].startswith(f"{field}:")


@pytest.mark.parametrize("new", ["", "7 chars", "password1", ADA, f"{ADA}1", "Gatepost1"], ids=repr)
async def test_a_password_that_the_rules_refuse_costs_no_attempt(
    gatepost: Gatepost, computed: list[str], new: str
) -> None:
    ada = await gatepost.session(ADA)
    stored = await password_hash(gatepost)
    computed.clear()
    for _ in range(6):
        with refused(Code.INVALID_ARGUMENT, "INVALID_FIELD", fields=["new_password"]):
            await change_password(ada, new)
    assert computed == []
    assert await password_hash(gatepost) == stored


async def test_no_common_password_is_taken(gatepost: Gatepost) -> None:
    """ASVS 6.2.4: a hundred from all over the list."""
    ada = await gatepost.session(ADA)
    fitting = sorted(each for each in common_passwords() if 8 <= len(each) <= 256)
    assert len(fitting) >= 3000
    for common in fitting[:: len(fitting) // 100]:
        with refused(Code.INVALID_ARGUMENT, "INVALID_FIELD", fields=["new_password"]):
            await change_password(ada, common)


async def test_wrong_ones_are_counted_with_those_of_sign_in(gatepost: Gatepost) -> None:
    """Another path to the password would be another five guesses."""
    ada = await gatepost.session(ADA)
    guesser = gatepost.browser(ip="198.51.100.7")
    guesser.session = ada.session
    for _ in range(3):
        with refused(Code.INVALID_ARGUMENT, "INVALID_FIELD"):
            await change_password(guesser, NEW, WRONG)
    for _ in range(2):
        with refused(Code.UNAUTHENTICATED, "WRONG_EMAIL_OR_PASSWORD"):
            await gatepost.browser(ip="198.51.100.7").sign_in(ADA, WRONG)
    with refused(Code.RESOURCE_EXHAUSTED, "THROTTLED") as told:
        await change_password(guesser, NEW)
    assert told.retry_after == 300
    assert await gatepost.fetch("SELECT failed_attempts FROM accounts") == [(5,)]
    assert (
        await gatepost.fetch(
            "SELECT session_id IS NOT NULL FROM security_events WHERE kind = 'sign_in_failed' ORDER BY rowid"
        )
        == [(1,)] * 3 + [(0,)] * 2
    )


async def test_right_ones_are_not_counted_and_set_failures_in_a_row_to_zero(gatepost: Gatepost) -> None:
    ada = await gatepost.session(ADA)
    await gatepost.execute("UPDATE accounts SET failed_attempts = 99")
    passwords = [PASSWORD, *(f"password number {number} of Ada's" for number in range(7))]
    for current, new in pairwise(passwords):
        await change_password(ada, new, current)
    assert await gatepost.fetch("SELECT failed_attempts FROM accounts") == [(0,)]
    assert (await trail(gatepost)).count("password_changed") == 7


async def test_a_disabled_password_is_as_wrong_here(gatepost: Gatepost) -> None:
    ada = await gatepost.session(ADA)
    await gatepost.execute("UPDATE accounts SET failed_attempts = 100")
    with refused(Code.INVALID_ARGUMENT, "INVALID_FIELD", fields=["current_password"]):
        await change_password(ada, NEW)
    assert await works(ada)


async def test_the_owner_is_told_and_the_trail_has_it(gatepost: Gatepost) -> None:
    ada = await gatepost.session(ADA, ip="198.51.100.7")
    await change_password(ada, NEW)
    [mail] = [each for each in await gatepost.mails() if "password" in each["Subject"]]
    assert mail["To"] == ADA
    assert "198.51.100.7" in mail.get_content()
    assert await gatepost.fetch("SELECT kind, session_id FROM security_events ORDER BY rowid DESC LIMIT 1") == [
        ("password_changed", *row) for row in await gatepost.fetch("SELECT id FROM sessions")
    ]


async def test_codes_for_a_reset_die_and_others_stay(gatepost: Gatepost) -> None:
    ada = await gatepost.session(ADA)
    code = await tables.first(gatepost, VerificationRow)
    await tables.add(gatepost, VerificationRow, [{**code, "id": uuid4(), "purpose": "reset_password"}])
    await change_password(ada, NEW)
    assert await gatepost.fetch("SELECT purpose FROM verifications WHERE tries_left > 0") == [("verify_email",)]


async def test_of_two_at_once_one_wins_and_the_other_is_told(gatepost: Gatepost, hashing: HeldHashing) -> None:
    ada = await gatepost.session(ADA)
    hashing.hold()
    both = [asyncio.create_task(change_password(ada, new)) for new in (NEW, f"{NEW} two")]
    await hashing.until_one_begins()
    hashing.release()
    assert await together(*both) == {OK: 1, Code.ABORTED: 1}
    assert (await trail(gatepost)).count("password_changed") == 1
    assert await works(ada)


async def test_no_old_session_outlives_it_whatever_meets(tmp_path: Path, migrated: Original) -> None:
    """SignIn with the old password at the same moment, in this process and in another on the same file."""
    clock = FakeClock()
    async with started(tmp_path, migrated, clock=clock) as one, started(tmp_path, migrated, clock=clock) as other:
        ada = await one.session(ADA)
        password = PASSWORD
        for number in range(12):
            new, newcomers = f"password number {number} of Ada's", [each.browser() for each in (one, other) * 2]

            async def change(new: str = new, current: str = password) -> None:
                await change_password(ada, new, current)

            outcomes = await together(change(), *(browser.sign_in(ADA, password) for browser in newcomers))
            assert set(outcomes) <= {OK, Code.UNAUTHENTICATED}
            assert await works(ada)
            assert not any([await works(tab(other, each.session)) for each in newcomers])
            assert await one.fetch("SELECT count(*) FROM sessions") == [(1,)]
            password = new
            clock.advance(minutes=6)


@pytest.mark.parametrize("end", ["session", "all sessions", "account"])
async def test_a_session_that_ended_meanwhile_changes_nothing(gatepost: Gatepost, end: str) -> None:
    """The guard lets it in before the body is read, and its client, a thief say, decides how long that takes."""
    ada, thief = await gatepost.session(ADA), await gatepost.session(ADA)
    stored = await password_hash(gatepost)
    changing = await slow(gatepost, thief, CHANGE)
    if end == "session":
        await sign_out(tab(gatepost, thief.session))
    else:
        await (end_sessions if end == "all sessions" else disable)(gatepost)
    answer = await changing.finish({"currentPassword": {"password": PASSWORD}, "newPassword": {"password": NEW}})
    assert (answer.status, answer.reason) == (401, "BAD_CREDENTIAL")
    assert await password_hash(gatepost) == stored
    assert await works(ada) == (end == "session")
