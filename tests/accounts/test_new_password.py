"""NewPassword: whoever reads the mail of the address gets the account, and everybody else is out."""

import asyncio
from pathlib import Path

import pytest
from connectrpc.code import Code
from connectrpc.errors import ConnectError
from protobuf.wkt import Timestamp

from gen.accounts.v1.accounts_v1_pb import AccountData, AccountPassword, NewPasswordRequest
from tests.accounts.calls import (
    ADA,
    ANOTHER,
    RESET,
    VERIFY_NEW,
    account,
    codes_to,
    is_verified,
    new_password,
    password_hash,
    reset,
    tab,
    trail,
    update_account,
    verify,
    verify_address,
)
from tests.accounts.conftest import HeldHashing
from tests.support.clock import FakeClock
from tests.support.databases import Original
from tests.support.refusals import refused
from tests.support.service import PASSWORD, Browser, Gatepost, started
from tests.support.slow_call import slow
from tests.support.together import OK, together
from tests.tokens.calls import create, exchanged, expire, id_of, listed, metadata_of, value_of, works

EVIL = "mallory@example.test"


async def test_the_new_password_is_in_force_and_the_old_one_is_not(gatepost: Gatepost) -> None:
    await gatepost.browser().sign_up(ADA)
    await new_password(gatepost.browser(), await reset_code(gatepost))
    with refused(Code.UNAUTHENTICATED, "WRONG_EMAIL_OR_PASSWORD"):
        await gatepost.browser().sign_in(ADA, PASSWORD)
    await gatepost.browser().sign_in(ADA, ANOTHER)
    assert (await password_hash(gatepost)).startswith("$argon2id$v=19$m=19456,t=2,p=1$")


async def test_every_session_ends_and_none_begins(gatepost: Gatepost) -> None:
    """ASVS 7.4.3 and 6.3.6."""
    await gatepost.browser().sign_up(ADA)
    await verify_address(gatepost)
    gatepost.clock.advance(60)
    sessions = [await gatepost.session(ADA) for _ in range(3)]
    holder = await exchanged(gatepost, value_of(await create(sessions[0].tokens)))
    bob = await gatepost.session("bob@example.test")
    await new_password(sessions[1], await reset_code(gatepost))
    assert [await works(each) for each in (*sessions, holder)] == [False] * 4
    assert await works(bob)
    assert sessions[1].jar.set_cookies == []


async def test_the_owner_is_told(gatepost: Gatepost) -> None:
    """ASVS 6.3.7; and it is in the audit trail."""
    await gatepost.browser().sign_up(ADA)
    await new_password(gatepost.browser(ip="192.0.2.7", headers={"user-agent": "mine"}), await reset_code(gatepost))
    [notice] = await notices(gatepost)
    assert "192.0.2.7" in notice
    assert await trail(gatepost) == ["signed_up", "email_verified", "password_reset"]
    query = "SELECT ip_address, user_agent, session_id, token_id FROM security_events WHERE kind = 'password_reset'"
    assert await gatepost.fetch(query) == [("192.0.2.7", "mine", None, None)]


async def test_the_code_confirms_the_address(gatepost: Gatepost) -> None:
    await gatepost.browser().sign_up(ADA)
    [code] = await codes_to(gatepost)
    await new_password(gatepost.browser(), await reset_code(gatepost))
    assert await is_verified(await gatepost.session(ADA, password=ANOTHER)) is True
    with refused(Code.INVALID_ARGUMENT, "CODE_REFUSED"):
        await verify(gatepost.browser(), code)
    gatepost.clock.advance(60)
    await new_password(gatepost.browser(), await reset_code(gatepost), PASSWORD)
    assert (await trail(gatepost)).count("email_verified") == 1


