"""UpdateAccount: a name at once, an address once its code comes back."""

from pathlib import Path

import pytest
from connectrpc.code import Code

from gen.accounts.v1.accounts_v1_pb import UpdateAccountRequest
from tests.accounts.calls import (
    ADA,
    RESET,
    VERIFY_NEW,
    account,
    codes_to,
    disable,
    is_verified,
    mailed,
    new_password,
    raw,
    reset,
    send_code,
    sign_out,
    trail,
    update_account,
    verify,
    verify_address,
)
from tests.rpc.asgi import Reply
from tests.support.clock import FakeClock
from tests.support.databases import Original
from tests.support.refusals import refused
from tests.support.service import COOKIE, Browser, Gatepost, started
from tests.support.slow_call import slow
from tests.support.together import OK, together
from tests.tokens.calls import create, exchanged, value_of, works

NEW = "ada@new.example.test"
BOB = "bob@example.test"
CAROL = "carol@example.test"


@pytest.mark.parametrize(
    ("typed", "kept"), [("Ada Lovelace", "Ada Lovelace"), ("  Ada\t", "Ada"), ("n" * 64, "n" * 64), ("e\u0301", "é")]
)
async def test_a_name_changes_at_once(gatepost: Gatepost, typed: str, kept: str) -> None:
    ada = await gatepost.session(ADA)
    await update_account(ada, name=typed)
    assert await data(ada) == (kept, ADA, "")


@pytest.mark.parametrize("typed", [" ", "n" * 65, "n" * 129, "a\x00b", "a\u202eb", "a\nb"], ids=ascii)
async def test_a_refused_name_is_named(gatepost: Gatepost, typed: str) -> None:
    ada = await gatepost.session(ADA)
    with refused(Code.INVALID_ARGUMENT, "INVALID_FIELD", fields=["data.name"]):
        await update_account(ada, name=typed)
    assert await data(ada) == ("ada", ADA, "")


@pytest.mark.parametrize("typed", ["ada", "a" * 321, f"{NEW}, {BOB}", f"{NEW}\r\nBcc: {BOB}"], ids=ascii)
async def test_a_refused_address_is_named_and_the_name_beside_it_stays(gatepost: Gatepost, typed: str) -> None:
    ada = await gatepost.session(ADA)
    with refused(Code.INVALID_ARGUMENT, "INVALID_FIELD", fields=["data.email"]):
        await update_account(ada, name="Ada Lovelace", email=typed)
    assert await data(ada) == ("ada", ADA, "")


async def test_empty_fields_stay_as_they_are(gatepost: Gatepost) -> None:
    ada = await settled(gatepost)
    await update_account(ada, name="Ada Lovelace", email=NEW)
    await update_account(ada)
    assert await data(ada) == ("Ada Lovelace", ADA, NEW)
    with refused(Code.INVALID_ARGUMENT, "INVALID_FIELD", fields=["data"]):
        await ada.accounts.update_account(UpdateAccountRequest())


async def test_a_new_address_waits_for_its_code(gatepost: Gatepost) -> None:
    ada = await settled(gatepost, ip="192.0.2.7")
    await update_account(ada, email=f" {NEW.upper()} ")
    assert await data(ada) == ("ada", ADA, NEW)
    [code] = await codes_to(gatepost, NEW, VERIFY_NEW)
    [to_new] = await letters(gatepost, NEW)
    [to_old] = [letter for letter in await letters(gatepost, ADA) if code not in letter and NEW in letter]
    assert "192.0.2.7" in to_new
    assert "192.0.2.7" in to_old
    # Until then all is as it was.
    await gatepost.browser().sign_in(ADA)
    with refused(Code.UNAUTHENTICATED, "WRONG_EMAIL_OR_PASSWORD"):
        await gatepost.browser().sign_in(NEW)


