"""Mailed codes: what all of them have in common, whatever they are for (ASVS 6.4.1, 6.5 and 6.6)."""

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from connectrpc.code import Code
from pydantic import SecretStr

from app.core import secrets
from tests.accounts.calls import (
    ADA,
    ANOTHER,
    RESET,
    VERIFY,
    VERIFY_NEW,
    codes_to,
    disable,
    new_password,
    raw,
    reset,
    send_code,
    update_account,
    verify,
)
from tests.rpc.asgi import Reply
from tests.support import tables
from tests.support.clock import FakeClock
from tests.support.databases import Original
from tests.support.refusals import refused
from tests.support.service import Browser, Gatepost, started
from tests.support.statements import statements
from tests.support.together import OK, together

BOB = "bob@example.test"
ADA_TOO = "ada.too@example.test"
ATTEMPTS = {OK: 1, Code.INVALID_ARGUMENT: 15}


@dataclass(frozen=True)
class Use:
    """One thing that codes are for."""

    ask: Callable[[Gatepost], Awaitable[None]]
    """Have Ada, who has signed up, mailed a code."""
    subject: str
    address: str
    rpc: str
    redeem: Callable[[Browser, str, str], Awaitable[None]]
    """By the browser, the code and the address."""

    async def codes(self, gatepost: Gatepost) -> list[str]:
        return await codes_to(gatepost, self.address, self.subject)

    async def code(self, gatepost: Gatepost) -> str:
        """A new one."""
        await self.ask(gatepost)
        return (await self.codes(gatepost))[-1]

    def body(self, code: str, address: str) -> dict[str, Any]:
        body: dict[str, Any] = {"data": {"email": address}, "code": code}
        return body | ({"password": {"password": ANOTHER}} if self.subject == RESET else {})

    async def raw(self, gatepost: Gatepost, code: str, address: str, **more: Any) -> Reply:
        gatepost.addresses += 1  # another client each time
        ip = f"10.9.{gatepost.addresses // 250}.{gatepost.addresses % 250}"
        return await raw(gatepost, f"PublicAccountsService/{self.rpc}", self.body(code, address), **{"ip": ip, **more})


async def sign_up_or_ask(gatepost: Gatepost) -> None:
    gatepost.clock.advance(60)  # each code has a time of its own, by which its mail is told from others
    if not await gatepost.fetch("SELECT 1 FROM accounts WHERE address = ?", ADA):
        await gatepost.browser().sign_up(ADA)
    else:
        await send_code(await gatepost.session(ADA))


async def ask_for_another(gatepost: Gatepost) -> None:
    ada = await gatepost.session(ADA)
    gatepost.clock.advance(60)
    await update_account(ada, email=ADA_TOO)


async def ask_for_reset(gatepost: Gatepost) -> None:
    if not await gatepost.fetch("SELECT 1 FROM accounts WHERE address = ?", ADA):
        await gatepost.browser().sign_up(ADA)
    gatepost.clock.advance(1)
    await reset(gatepost.browser())


USES = {
    "address": Use(sign_up_or_ask, VERIFY, ADA, "VerifyEmail", verify),
    "new address": Use(ask_for_another, VERIFY_NEW, ADA_TOO, "VerifyEmail", verify),
    "password": Use(
        ask_for_reset, RESET, ADA, "NewPassword", lambda by, code, email: new_password(by, code, email=email)
    ),
}
EACH_USE = pytest.mark.parametrize("use", USES.values(), ids=USES)


def another_than(*codes: str) -> str:
    return next(code for code in ("11111111", "22222222", "33333333", "44444444") if code not in codes)


@EACH_USE
@pytest.mark.parametrize(("seconds", "good"), [(600, True), (601, False)])
async def test_a_code_is_good_for_ten_minutes(gatepost: Gatepost, use: Use, seconds: int, good: bool) -> None:
    """ASVS 6.5.5."""
    code = await use.code(gatepost)
    gatepost.clock.advance(seconds)
    if good:
        await use.redeem(gatepost.browser(), code, use.address)
    else:
        with refused(Code.INVALID_ARGUMENT, "CODE_REFUSED", fields=["code"]):
            await use.redeem(gatepost.browser(), code, use.address)


