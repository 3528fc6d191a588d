"""ResetPassword: a code for whoever reads the mail of an address, and one answer for everybody."""

import pytest
from connectrpc.code import Code

from gen.accounts.v1.accounts_v1_pb import ResetPasswordRequest
from tests.accounts.calls import (
    ADA,
    ANOTHER,
    RESET,
    codes,
    codes_to,
    disable,
    mailed,
    new_password,
    raw,
    reset,
    verify_address,
)
from tests.accounts.test_codes import written
from tests.rpc.asgi import Reply
from tests.support.refusals import refused
from tests.support.service import ORIGIN, Gatepost
from tests.support.statements import statements

RESET_PASSWORD = "PublicAccountsService/ResetPassword"
NOBODY = "nobody@example.test"


@pytest.mark.parametrize("email", [ADA, " ADA@Example.Test\n"])
async def test_a_code_is_mailed_to_the_accounts_address(gatepost: Gatepost, email: str) -> None:
    await gatepost.browser().sign_up(ADA)
    await reset(gatepost.browser(ip="192.0.2.7"), email)
    [mail] = [mail for mail in await gatepost.mails() if mail["Subject"].startswith(RESET)]
    [code] = codes(mail)
    assert len(code) == 8
    assert mail["To"] == ADA
    assert "password" in mail["Subject"]
    assert "from 192.0.2.7" in mail.get_content()


@pytest.mark.parametrize("verified", [True, False])
async def test_whether_the_address_is_confirmed_does_not_matter(gatepost: Gatepost, verified: bool) -> None:
    await gatepost.browser().sign_up(ADA)
    if verified:
        await verify_address(gatepost)
    await reset(gatepost.browser())
    assert await mailed(gatepost, "reset_password") == 1


async def test_nothing_but_the_code_changes(gatepost: Gatepost) -> None:
    await gatepost.session(ADA)
    tables = ("accounts", "sessions", "security_events")
    before = [await gatepost.fetch(f"SELECT * FROM {table}") for table in tables]  # noqa: S608
    await reset(gatepost.browser())
    assert [await gatepost.fetch(f"SELECT * FROM {table}") for table in tables] == before  # noqa: S608


async def test_the_answer_and_the_work_are_the_same_for_any_address(gatepost: Gatepost, computed: list[str]) -> None:
    """ASVS 6.3.8: the same bytes after the same statements, one write to the disk, and no password is hashed."""
    for email in (ADA, "disabled@example.test"):
        await gatepost.browser().sign_up(email)
    await disable(gatepost, "disabled@example.test")
    await gatepost.mails()
    computed.clear()
    told, costs = [], []
    for email in (ADA, NOBODY, "disabled@example.test"):
        async with written(gatepost) as wrote:
            with statements(gatepost) as run:
                told.append(await ask(gatepost, email))
        costs.append((run, wrote))
    assert told[0] == told[1] == told[2]
    assert (told[0].status, told[0].body, told[0]["set-cookie"]) == (200, b"{}", None)
    assert costs[0] == costs[1] == costs[2]
    assert any("INSERT INTO mail_outbox" in each for each in costs[0][0])
    assert costs[0][1] == [True]
    assert computed == []


async def test_nothing_stays_of_a_request_for_an_unknown_address_or_a_disabled_account(gatepost: Gatepost) -> None:
    await gatepost.browser().sign_up(ADA)
    await gatepost.mails()
    await disable(gatepost)
    await gatepost.execute("DELETE FROM verifications")
    for email in (ADA, NOBODY):
        await reset(gatepost.browser(), email)
    assert await gatepost.fetch("SELECT template FROM mail_outbox") == [("verify_email",)]
    assert await gatepost.fetch("SELECT 1 FROM verifications") == []


@pytest.mark.parametrize(
    "email", ["", "ada", "@", f"{ADA},mallory@example.test", f"{ADA}\r\nCc: mallory@example.test", "a" * 321], ids=ascii
)
async def test_what_is_no_address_is_told(gatepost: Gatepost, email: str) -> None:
    """Whether there is an account is not: it is no address of anybody. Nor is mail sent to a second one."""
    await gatepost.browser().sign_up(ADA)
    with refused(Code.INVALID_ARGUMENT, "INVALID_FIELD", fields=["data.email"]):
        await reset(gatepost.browser(), email)
    assert await mailed(gatepost, "reset_password") == 0


async def test_an_address_has_to_be_named(gatepost: Gatepost) -> None:
    with refused(Code.INVALID_ARGUMENT, "INVALID_FIELD", fields=["data"]):
        await gatepost.browser().public.reset_password(ResetPasswordRequest())


@pytest.mark.parametrize("header", ["host", "x-forwarded-host", "x-original-host", "forwarded", "referer", "origin"])
async def test_the_link_is_made_from_the_settings_alone(gatepost: Gatepost, header: str) -> None:
    """Or whoever asks would choose where the owner enters the code."""
    value = {"forwarded": "host=evil.example", "referer": "https://evil.example/"}.get(header, "evil.example")
    await gatepost.browser().sign_up(ADA)
    headers = {header: ORIGIN if header == "origin" else value, "x-forwarded-proto": "https"}
    answer = await raw(gatepost, RESET_PASSWORD, {"data": {"email": ADA}}, headers)
    assert answer.status == 200
    [mail] = [mail for mail in await gatepost.mails() if mail["Subject"].startswith(RESET)]
    assert "evil.example" not in mail.as_string()
    assert f"{ORIGIN}/#/new-password?" in mail.get_content()