async def test_tokens_from_before_the_address_was_confirmed_die_and_the_others_are_named(gatepost: Gatepost) -> None:
    ada = await gatepost.session(ADA)
    early = await create(ada.tokens, "early")
    [code] = await codes_to(gatepost)
    gatepost.clock.advance(60)
    await verify(gatepost.browser(), code)
    at_once = await create(ada.tokens, "made at that very moment")
    gatepost.clock.advance(1)
    late, gone = [await create(ada.tokens, name) for name in ("late", "expired by hand")]
    gatepost.clock.advance(1)
    other = await create(ada.tokens, "and another")
    await expire(ada.tokens, id_of(gone))
    await new_password(gatepost.browser(), await reset_code(gatepost))
    reset_at = gatepost.clock.now()

    good = [await works(gatepost.bearer(value_of(each))) for each in (early, at_once, late, other)]
    assert good == [False, False, True, True]
    [notice] = await notices(gatepost)
    assert "late, and another" in notice
    assert "early" not in notice
    assert "expired by hand" not in notice

    ada = await gatepost.session(ADA, password=ANOTHER)
    ends = {metadata_of(each).name: metadata_of(each).expires_at for each in await listed(ada.tokens)}
    assert ends["early"] == ends["made at that very moment"] == Timestamp.from_datetime(reset_at)
    # The digest is gone with it: no clock that is set back makes it good again.
    query = "SELECT name FROM tokens WHERE value_digest IS NULL ORDER BY name"
    assert await gatepost.fetch(query) == [("early",), ("expired by hand",), ("made at that very moment",)]


async def test_without_any_token_left_the_notice_says_so(gatepost: Gatepost) -> None:
    ada = await gatepost.session(ADA)
    await create(ada.tokens, "early")
    await new_password(gatepost.browser(), await reset_code(gatepost))
    [notice] = await notices(gatepost)
    assert "No token of the account is good any longer." in notice


async def test_nothing_of_somebody_who_signed_up_with_the_owners_address_survives(gatepost: Gatepost) -> None:
    mallory = await gatepost.session(ADA)
    token = value_of(await create(mallory.tokens))
    made = await exchanged(gatepost, token)
    gatepost.clock.advance(60)
    await mallory.sign_in(ADA)
    await update_account(mallory, email=EVIL)
    [for_evil] = await codes_to(gatepost, EVIL, VERIFY_NEW)
    reused = await reset_code(gatepost)  # whoever else asks for one, only the mailbox has it
    late = await slow(gatepost, mallory, "tokens.v1.TokensService/CreateToken")

    await new_password(gatepost.browser(), await reset_code(gatepost))

    assert (await late.finish({"tokenMetadata": {"name": "late"}})).reason == "BAD_CREDENTIAL"
    assert [await works(each) for each in (mallory, made, gatepost.bearer(token))] == [False] * 3
    with refused(Code.UNAUTHENTICATED, "WRONG_EMAIL_OR_PASSWORD"):
        await gatepost.browser().sign_in(ADA, PASSWORD)
    with refused(Code.INVALID_ARGUMENT, "CODE_REFUSED"):
        await verify(gatepost.browser(), for_evil, EVIL)
    with refused(Code.INVALID_ARGUMENT, "CODE_REFUSED"):
        await new_password(gatepost.browser(), reused, PASSWORD)
    told = await account(await gatepost.session(ADA, password=ANOTHER))
    assert told.data is not None
    assert (told.data.email, told.pending_email, told.email_verified) == (ADA, "", True)


async def test_it_is_there_after_a_restart(tmp_path: Path, migrated: Original) -> None:
    async with started(tmp_path, migrated) as gatepost:
        ada = await gatepost.session(ADA)
        token = value_of(await create(ada.tokens))
        code = await reset_code(gatepost)
        await new_password(gatepost.browser(), code)
    async with started(tmp_path, migrated, clock=gatepost.clock) as restarted:
        assert not await works(tab(restarted, ada.session))
        assert not await works(restarted.bearer(token))
        with refused(Code.INVALID_ARGUMENT, "CODE_REFUSED"):
            await new_password(restarted.browser(), code, PASSWORD)
        await restarted.browser().sign_in(ADA, ANOTHER)


@pytest.mark.parametrize("password", ["", "7 chars", "iloveyou", ADA, "ada", "Gatepost", "k" * 257, "k\u0301" * 129])
async def test_a_refused_password_is_named_and_the_code_stays_good(gatepost: Gatepost, password: str) -> None:
    """ASVS 6.2.4, 6.2.11. It is no try either, else a person at a loss for a password would lose the code."""
    await gatepost.browser().sign_up(ADA)
    code = await reset_code(gatepost)
    before = await gatepost.fetch("SELECT * FROM accounts")
    browser = gatepost.browser()
    for _ in range(6):
        with refused(Code.INVALID_ARGUMENT, "INVALID_FIELD") as told:
            await new_password(browser, code, password)
        assert {field.partition(".")[0] for field in told.fields} == {"password"}
        assert not password or password not in told.sentence
    assert await gatepost.fetch("SELECT * FROM accounts") == before
    await new_password(browser, code)