@EACH_USE
async def test_a_code_is_good_once(gatepost: Gatepost, use: Use) -> None:
    code = await use.code(gatepost)
    await use.redeem(gatepost.browser(), code, use.address)
    with refused(Code.INVALID_ARGUMENT, "CODE_REFUSED", fields=["code"]):
        await use.redeem(gatepost.browser(), code, use.address)


@EACH_USE
async def test_of_sixteen_uses_at_once_in_two_processes_one_comes_through(pair: tuple[Gatepost, Gatepost], use: Use):
    """ASVS 6.5.1."""
    one, other = pair
    for _ in range(3):
        code = await use.code(one)
        browsers = [each.browser() for each in (one, other) * 8]
        assert await together(*(use.redeem(each, code, use.address) for each in browsers)) == ATTEMPTS
        await one.execute("DELETE FROM accounts")


@EACH_USE
async def test_a_code_bears_five_tries(gatepost: Gatepost, use: Use) -> None:
    """ASVS 6.6.3."""
    code = await use.code(gatepost)
    for _ in range(4):
        await use.raw(gatepost, another_than(code), use.address)
    await use.redeem(gatepost.browser(), code, use.address)


@EACH_USE
async def test_after_five_wrong_ones_the_right_one_is_refused(gatepost: Gatepost, use: Use) -> None:
    code = await use.code(gatepost)
    for _ in range(5):
        await use.raw(gatepost, another_than(code), use.address)
    with refused(Code.INVALID_ARGUMENT, "CODE_REFUSED"):
        await use.redeem(gatepost.browser(), code, use.address)


@EACH_USE
async def test_five_wrong_tries_end_all_the_live_codes(gatepost: Gatepost, use: Use) -> None:
    """Or three codes would bear fifteen."""
    for _ in range(3):
        await use.ask(gatepost)
    codes = await use.codes(gatepost)
    assert len(codes) == 3
    for _ in range(5):
        await use.raw(gatepost, another_than(*codes), use.address)
    for code in codes:
        with refused(Code.INVALID_ARGUMENT, "CODE_REFUSED"):
            await use.redeem(gatepost.browser(), code, use.address)


@EACH_USE
async def test_tries_at_once_in_two_processes_do_not_beat_the_counter(pair: tuple[Gatepost, Gatepost], use: Use):
    one, other = pair
    for _ in range(3):
        code = await use.code(one)
        wrong = [use.raw(each, another_than(code), use.address) for each in (one, other) * 10]
        await together(*wrong)
        with refused(Code.INVALID_ARGUMENT, "CODE_REFUSED"):
            await use.redeem(one.browser(), code, use.address)
        assert await one.fetch("SELECT min(tries_left) FROM verifications WHERE address = ?", use.address) == [(0,)]
        await one.execute("DELETE FROM accounts")


@EACH_USE
async def test_a_try_with_a_tiny_timeout_is_counted(gatepost: Gatepost, use: Use) -> None:
    code = await use.code(gatepost)
    for _ in range(5):
        await use.raw(gatepost, another_than(code), use.address, headers={"connect-timeout-ms": "1"})
    await gatepost.parts.run_to_end.settle(10)
    with refused(Code.INVALID_ARGUMENT, "CODE_REFUSED"):
        await use.redeem(gatepost.browser(), code, use.address)


@EACH_USE
async def test_the_fourth_code_ends_the_oldest(gatepost: Gatepost, use: Use) -> None:
    """ASVS 6.6.2."""
    for _ in range(4):
        await use.ask(gatepost)
    first, *live = await use.codes(gatepost)
    with refused(Code.INVALID_ARGUMENT, "CODE_REFUSED"):
        await use.redeem(gatepost.browser(), first, use.address)
    assert len(live) == 3
    await use.redeem(gatepost.browser(), live[0], use.address)


@EACH_USE
async def test_a_code_for_one_purpose_is_refused_for_the_other(gatepost: Gatepost, use: Use) -> None:
    code = await use.code(gatepost)
    for other in USES.values():
        if other.rpc != use.rpc:
            with refused(Code.INVALID_ARGUMENT, "CODE_REFUSED"):
                await other.redeem(gatepost.browser(), code, use.address)
    await use.redeem(gatepost.browser(), code, use.address)