async def test_its_code_puts_it_in_place(gatepost: Gatepost) -> None:
    ada = await settled(gatepost)
    token = gatepost.bearer(value_of(await create(ada.tokens)))
    await update_account(ada, email=NEW)
    [code] = await codes_to(gatepost, NEW, VERIFY_NEW)
    gatepost.clock.advance(60)
    await verify(gatepost.browser(ip="192.0.2.8"), code, NEW)

    assert await data(ada) == ("ada", NEW, "")
    assert await is_verified(ada) is True
    assert await works(token)
    await gatepost.browser().sign_in(NEW)
    with refused(Code.UNAUTHENTICATED, "WRONG_EMAIL_OR_PASSWORD"):
        await gatepost.browser().sign_in(ADA)
    assert (await trail(gatepost))[3:6] == ["token_created", "email_changed", "email_verified"]
    for address in (ADA, NEW):  # ASVS 6.3.7
        [letter] = [each for each in await letters(gatepost, address) if "at Gatepost has changed" in each]
        assert "192.0.2.8" in letter
        assert NEW in letter
    await gatepost.browser().sign_up(ADA)


async def test_an_address_that_was_confirmed_stays_confirmed_since_then(gatepost: Gatepost) -> None:
    ada = await settled(gatepost)
    await verify_address(gatepost)
    before = await gatepost.fetch("SELECT email_verified_at FROM accounts")
    await update_account(ada, email=NEW)
    assert await is_verified(ada) is True
    [code] = await codes_to(gatepost, NEW, VERIFY_NEW)
    await verify(gatepost.browser(), code, NEW)
    assert await gatepost.fetch("SELECT email_verified_at FROM accounts") == before
    assert (await trail(gatepost))[-1] == "email_changed"


@pytest.mark.parametrize(("seconds", "recent"), [(600, True), (601, False)])
async def test_a_new_address_needs_a_recent_sign_in(gatepost: Gatepost, seconds: int, recent: bool) -> None:
    """ASVS 7.5.1: a session that was left open must not be enough."""
    ada = await gatepost.session(ADA)
    gatepost.clock.advance(seconds)
    if recent:
        await update_account(ada, name="Ada Lovelace", email=NEW)
        return
    with refused(Code.PERMISSION_DENIED, "SIGN_IN_NOT_RECENT"):
        await update_account(ada, name="Ada Lovelace", email=NEW)
    assert await data(ada) == ("ada", ADA, "")
    assert await mailed(gatepost, "verify_new_address") == await mailed(gatepost, "address_change_requested") == 0
    await update_account(ada, name="Ada Lovelace", email=ADA)
    await ada.sign_in(ADA)
    await update_account(ada, email=NEW)


@pytest.mark.parametrize("sort", ["bearer", "session of it"])
async def test_no_token_changes_anything(gatepost: Gatepost, sort: str) -> None:
    ada = await settled(gatepost)
    value = value_of(await create(ada.tokens))
    holder = gatepost.bearer(value) if sort == "bearer" else await exchanged(gatepost, value)
    for fields in ({"name": "Mallory"}, {"email": NEW}):
        with refused(Code.PERMISSION_DENIED, "SCOPE_MISSING"):
            await update_account(holder, **fields)
    assert await data(ada) == ("ada", ADA, "")


async def test_a_taken_address_looks_like_a_free_one(gatepost: Gatepost) -> None:
    await gatepost.browser().sign_up(BOB)
    answers = {}
    for account_, wanted in ((ADA, BOB), (CAROL, NEW)):
        person = await settled(gatepost, account_)
        first = await update_raw(gatepost, person, wanted)
        told = await data(person)
        second = await update_raw(gatepost, person, wanted)
        gatepost.clock.advance(60)
        await send_code(person)
        with refused(Code.INVALID_ARGUMENT, "CODE_REFUSED"):
            await verify(gatepost.browser(), "11111111", wanted)
        notices = await mailed(gatepost, "address_change_requested")
        answers[wanted] = (first, second, told == (account_.partition("@")[0], account_, wanted), notices)
        await gatepost.execute("DELETE FROM mail_outbox WHERE template = 'address_change_requested'")
    assert answers[BOB] == answers[NEW]
    assert answers[BOB][0].status == 200
    assert (answers[BOB][1].reason, answers[BOB][2], answers[BOB][3]) == ("THROTTLED", True, 1)