async def test_by_client_and_address_one_mail_a_minute_and_five_a_day(gatepost: Gatepost) -> None:
    await gatepost.browser().sign_up(ADA)
    answers = []
    for seconds, sent in [(0, 1), (59, 1), (1, 2), (60, 3), (60, 4), (60, 5), (60, 5), (86_400 - 301, 5), (61, 6)]:
        gatepost.clock.advance(seconds)
        answers.append(await ask(gatepost, ADA, ip="192.0.2.7"))
        assert await mailed(gatepost, "reset_password") == sent
    assert all(each == answers[0] for each in answers)


async def test_other_clients_and_other_addresses_have_limits_of_their_own(gatepost: Gatepost) -> None:
    for email in (ADA, "bob@example.test"):
        await gatepost.browser().sign_up(email)
    for email, ip in [(ADA, "192.0.2.7"), (ADA, "192.0.2.8"), ("bob@example.test", "192.0.2.7")]:
        await ask(gatepost, email, ip=ip)
    assert await mailed(gatepost, "reset_password") == 3


async def test_by_address_twenty_mails_a_day(gatepost: Gatepost) -> None:
    await gatepost.browser().sign_up(ADA)
    answers = [await ask(gatepost, ADA) for _ in range(22)]
    assert await mailed(gatepost, "reset_password") == 20
    assert all(each == answers[0] for each in answers)
    gatepost.clock.advance(days=1)
    await ask(gatepost, ADA)
    assert await mailed(gatepost, "reset_password") == 21


async def test_a_limit_that_is_used_up_is_not_told_for_an_unknown_address_either(gatepost: Gatepost) -> None:
    """And costs as little: the limits count every address."""
    await gatepost.browser().sign_up(ADA)
    costs = []
    for email in (ADA, NOBODY):
        await ask(gatepost, email, ip="192.0.2.7")
        async with written(gatepost) as wrote:
            with statements(gatepost) as run:
                answer = await ask(gatepost, email, ip="192.0.2.7")
        costs.append((answer, run, wrote))
    assert costs[0] == costs[1]
    assert costs[0][1:] == ([], [False])


@pytest.mark.parametrize("table", ["mail_outbox", "verifications"])
async def test_code_and_mail_are_there_together_or_not_at_all(gatepost: Gatepost, table: str) -> None:
    await gatepost.browser().sign_up(ADA)
    before = await gatepost.fetch("SELECT (SELECT count(*) FROM mail_outbox), (SELECT count(*) FROM verifications)")
    await gatepost.execute(f"ALTER TABLE {table} RENAME TO away")
    with refused(Code.UNAVAILABLE, "UNAVAILABLE"):
        await reset(gatepost.browser())
    await gatepost.execute(f"ALTER TABLE away RENAME TO {table}")
    query = "SELECT (SELECT count(*) FROM mail_outbox), (SELECT count(*) FROM verifications)"
    assert await gatepost.fetch(query) == before


async def test_the_reset_works_while_sign_in_is_throttled_and_the_new_password_signs_in(gatepost: Gatepost) -> None:
    """Whoever guesses at the password must not keep its owner from getting the account back; nor must the owner."""
    await gatepost.browser().sign_up(ADA)
    ada = gatepost.browser()
    guessers = [ada] * 5 + [gatepost.browser() for _ in range(15)]
    for guesser in guessers:
        with refused(Code.UNAUTHENTICATED, "WRONG_EMAIL_OR_PASSWORD"):
            await guesser.sign_in(ADA, "not the right password")
    with refused(Code.RESOURCE_EXHAUSTED, "THROTTLED"):
        await ada.sign_in(ADA)
    await reset(ada)
    [code] = await codes_to(gatepost, ADA, RESET)
    with refused(Code.INVALID_ARGUMENT, "CODE_REFUSED"):
        await new_password(ada, "00000000" if code != "00000000" else "11111111")
    with refused(Code.RESOURCE_EXHAUSTED, "THROTTLED"):
        await ada.sign_in(ADA, ANOTHER)
    await new_password(ada, code)
    await ada.sign_in(ADA, ANOTHER)


async def test_a_reset_makes_room_for_guesses_at_no_other_account(gatepost: Gatepost) -> None:
    await gatepost.browser().sign_up(ADA)
    mallory = gatepost.browser()
    for number in range(30):
        with refused(Code.UNAUTHENTICATED, "WRONG_EMAIL_OR_PASSWORD"):
            await mallory.sign_in(f"{number // 5}{NOBODY}", "not the right password")
    await reset(mallory)
    [code] = await codes_to(gatepost, ADA, RESET)
    await new_password(mallory, code)
    with refused(Code.RESOURCE_EXHAUSTED, "THROTTLED"):
        await mallory.sign_in(NOBODY, "not the right password")


async def ask(gatepost: Gatepost, email: str, *, ip: str = "") -> Reply:
    """As curl does; from another client each time unless `ip` is given."""
    gatepost.addresses += 1
    ip = ip or f"10.9.{gatepost.addresses // 250}.{gatepost.addresses % 250}"
    return await raw(gatepost, RESET_PASSWORD, {"data": {"email": email}}, ip=ip)
