"""Failures all over the service sound an alarm and refuse nobody."""

from typing import Any

import pytest
from structlog.testing import capture_logs

from app.policy import FAILURES_OVER_ALL
from tests.accounts.calls import ADA, WRONG, raw
from tests.accounts.test_sign_in import SIGN_IN
from tests.support.service import PASSWORD, Gatepost


async def test_above_1000_failures_in_five_minutes_one_line_and_no_refusal(shaken: Gatepost) -> None:
    with capture_logs() as logged:
        await fail(shaken)
        assert alarms(logged) == []
        await fail(shaken)
        await fail(shaken)
    assert alarms(logged) == [
        {"event": "guessing_all_over", "log_level": "warning", "failures_above": 1000, "seconds": 300}
    ]
    assert reached(shaken) == 2


async def test_the_alarm_is_repeated_after_five_minutes_if_it_goes_on(shaken: Gatepost) -> None:
    with capture_logs() as logged:
        await fail(shaken, times=2)
        shaken.clock.advance(299)
        await fail(shaken, times=2)
        assert len(alarms(logged)) == 1
        shaken.clock.advance(1)
        await fill(shaken, 1000)
        await fail(shaken)
        assert len(alarms(logged)) == 2


async def test_right_passwords_are_not_counted(shaken: Gatepost) -> None:
    await shaken.browser().sign_up(ADA)
    with capture_logs() as logged:
        for _ in range(3):
            await shaken.browser().sign_in(ADA)
    assert alarms(logged) == []
    assert reached(shaken) is None


async def test_the_owner_gets_in_while_it_sounds(shaken: Gatepost) -> None:
    await shaken.browser().sign_up(ADA)
    await fail(shaken, times=3)
    await shaken.browser().sign_in(ADA, PASSWORD)


async def fail(gatepost: Gatepost, *, times: int = 1) -> None:
    for _ in range(times):
        gatepost.addresses += 1
        guess = {"email": f"somebody{gatepost.addresses}@example.test", "password": WRONG}
        answer = await raw(gatepost, SIGN_IN, guess, ip=f"198.51.100.{gatepost.addresses}")
        assert answer.reason == "WRONG_EMAIL_OR_PASSWORD"


async def fill(gatepost: Gatepost, failures: int) -> None:
    """As so many clients had done; each guess through SignIn would cost 20 ms of hashing."""
    for _ in range(failures):
        await gatepost.parts.limits.take(FAILURES_OVER_ALL, FAILURES_OVER_ALL.key())


def alarms(logged: list[Any]) -> list[Any]:
    return [line for line in logged if line["event"] == "guessing_all_over"]


def reached(gatepost: Gatepost) -> float | None:
    return gatepost.parts.metrics.registry.get_sample_value(
        "gatepost_limits_reached_total", {"limit": "failures_over_all"}
    )


@pytest.fixture
async def shaken(gatepost: Gatepost) -> Gatepost:
    """999 failures have been seen."""
    await fill(gatepost, 999)
    return gatepost