async def test_the_owner_of_a_taken_address_is_told_once_an_hour_and_gets_no_code(gatepost: Gatepost) -> None:
    await gatepost.browser().sign_up(BOB)
    await gatepost.mails()
    for number, (minutes, told) in enumerate([(0, 1), (58, 1), (2, 2)]):
        gatepost.clock.advance(minutes=minutes)
        await update_account(await settled(gatepost, f"ada{number}@example.test"), email=BOB)
        assert await mailed(gatepost, "sign_up_attempt") == told
        await gatepost.mails()
    assert await codes_to(gatepost, BOB, VERIFY_NEW) == []
    assert await mailed(gatepost, "verify_new_address") == 0


async def test_the_owner_of_a_disabled_account_is_not_told(gatepost: Gatepost) -> None:
    await gatepost.browser().sign_up(BOB)
    await disable(gatepost, BOB)
    await update_account(await settled(gatepost), email=BOB)
    assert await mailed(gatepost, "sign_up_attempt") == await mailed(gatepost, "verify_new_address") == 0


async def test_an_address_that_was_taken_meanwhile_is_refused_like_a_wrong_code(gatepost: Gatepost) -> None:
    ada = await settled(gatepost)
    await update_account(ada, email=NEW)
    [code] = await codes_to(gatepost, NEW, VERIFY_NEW)
    await gatepost.browser().sign_up(NEW)
    with refused(Code.INVALID_ARGUMENT, "CODE_REFUSED", fields=["code"]):
        await verify(gatepost.browser(), code, NEW)
    assert await data(ada) == ("ada", ADA, NEW)
    assert await gatepost.fetch("SELECT address FROM accounts ORDER BY address") == [(ADA,), (NEW,)]
    assert "email_changed" not in await trail(gatepost)


async def test_two_accounts_may_wait_for_one_address_and_the_code_says_which_gets_it(gatepost: Gatepost) -> None:
    ada, bob = await settled(gatepost), await settled(gatepost, BOB)
    await update_account(ada, email=NEW)
    [for_ada] = await codes_to(gatepost, NEW, VERIFY_NEW)
    await update_account(bob, email=NEW)
    [for_bob] = [code for code in await codes_to(gatepost, NEW, VERIFY_NEW) if code != for_ada]
    await verify(gatepost.browser(), for_bob, NEW)
    assert (await data(bob))[1:] == (NEW, "")
    assert (await data(ada))[1:] == (ADA, NEW)
    with refused(Code.INVALID_ARGUMENT, "CODE_REFUSED"):
        await verify(gatepost.browser(), for_ada, NEW)


async def test_of_all_who_want_an_address_at_once_one_gets_it(tmp_path: Path, migrated: Original) -> None:
    clock = FakeClock()
    async with (
        started(tmp_path, migrated, limits="off", clock=clock) as one,
        started(tmp_path, migrated, limits="off", clock=clock) as other,
    ):
        for turn in range(5):
            wanted, codes = f"wanted{turn}@example.test", list[str]()
            for number in range(3):
                person = await settled(one, f"person{number}.{turn}@example.test")
                await update_account(person, email=wanted)
                codes += [code for code in await codes_to(one, wanted, VERIFY_NEW) if code not in codes]
            calls = [verify(each.browser(), code, wanted) for code in codes for each in (one, other)]
            outcomes = await together(*calls, other.browser().sign_up(wanted))
            assert outcomes[OK] == 1
            assert await one.fetch("SELECT count(*) FROM accounts WHERE address = ?", wanted) == [(1,)]


