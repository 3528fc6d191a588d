"""SignUp with an address that has an account: told, or hidden, and the account untouched."""

from pathlib import Path
from typing import Any

import pytest
from connectrpc.code import Code

from tests.accounts.calls import ADA, ANOTHER, codes, disable, mailed, password_hash, raw, trail, verify_address
from tests.accounts.test_codes import written
from tests.accounts.test_sign_up import SIGN_UP
from tests.support.databases import Original
from tests.support.refusals import refused
from tests.support.service import PASSWORD, Gatepost, started
from tests.support.statements import statements

BOTH = pytest.mark.parametrize("privacy", ["reveal", "hide"])


@pytest.mark.parametrize(
    ("settings", "hides"),
    [
        ({}, False),
        ({"sign_in_requires_verified_email": True}, True),
        ({"sign_up_privacy": "hide"}, True),
        ({"sign_up_privacy": "reveal", "sign_in_requires_verified_email": True}, False),
    ],
    ids=str,
)
async def test_a_setting_says_whether_it_is_told(
    tmp_path: Path, migrated: Original, settings: dict[str, Any], hides: bool
) -> None:
    async with started(tmp_path, migrated, **settings) as gatepost:
        await gatepost.browser().sign_up(ADA)
        if hides:
            await gatepost.browser().sign_up("ADA@example.test", ANOTHER)
        else:
            with refused(Code.ALREADY_EXISTS, "EMAIL_TAKEN"):
                await gatepost.browser().sign_up("ADA@example.test", ANOTHER)


async def test_hidden_it_is_the_same_answer_after_the_same_work(
    tmp_path: Path, migrated: Original, computed: list[str]
) -> None:
    async with started(tmp_path, migrated, sign_up_privacy="hide") as gatepost:
        await gatepost.browser().sign_up(ADA)
        computed.clear()
        answers, costs = [], []
        for email, verified in [("bob@example.test", False), (ADA, False), (ADA, True), (ADA, True)]:
            if verified:
                await verify_address(gatepost)
            # The second (a code went out this minute) and the last (the owner heard of it this hour) mail nothing.
            async with written(gatepost) as wrote:
                with statements(gatepost) as run:
                    answers.append(await raw(gatepost, SIGN_UP, {"email": email, "password": PASSWORD}))
            costs.append((run, wrote))
        assert all(each == answers[0] for each in answers)
        assert (answers[0].status, answers[0].body) == (200, b"{}")
        assert all(each == costs[0] for each in costs)
        assert costs[0][1] == [True]
        assert computed == ["argon2"] * 4
        assert await mailed(gatepost, "sign_up_attempt") == 1
        assert await trail(gatepost) == ["signed_up", "signed_up"]


@BOTH
@pytest.mark.parametrize("verified", [True, False])
async def test_the_password_is_never_touched(tmp_path: Path, migrated: Original, privacy: str, verified: bool) -> None:
    async with started(tmp_path, migrated, sign_up_privacy=privacy) as gatepost:
        await gatepost.browser().sign_up(ADA)
        if verified:
            await verify_address(gatepost)
        before = await gatepost.fetch("SELECT * FROM accounts")
        await sign_up_again(gatepost, privacy)
        assert await gatepost.fetch("SELECT * FROM accounts") == before
        assert await trail(gatepost) == ["signed_up"]
        with refused(Code.UNAUTHENTICATED, "WRONG_EMAIL_OR_PASSWORD"):
            await gatepost.browser().sign_in(ADA, ANOTHER)
        await gatepost.browser().sign_in(ADA)


@BOTH
async def test_an_unverified_owner_gets_a_new_code_once_a_minute(
    tmp_path: Path, migrated: Original, privacy: str
) -> None:
    async with started(tmp_path, migrated, sign_up_privacy=privacy) as gatepost:
        await gatepost.browser(ip="192.0.2.7").sign_up(ADA)
        for seconds, mails in [(0, 1), (59.9, 1), (0.1, 2), (59.9, 2), (0.1, 3)]:
            gatepost.clock.advance(seconds)
            await sign_up_again(gatepost, privacy)
            assert await mailed(gatepost, "verify_email") == mails
        assert await mailed(gatepost, "sign_up_attempt") == 0
        letters = await gatepost.mails()
        assert len({code for letter in letters for code in codes(letter)}) == 3
        # Of the sign-up that set the password: by it the owner knows whose account this is.
        assert all("12:00:00 UTC from 192.0.2.7" in " ".join(letter.get_content().split()) for letter in letters)


async def test_three_codes_live_at_most(tmp_path: Path, migrated: Original) -> None:
    async with started(tmp_path, migrated, sign_up_privacy="hide") as gatepost:
        await gatepost.browser().sign_up(ADA)
        [first] = await gatepost.fetch("SELECT code_digest FROM verifications")
        for _ in range(3):
            gatepost.clock.advance(60)
            await sign_up_again(gatepost, "hide")
        live = await gatepost.fetch("SELECT code_digest FROM verifications WHERE tries_left > 0")
        assert len(live) == 3
        assert first not in live


async def test_hidden_a_verified_owner_is_told_once_an_hour(tmp_path: Path, migrated: Original) -> None:
    async with started(tmp_path, migrated, sign_up_privacy="hide") as gatepost:
        await gatepost.browser().sign_up(ADA)
        await verify_address(gatepost)
        await gatepost.mails()  # what is not delivered would be dropped with its code
        for seconds, mails in [(0, 1), (3599, 1), (1, 2)]:
            gatepost.clock.advance(seconds)
            await gatepost.browser(ip="192.0.2.9").sign_up(ADA, ANOTHER)
            assert await mailed(gatepost, "sign_up_attempt") == mails
        assert await mailed(gatepost, "verify_email") == 1
        letters = [letter for letter in await gatepost.mails() if not codes(letter)]
        assert [letter["To"] for letter in letters] == [ADA, ADA]
        for letter in letters:
            assert "192.0.2.9" in letter.get_content()
            assert "password" not in letter["Subject"].lower()


async def test_revealed_a_verified_owner_is_not_told(gatepost: Gatepost) -> None:
    await gatepost.browser().sign_up(ADA)
    await verify_address(gatepost)
    await sign_up_again(gatepost, "reveal")
    assert await gatepost.fetch("SELECT template FROM mail_outbox") == [("verify_email",)]


@BOTH
@pytest.mark.parametrize("verified", [True, False])
async def test_the_owner_of_a_disabled_account_gets_no_mail(
    tmp_path: Path, migrated: Original, privacy: str, verified: bool
) -> None:
    async with started(tmp_path, migrated, sign_up_privacy=privacy) as gatepost:
        await gatepost.browser().sign_up(ADA)
        await gatepost.mails()  # what is not delivered would be dropped
        await disable(gatepost)
        if verified:
            await verify_address(gatepost)
        gatepost.clock.advance(hours=2)
        before = await password_hash(gatepost)
        await sign_up_again(gatepost, privacy)
        assert await gatepost.fetch("SELECT count(*) FROM mail_outbox") == [(1,)]
        assert await password_hash(gatepost) == before


async def sign_up_again(gatepost: Gatepost, privacy: str) -> None:
    if privacy == "hide":
        await gatepost.browser().sign_up(ADA, ANOTHER)
    else:
        with refused(Code.ALREADY_EXISTS, "EMAIL_TAKEN"):
            await gatepost.browser().sign_up(ADA, ANOTHER)
