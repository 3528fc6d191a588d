"""SignIn: an address and a password for a session cookie."""

import asyncio
from pathlib import Path

import bcrypt
import pytest
from connectrpc.code import Code

from gen.test.v1.test_v1_pb import PongRequest
from tests.accounts.calls import (
    ADA,
    WRONG,
    disable,
    mailed,
    password_hash,
    raw,
    trail,
    verify_address,
)
from tests.accounts.conftest import HeldHashing
from tests.support.databases import Original
from tests.support.refusals import refused
from tests.support.service import PASSWORD, Gatepost, started

SIGN_IN = "PublicAccountsService/SignIn"
BOB = "bob@example.test"
NO_ADDRESSES = ("not an address", "not\0an address")
"""The other has what PostgreSQL takes in no text."""


async def test_a_session_opens(gatepost: Gatepost) -> None:
    browser = await gatepost.session("Ada@Example.test")
    await browser.pong.pong(PongRequest())
    assert await trail(gatepost) == ["signed_up", "signed_in"]
    assert await gatepost.fetch("SELECT session_id FROM security_events WHERE kind = 'signed_in'") == (
        await gatepost.fetch("SELECT id FROM sessions")
    )


async def test_an_unknown_address_and_a_wrong_password_are_one_answer(gatepost: Gatepost) -> None:
    await gatepost.browser().sign_up(ADA)
    answers = [await raw(gatepost, SIGN_IN, {"email": email, "password": WRONG}) for email in (ADA, BOB, *NO_ADDRESSES)]
    assert all(answer == answers[0] for answer in answers)
    assert (answers[0].status, answers[0].reason) == (401, "WRONG_EMAIL_OR_PASSWORD")
    assert answers[0]["set-cookie"] is None


@pytest.mark.parametrize("email", [ADA, BOB, *NO_ADDRESSES])
@pytest.mark.parametrize("password", [PASSWORD, WRONG])
async def test_one_hash_is_computed_whatever_the_outcome(
    gatepost: Gatepost, computed: list[str], email: str, password: str
) -> None:
    """ASVS 6.3.8: otherwise time would tell which addresses have an account."""
    await gatepost.browser().sign_up(ADA)
    computed.clear()
    await raw(gatepost, SIGN_IN, {"email": email, "password": password})
    assert computed == ["argon2"]


@pytest.mark.parametrize(
    "typed",
    [f"{PASSWORD} ", f" {PASSWORD}", PASSWORD.upper(), PASSWORD.title(), f"{PASSWORD}\x00", PASSWORD[:-1], "7 chars"],
    ids=repr,
)
async def test_a_password_is_checked_exactly_as_typed(gatepost: Gatepost, typed: str) -> None:
    """ASVS 6.2.8. A short one is wrong like any other, not a field to mend: the minimum may have been lower once."""
    await gatepost.browser().sign_up(ADA)
    browser = gatepost.browser()
    with refused(Code.UNAUTHENTICATED, "WRONG_EMAIL_OR_PASSWORD"):
        await browser.sign_in(ADA, typed)
    assert browser.jar.set_cookies == []


@pytest.mark.parametrize(
    ("email", "password", "field"),
    [("", PASSWORD, "email"), (ADA, "", "password"), ("a" * 321, PASSWORD, "email"), (ADA, "k" * 257, "password")],
)
async def test_only_empty_and_overlong_fields_are_refused(
    gatepost: Gatepost, email: str, password: str, field: str
) -> None:
    with refused(Code.INVALID_ARGUMENT, "INVALID_FIELD", fields=[field]):
        await gatepost.browser().sign_in(email, password)


@pytest.mark.parametrize("typed", ["k" * 73, "k" * 71, "k" * 72 + "\x00", "k" * 256])
async def test_what_bcrypt_would_cut_off_counts(gatepost: Gatepost, typed: str) -> None:
    await gatepost.browser().sign_up(ADA)
    stored = await store_bcrypt(gatepost, "k" * 72)
    with refused(Code.UNAUTHENTICATED, "WRONG_EMAIL_OR_PASSWORD"):
        await gatepost.browser().sign_in(ADA, typed)
    assert await password_hash(gatepost) == stored


async def test_an_outdated_hash_is_upgraded(gatepost: Gatepost) -> None:
    """ASVS 11.2.2."""
    await gatepost.browser().sign_up(ADA)
    await store_bcrypt(gatepost, PASSWORD)
    await gatepost.browser().sign_in(ADA)
    upgraded = await password_hash(gatepost)
    assert upgraded.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    await gatepost.browser().sign_in(ADA)
    assert await password_hash(gatepost) == upgraded


async def test_nobody_is_made_to_change_a_password(gatepost: Gatepost) -> None:
    """ASVS 6.2.10."""
    await gatepost.browser().sign_up(ADA)
    gatepost.clock.advance(days=5 * 365)
    await gatepost.browser().sign_in(ADA)


async def test_a_disabled_account_is_told_only_to_who_knows_the_password(gatepost: Gatepost) -> None:
    await gatepost.browser().sign_up(ADA)
    await disable(gatepost)
    with refused(Code.UNAUTHENTICATED, "WRONG_EMAIL_OR_PASSWORD"):
        await gatepost.browser().sign_in(ADA, WRONG)
    with refused(Code.PERMISSION_DENIED, "ACCOUNT_DISABLED"):
        await gatepost.browser().sign_in(ADA)


async def test_where_a_verified_address_is_wanted_a_right_password_brings_a_new_code(
    tmp_path: Path, migrated: Original
) -> None:
    async with started(tmp_path, migrated, sign_in_requires_verified_email=True) as gatepost:
        browser = gatepost.browser()
        await browser.sign_up(ADA)
        for seconds, password, mails in [(60, WRONG, 1), (0, PASSWORD, 2), (59, PASSWORD, 2), (1, PASSWORD, 3)]:
            gatepost.clock.advance(seconds)
            if password == WRONG:
                with refused(Code.UNAUTHENTICATED, "WRONG_EMAIL_OR_PASSWORD"):
                    await browser.sign_in(ADA, password)
            else:
                with refused(Code.FAILED_PRECONDITION, "EMAIL_NOT_VERIFIED"):
                    await browser.sign_in(ADA, password)
            assert await mailed(gatepost, "verify_email") == mails
        await verify_address(gatepost)
        await browser.sign_in(ADA)


@pytest.mark.parametrize(
    "change", ["password_hash = '$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaA'", "disabled_at = created_at"]
)
async def test_what_changes_while_the_password_is_checked_wins(
    gatepost: Gatepost, hashing: HeldHashing, change: str
) -> None:
    await gatepost.browser().sign_up(ADA)
    hashing.hold()
    signing_in = asyncio.create_task(gatepost.browser().sign_in(ADA))
    await hashing.until_one_begins()
    await gatepost.execute(f"UPDATE accounts SET {change}")  # noqa: S608
    hashing.release()
    with refused(Code.UNAUTHENTICATED, "WRONG_EMAIL_OR_PASSWORD"):
        await signing_in
    assert await gatepost.fetch("SELECT 1 FROM sessions") == []


async def store_bcrypt(gatepost: Gatepost, password: str) -> str:
    stored = bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()
    await gatepost.execute("UPDATE accounts SET password_hash = ?", stored)
    return stored