@EACH_USE
async def test_a_code_works_for_its_address_only(gatepost: Gatepost, use: Use) -> None:
    await gatepost.browser().sign_up(BOB)
    await reset(gatepost.browser(), BOB)
    code = await use.code(gatepost)
    for address in {BOB, ADA, ADA_TOO, "nobody@example.test"} - {use.address}:
        with refused(Code.INVALID_ARGUMENT, "CODE_REFUSED"):
            await use.redeem(gatepost.browser(), code, address)
    await use.redeem(gatepost.browser(), code, use.address)


async def test_a_code_is_bound_to_its_account_where_two_want_one_address(gatepost: Gatepost) -> None:
    """The digest says whose it is, not whose row it lies in."""
    for account in (ADA, BOB):
        await update_account(await after_a_minute(gatepost, account), email=ADA_TOO)
    [ids, digests] = zip(
        *await gatepost.fetch("SELECT id, code_digest FROM verifications WHERE address = ?", ADA_TOO), strict=True
    )
    for row, digest in zip(ids, reversed(digests), strict=True):
        await gatepost.execute("UPDATE verifications SET code_digest = ? WHERE id = ?", digest, row)
    for code in await codes_to(gatepost, ADA_TOO, VERIFY_NEW):
        with refused(Code.INVALID_ARGUMENT, "CODE_REFUSED"):
            await verify(gatepost.browser(), code, ADA_TOO)


@EACH_USE
@pytest.mark.parametrize("typed", [" {}", "{}\n", "\t{} "])
async def test_space_around_a_code_does_not_matter(gatepost: Gatepost, use: Use, typed: str) -> None:
    await use.redeem(gatepost.browser(), typed.format(await use.code(gatepost)), use.address)


@EACH_USE
async def test_a_code_longer_than_64_characters_is_no_code(gatepost: Gatepost, use: Use) -> None:
    with refused(Code.INVALID_ARGUMENT, "INVALID_FIELD", fields=["code"]):
        await use.redeem(gatepost.browser(), "1" * 65, use.address)


@EACH_USE
async def test_all_that_is_wrong_with_a_code_is_one_answer(gatepost: Gatepost, use: Use) -> None:
    """ASVS 6.3.8."""
    code = await use.code(gatepost)
    wrong = await use.raw(gatepost, another_than(code), use.address)
    unknown = await use.raw(gatepost, code, "nobody@example.test")
    empty = await use.raw(gatepost, "", use.address)
    await use.redeem(gatepost.browser(), code, use.address)
    used = await use.raw(gatepost, code, use.address)

    await gatepost.execute("DELETE FROM accounts")
    code = await use.code(gatepost)
    for _ in range(5):
        await use.raw(gatepost, another_than(code), use.address)
    over_tried = await use.raw(gatepost, code, use.address)

    code = await use.code(gatepost)
    await disable(gatepost)
    disabled = await use.raw(gatepost, code, use.address)
    gatepost.clock.advance(601)
    expired = await use.raw(gatepost, code, use.address)

    answers = [wrong, unknown, empty, used, over_tried, disabled, expired]
    assert all(each == wrong for each in answers)
    assert (wrong.status, wrong.reason) == (400, "CODE_REFUSED")


@EACH_USE
async def test_a_disabled_accounts_code_is_left_as_it_was(gatepost: Gatepost, use: Use) -> None:
    code = await use.code(gatepost)
    await disable(gatepost)
    before = await gatepost.fetch("SELECT * FROM accounts")
    with refused(Code.INVALID_ARGUMENT, "CODE_REFUSED"):
        await use.redeem(gatepost.browser(), code, use.address)
    assert await gatepost.fetch("SELECT * FROM accounts") == before


@EACH_USE
async def test_a_refused_code_costs_the_same_whether_there_is_an_account_or_not(
    gatepost: Gatepost, use: Use, computed: list[str]
) -> None:
    """ASVS 6.3.8: the same statements, one write to the disk, and no password is hashed."""
    code = await use.code(gatepost)
    computed.clear()
    costs = []
    for address in (use.address, "nobody@example.test"):
        async with written(gatepost) as wrote:
            with statements(gatepost) as run:
                await use.raw(gatepost, another_than(code), address)
        costs.append((run, wrote))
    assert costs[0] == costs[1]
    assert any("UPDATE verifications" in each for each in costs[0][0])
    assert costs[0][1] == [True]
    assert computed == []