async def test_the_accounts_own_address_takes_a_change_back(gatepost: Gatepost) -> None:
    ada = await settled(gatepost)
    await update_account(ada, email=NEW)
    [code] = await codes_to(gatepost, NEW, VERIFY_NEW)
    gatepost.clock.advance(590)
    await update_account(ada, email=" ADA@example.test")
    assert await data(ada) == ("ada", ADA, "")
    with refused(Code.INVALID_ARGUMENT, "CODE_REFUSED"):
        await verify(gatepost.browser(), code, NEW)
    assert await mailed(gatepost, "address_change_requested") == 1


async def test_another_new_address_takes_the_place_of_the_first(gatepost: Gatepost) -> None:
    ada = await settled(gatepost)
    await update_account(ada, email=NEW)
    [code] = await codes_to(gatepost, NEW, VERIFY_NEW)
    gatepost.clock.advance(60)
    await update_account(ada, email=CAROL)
    with refused(Code.INVALID_ARGUMENT, "CODE_REFUSED"):
        await verify(gatepost.browser(), code, NEW)
    [code] = await codes_to(gatepost, CAROL, VERIFY_NEW)
    await verify(gatepost.browser(), code, CAROL)
    assert await data(ada) == ("ada", CAROL, "")


async def test_whoever_has_just_signed_up_or_mistyped_the_address_need_not_wait(gatepost: Gatepost) -> None:
    ada = await gatepost.session(ADA)
    await update_account(ada, email=NEW)
    await update_account(ada, email=CAROL)
    [code] = await codes_to(gatepost, CAROL, VERIFY_NEW)
    await verify(gatepost.browser(), code, CAROL)
    assert await data(ada) == ("ada", CAROL, "")


async def test_one_mail_a_minute_to_one_address(gatepost: Gatepost) -> None:
    ada = await gatepost.session(ADA)
    await update_account(ada, email=NEW)
    [code] = await codes_to(gatepost, NEW, VERIFY_NEW)
    for wait in (60, 59):
        with refused(Code.RESOURCE_EXHAUSTED, "THROTTLED") as told:
            await update_account(ada, name="Ada Lovelace", email=NEW)
        assert told.retry_after == wait
        assert await data(ada) == ("ada", ADA, NEW)
        with refused(Code.RESOURCE_EXHAUSTED, "THROTTLED"):
            await send_code(ada)
        gatepost.clock.advance(1)
    # What went to other addresses since, so that the code has ended, does not open the minute again.
    for number in range(3):
        await update_account(ada, email=f"typo{number}@example.test")
    with refused(Code.INVALID_ARGUMENT, "CODE_REFUSED"):
        await verify(gatepost.browser(), code, NEW)
    # Nor does taking the change back.
    await update_account(ada, email=ADA)
    gatepost.clock.advance(57)
    with refused(Code.RESOURCE_EXHAUSTED, "THROTTLED"):
        await update_account(ada, email=NEW)
    gatepost.clock.advance(1)
    await update_account(ada, email=NEW)
    assert len(await codes_to(gatepost, NEW, VERIFY_NEW)) == 2


async def test_nor_does_a_used_code_open_the_minute_again(gatepost: Gatepost) -> None:
    ada = await settled(gatepost)
    await update_account(ada, email=NEW)
    [code] = await codes_to(gatepost, NEW, VERIFY_NEW)
    await verify(gatepost.browser(), code, NEW)
    await update_account(ada, email=ADA)
    [code] = await codes_to(gatepost, ADA, VERIFY_NEW)
    await verify(gatepost.browser(), code, ADA)
    with refused(Code.RESOURCE_EXHAUSTED, "THROTTLED"):
        await update_account(ada, email=NEW)


async def test_twenty_mails_a_day_to_one_address_however_many_accounts_name_it(gatepost: Gatepost) -> None:
    for number in range(20):
        await update_account(await settled(gatepost, f"person{number}@example.test"), email=NEW)
    last = await settled(gatepost)
    with refused(Code.RESOURCE_EXHAUSTED, "THROTTLED") as told:
        await update_account(last, email=NEW)
    assert told.retry_after == 86400 - 20 * 60
    await update_account(last, email=CAROL)