async def test_the_accounts_name_is_no_password_but_only_who_has_the_code_is_told(gatepost: Gatepost) -> None:
    await update_account(await gatepost.session(ADA), name="Countess of Lovelace")
    code = await reset_code(gatepost)
    for email in (ADA, "nobody@example.test"):
        with refused(Code.INVALID_ARGUMENT, "CODE_REFUSED"):
            await new_password(gatepost.browser(), "1" * 7, "Countess of Lovelace", email)
    with refused(Code.INVALID_ARGUMENT, "INVALID_FIELD", fields=["password"]):
        await new_password(gatepost.browser(), code, "countess of lovelace")
    await new_password(gatepost.browser(), code)


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (NewPasswordRequest(password=AccountPassword(password=ANOTHER), code="11111111"), "data"),
        (NewPasswordRequest(data=AccountData(email=ADA), code="11111111"), "password"),
        (
            NewPasswordRequest(
                data=AccountData(email="ada"), password=AccountPassword(password=ANOTHER), code="11111111"
            ),
            "data.email",
        ),
    ],
    ids=["data", "password", "address"],
)
async def test_a_refused_field_is_named(gatepost: Gatepost, request_: NewPasswordRequest, field: str) -> None:
    with refused(Code.INVALID_ARGUMENT, "INVALID_FIELD", fields=[field]):
        await gatepost.browser().public.new_password(request_)


async def test_there_is_no_way_around_the_mail(gatepost: Gatepost) -> None:
    """ASVS 6.4.3: neither a request for a reset, nor a session, nor a code for the address opens it."""
    ada = await gatepost.session(ADA)
    [for_address] = await codes_to(gatepost)
    await reset(ada)
    for code in ("", "00000000", for_address):
        with refused(Code.INVALID_ARGUMENT, "CODE_REFUSED"):
            await new_password(ada, code)
    await gatepost.browser().sign_in(ADA, PASSWORD)


async def test_failures_in_a_row_are_forgotten(gatepost: Gatepost) -> None:
    await gatepost.browser().sign_up(ADA)
    await gatepost.execute("UPDATE accounts SET failed_attempts = 100")
    await new_password(gatepost.browser(), await reset_code(gatepost))
    assert await gatepost.fetch("SELECT failed_attempts FROM accounts") == [(0,)]


async def test_one_password_is_hashed_and_none_for_a_refused_code(gatepost: Gatepost, computed: list[str]) -> None:
    """Counted before, looked at before: or anybody could have passwords hashed by the thousand."""
    await gatepost.browser().sign_up(ADA)
    code = await reset_code(gatepost)
    computed.clear()
    for email in (ADA, "nobody@example.test"):
        with refused(Code.INVALID_ARGUMENT, "CODE_REFUSED"):
            await new_password(gatepost.browser(), "1" * 7, email=email)
    assert computed == []
    await new_password(gatepost.browser(), code)
    assert computed == ["argon2"]


async def test_where_no_thread_is_free_the_code_stays_good(
    tmp_path: Path, migrated: Original, hashing: HeldHashing
) -> None:
    async with started(tmp_path, migrated, password_threads=1, password_queue=1) as gatepost:
        await gatepost.browser().sign_up(ADA)
        code = await reset_code(gatepost)
        hashing.hold()
        busy = [asyncio.create_task(gatepost.browser().sign_in(ADA))]
        await hashing.until_one_begins()
        busy += [asyncio.create_task(gatepost.browser().sign_in(ADA)) for _ in range(2)]
        [refusal], waiting = await asyncio.wait(busy[1:], return_when=asyncio.FIRST_COMPLETED)
        assert isinstance(refusal.exception(), Exception)
        with refused(Code.RESOURCE_EXHAUSTED, "BUSY"):
            await new_password(gatepost.browser(), code)
        hashing.release()
        assert await together(busy[0], *waiting) == {OK: 2}
        await new_password(gatepost.browser(), code)