@EACH_USE
async def test_twenty_wrong_codes_an_hour_from_one_client(gatepost: Gatepost, use: Use) -> None:
    code = await use.code(gatepost)
    for number in range(20):
        # Of all sorts, for addresses with and without an account: they are counted together.
        other = USES["address" if number % 2 else "password"]
        answer = await other.raw(gatepost, another_than(code), f"nobody{number}@example.test", ip="192.0.2.7")
        assert answer.reason == "CODE_REFUSED"
    gatepost.clock.advance(minutes=5)
    for address in (use.address, "nobody@example.test"):
        answer = await use.raw(gatepost, code, address, ip="192.0.2.7")
        assert (answer.status, answer.reason, answer["retry-after"]) == (429, "THROTTLED", "3300")
    await use.redeem(gatepost.browser(), code, use.address)  # another client may, and no try was counted
    gatepost.clock.advance(minutes=55)
    assert (await use.raw(gatepost, code, use.address, ip="192.0.2.7")).reason == "CODE_REFUSED"


async def test_a_right_code_is_given_back_to_its_client(gatepost: Gatepost) -> None:
    browser = gatepost.browser()
    for number in range(21):
        email = f"ada{number}@example.test"
        await gatepost.browser().sign_up(email)
        [code] = await codes_to(gatepost, email)
        await verify(browser, code, email)
        await reset(gatepost.browser(), email)
        [code] = await codes_to(gatepost, email, RESET)
        await new_password(browser, code, email=email)


@EACH_USE
async def test_a_code_opens_no_session(gatepost: Gatepost, use: Use) -> None:
    """ASVS 6.3.6: mail is no way to sign in."""
    answer = await use.raw(gatepost, await use.code(gatepost), use.address)
    assert (answer.status, answer.body, answer["set-cookie"]) == (200, b"{}", None)
    asked = await gatepost.fetch("SELECT count(*) FROM security_events WHERE kind = 'signed_in'")
    assert await gatepost.fetch("SELECT count(*) FROM sessions") <= asked


@EACH_USE
async def test_the_key_of_the_digests_is_not_in_the_database(tmp_path: Path, migrated: Original, use: Use) -> None:
    """ASVS 6.5.2: who has the database alone cannot make a code, and a database under another key knows none."""
    async with started(tmp_path, migrated) as gatepost:
        code = await use.code(gatepost)
    other = (SecretStr("another-key-of-the-tests-0123456789"),)
    async with started(tmp_path, migrated, secret_keys=other, clock=gatepost.clock) as restarted:
        with refused(Code.INVALID_ARGUMENT, "CODE_REFUSED"):
            await use.redeem(restarted.browser(), code, use.address)
    async with started(tmp_path, migrated, clock=gatepost.clock) as again:
        await use.redeem(again.browser(), code, use.address)


def test_codes_are_eight_random_digits() -> None:
    """ASVS 6.4.1 and 6.5.4: of 100,000 codes the expected 50 have come before, and each digit is as frequent."""
    codes = [secrets.new_code() for _ in range(100_000)]
    assert all(len(code) == 8 and code.isascii() and code.isdigit() for code in codes)
    assert len(codes) - len(set(codes)) < 120
    for place in range(8):
        frequencies = Counter(code[place] for code in codes)
        assert all(9_300 < frequencies[digit] < 10_700 for digit in "0123456789")


async def after_a_minute(gatepost: Gatepost, email: str) -> Browser:
    """Signed in, and free to have another code mailed."""
    browser = await gatepost.session(email)
    gatepost.clock.advance(60)
    return browser


@asynccontextmanager
async def written(gatepost: Gatepost) -> AsyncIterator[list[bool]]:
    """Whether a commit waited for the disk meanwhile."""
    told: list[bool] = []
    before = await tables.commits(gatepost)
    yield told
    told.append(await tables.commits(gatepost) > before)


@pytest.fixture
async def pair(tmp_path: Path, migrated: Original) -> AsyncIterator[tuple[Gatepost, Gatepost]]:
    """Two processes on one database: they share nothing but that."""
    clock = FakeClock()
    async with started(tmp_path, migrated, clock=clock) as one, started(tmp_path, migrated, clock=clock) as other:
        yield one, other
