"""The leaf that flows count attempts with. How it holds against guesses is tried in test_sign_in_dodges.py."""

import pytest

from app.accounts.attempts import Attempts, ResetMails
from app.core.caller import Client
from app.core.errors import Throttled
from app.core.metrics import Metrics
from app.limits import MemoryLimits
from app.policy import CODE_FAILURES, DAY, HOUR, MINUTE, PASSWORD_FAILURES, RESET_MAILS
from tests.accounts.calls import ADA
from tests.support.clock import FakeClock

CLIENT = Client(ip="192.0.2.1", user_agent="")
BOB = "bob@example.test"


async def test_twenty_wrong_codes_an_hour_by_client_whatever_the_address(
    limits: MemoryLimits, clock: FakeClock
) -> None:
    codes = Attempts(limits, CODE_FAILURES, "code", Metrics())
    for number in range(20):
        await codes.reserve(f"somebody{number}@example.test", CLIENT)
        clock.advance(60)
    assert await waits(codes, ADA) == 40 * MINUTE
    await codes.reserve(ADA, another(1))
    clock.advance(40 * MINUTE)
    await codes.give_back(await codes.reserve(ADA, CLIENT))
    await codes.reserve(ADA, CLIENT)
    assert await waits(codes, ADA) == MINUTE


async def test_right_codes_are_not_counted(limits: MemoryLimits) -> None:
    codes = Attempts(limits, CODE_FAILURES, "code", Metrics())
    for _ in range(100):
        await codes.was_right(await codes.reserve(ADA, CLIENT))


async def test_an_attempt_that_was_never_looked_at_is_no_right_one(limits: MemoryLimits) -> None:
    """Or an overload, in which nothing is checked, would look to operators like so many sign-ins."""
    metrics = Metrics()
    passwords = Attempts(limits, PASSWORD_FAILURES, "password", metrics)
    for _ in range(100):
        await passwords.give_back(await passwords.reserve(ADA, CLIENT))
    await passwords.was_right(await passwords.reserve(ADA, CLIENT))
    assert metrics.registry.get_sample_value("gatepost_right_attempts_total", {"of": "password"}) == 1


async def test_codes_and_passwords_are_counted_apart(limits: MemoryLimits) -> None:
    codes, passwords = (
        Attempts(limits, CODE_FAILURES, "code", Metrics()),
        Attempts(limits, PASSWORD_FAILURES, "password", Metrics()),
    )
    for _ in range(5):
        await passwords.reserve(ADA, CLIENT)
    assert await waits(passwords, ADA) == 5 * MINUTE
    await codes.reserve(ADA, CLIENT)


async def test_one_reset_mail_a_minute_and_five_a_day_by_client_and_address(
    limits: MemoryLimits, clock: FakeClock
) -> None:
    mails = ResetMails(limits, RESET_MAILS)
    for _ in range(5):
        assert await mails.may_go(ADA, CLIENT)
        clock.advance(59)
        assert not await mails.may_go(ADA, CLIENT)
        clock.advance(1)
    assert not await mails.may_go(ADA, CLIENT)
    assert await mails.may_go(BOB, CLIENT)
    assert await mails.may_go(ADA, another(1))
    clock.advance(DAY - 5 * MINUTE - 1)
    assert not await mails.may_go(ADA, CLIENT)
    clock.advance(1)
    assert await mails.may_go(ADA, CLIENT)


async def test_twenty_reset_mails_a_day_by_address(limits: MemoryLimits, clock: FakeClock) -> None:
    mails = ResetMails(limits, RESET_MAILS)
    for number in range(20):
        assert await mails.may_go(ADA, another(number))
    assert not await mails.may_go(ADA, another(20))
    clock.advance(23 * HOUR)
    assert not await mails.may_go(ADA, another(21))
    clock.advance(HOUR)
    assert await mails.may_go(ADA, another(21))


async def test_a_reset_mail_that_did_not_go_is_not_counted(limits: MemoryLimits, clock: FakeClock) -> None:
    """Or whoever keeps asking would keep the owner from ever getting one."""
    mails = ResetMails(limits, RESET_MAILS)
    assert await mails.may_go(ADA, CLIENT)
    for _ in range(50):
        assert not await mails.may_go(ADA, CLIENT)
    clock.advance(MINUTE)
    for number in range(19):
        assert await mails.may_go(ADA, another(number))


def another(number: int) -> Client:
    return Client(ip=f"198.51.100.{number}", user_agent="")


async def waits(attempts: Attempts, address: str) -> float | None:
    with pytest.raises(Throttled) as throttled:
        await attempts.reserve(address, CLIENT)
    return throttled.value.retry_after


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def limits(clock: FakeClock) -> MemoryLimits:
    return MemoryLimits(clock)