@pytest.mark.parametrize("table", ["mail_outbox", "security_events", "tokens"])
async def test_the_change_is_whole_or_absent_and_then_the_code_stays_good(gatepost: Gatepost, table: str) -> None:
    ada = await gatepost.session(ADA)
    code = await reset_code(gatepost)
    await gatepost.execute(f"ALTER TABLE {table} RENAME TO away")
    with refused(Code.UNAVAILABLE, "UNAVAILABLE"):
        await new_password(gatepost.browser(), code)
    await gatepost.execute(f"ALTER TABLE away RENAME TO {table}")
    assert await works(ada)
    await gatepost.browser().sign_in(ADA, PASSWORD)
    await new_password(gatepost.browser(), code)


async def test_of_uses_at_once_in_two_processes_one_sets_its_password(tmp_path: Path, migrated: Original) -> None:
    clock = FakeClock()
    async with started(tmp_path, migrated, clock=clock) as one, started(tmp_path, migrated, clock=clock) as other:
        await one.browser().sign_up(ADA)
        for _ in range(3):
            clock.advance(3600)
            code = await reset_code(one)
            passwords = [f"the {number}. password" for number in range(8)]
            calls = [
                new_password(each.browser(), code, password)
                for each, password in zip((one, other) * 4, passwords, strict=True)
            ]
            assert await together(*calls) == {OK: 1, Code.INVALID_ARGUMENT: 7}
            signed_in = await together(*(one.browser().sign_in(ADA, password) for password in passwords))
            assert signed_in == {OK: 1, Code.UNAUTHENTICATED: 7}


async def test_no_session_that_the_old_password_opens_outlives_it(tmp_path: Path, migrated: Original) -> None:
    clock = FakeClock()
    async with started(tmp_path, migrated, clock=clock) as one, started(tmp_path, migrated, clock=clock) as other:
        old, new = PASSWORD, ANOTHER
        await one.browser().sign_up(ADA)
        for _ in range(8):
            clock.advance(3600)
            code = await reset_code(one)
            browsers = [each.browser() for each in (one, other) * 2]
            calls = [asyncio.create_task(signed_in(browser, old)) for browser in browsers]
            await new_password(other.browser(), code, new)
            await asyncio.gather(*calls)
            assert [await works(each) for each in browsers] == [False] * 4
            old, new = new, old


async def test_what_changes_while_the_password_is_hashed_wins(
    gatepost: Gatepost, monkeypatch: pytest.MonkeyPatch
) -> None:
    await gatepost.browser().sign_up(ADA)
    for change in ("disabled_at = created_at", "address = 'other@example.test'"):
        code = await reset_code(gatepost)
        hashed = gatepost.parts.passwords.hash

        async def hash_meanwhile(password: str, change: str = change) -> str:
            await gatepost.execute(f"UPDATE accounts SET {change}")  # noqa: S608
            return await hashed(password)  # noqa: B023

        monkeypatch.setattr(gatepost.parts.passwords, "hash", hash_meanwhile)
        with refused(Code.INVALID_ARGUMENT, "CODE_REFUSED"):
            await new_password(gatepost.browser(), code)
        monkeypatch.undo()
        await gatepost.execute("UPDATE accounts SET disabled_at = NULL, address = ?", ADA)
        await gatepost.browser().sign_in(ADA, PASSWORD)


async def signed_in(browser: Browser, password: str) -> None:
    try:
        await browser.sign_in(ADA, password)
    except ConnectError:
        assert browser.session is None


async def reset_code(gatepost: Gatepost) -> str:
    """A new one, for Ada."""
    gatepost.clock.advance(1)
    await reset(gatepost.browser())
    return (await codes_to(gatepost, ADA, RESET))[-1]


async def notices(gatepost: Gatepost) -> list[str]:
    """The texts of the mails that say that a new password was set, each on one line."""
    mails = [mail for mail in await gatepost.mails() if mail["Subject"].startswith("A new password was set")]
    assert all(mail["To"] == ADA for mail in mails)
    return [" ".join(mail.get_content().split()) for mail in mails]