async def test_twenty_mails_a_day_from_one_account_whatever_addresses_it_names(gatepost: Gatepost) -> None:
    ada = await gatepost.session(ADA)
    for number in range(20):
        gatepost.clock.advance(60)
        await ada.sign_in(ADA)
        await update_account(ada, email=f"stranger{number}@example.test")
    gatepost.clock.advance(60)
    await ada.sign_in(ADA)
    with refused(Code.RESOURCE_EXHAUSTED, "THROTTLED") as told:
        await update_account(ada, email=NEW)
    assert told.retry_after == 86400 - 20 * 60
    await update_account(ada, name="Ada Lovelace")


async def test_a_new_code_goes_to_the_address_that_waits(gatepost: Gatepost) -> None:
    ada = await settled(gatepost)
    await update_account(ada, email=NEW)
    gatepost.clock.advance(60)
    await send_code(ada)
    _, second = await codes_to(gatepost, NEW, VERIFY_NEW)
    assert await mailed(gatepost, "verify_email") == 1
    assert await mailed(gatepost, "address_change_requested") == 1
    await verify(gatepost.browser(), second, NEW)
    assert await data(ada) == ("ada", NEW, "")


async def test_a_reset_code_mailed_to_the_old_address_dies_with_the_change(gatepost: Gatepost) -> None:
    """Or whoever reads the old mailbox would have the account."""
    ada = await settled(gatepost)
    await reset(gatepost.browser())
    [for_reset] = await codes_to(gatepost, ADA, RESET)
    await update_account(ada, email=NEW)
    [code] = await codes_to(gatepost, NEW, VERIFY_NEW)
    await verify(gatepost.browser(), code, NEW)
    for address in (ADA, NEW):
        with refused(Code.INVALID_ARGUMENT, "CODE_REFUSED"):
            await new_password(gatepost.browser(), for_reset, email=address)
    # Nor does it come back to life with the address.
    gatepost.clock.advance(60)
    await update_account(ada, email=ADA)
    [_, code] = [*await codes_to(gatepost, ADA), *await codes_to(gatepost, ADA, VERIFY_NEW)]
    await verify(gatepost.browser(), code, ADA)
    with refused(Code.INVALID_ARGUMENT, "CODE_REFUSED"):
        await new_password(gatepost.browser(), for_reset)


async def test_a_session_that_ended_while_the_call_was_held_open_changes_nothing(gatepost: Gatepost) -> None:
    """The guard looks before the body is read, and a client may take its time over the body."""
    ada = await settled(gatepost)
    for rpc, message in (("UpdateAccount", {"data": {"email": NEW}}), ("SendVerificationEmail", {})):
        held = await settled(gatepost)
        call = await slow(gatepost, held, f"accounts.v1.AccountsService/{rpc}")
        await sign_out(held)
        assert (await call.finish(message)).reason == "BAD_CREDENTIAL"
    assert await data(ada) == ("ada", ADA, "")


async def settled(gatepost: Gatepost, email: str = ADA, *, ip: str = "") -> Browser:
    """A session that has just begun, of an account whose last mail with a code was a minute ago."""
    await gatepost.session(email)
    gatepost.clock.advance(60)
    return await gatepost.session(email, ip=ip)


async def data(browser: Browser) -> tuple[str, str, str]:
    """Name, address, and the address that waits."""
    told = await account(browser)
    assert told.data is not None
    return told.data.name, told.data.email, told.pending_email


async def letters(gatepost: Gatepost, address: str) -> list[str]:
    """Subjects and texts of the mails to the address, each on one line."""
    mails = [mail for mail in await gatepost.mails() if mail["To"] == address]
    return [" ".join(f"{mail['Subject']} {mail.get_content()}".split()) for mail in mails]


async def update_raw(gatepost: Gatepost, browser: Browser, email: str) -> Reply:
    headers = {"cookie": f"{COOKIE}={browser.session}"}
    return await raw(gatepost, "AccountsService/UpdateAccount", {"data": {"email": email}}, headers)
