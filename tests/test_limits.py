"""Limits: what is counted, when it runs out, and what is remembered."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import Throttled
from app.limits import UNKNOWN_NETWORK, Limit, MemoryLimits, NoLimits, network_of, take_all
from tests.support.clock import FakeClock

BY_IP_AND_ACCOUNT = Limit("password-by-ip-and-account", events=5, seconds=300)
BY_ACCOUNT = Limit("password-by-account", events=20, seconds=3600, backoff=(60, 3600))


async def test_refuses_the_sixth_until_the_first_is_300_seconds_old(limits: MemoryLimits, clock: FakeClock) -> None:
    await use(limits, BY_IP_AND_ACCOUNT, 1)
    clock.advance(100)
    await use(limits, BY_IP_AND_ACCOUNT, 4)
    assert await refused_for(limits, BY_IP_AND_ACCOUNT) == 200

    clock.advance(199.5)
    assert await refused_for(limits, BY_IP_AND_ACCOUNT) == 0.5
    clock.advance(0.5)
    await use(limits, BY_IP_AND_ACCOUNT, 1)
    assert await refused_for(limits, BY_IP_AND_ACCOUNT) == 100


async def test_what_is_refused_does_not_prolong_the_refusal(limits: MemoryLimits, clock: FakeClock) -> None:
    await use(limits, BY_IP_AND_ACCOUNT, 5)
    for _ in range(30):
        clock.advance(10)
        if clock.monotonic() < 1300:
            assert await refused_for(limits, BY_IP_AND_ACCOUNT) == 1300 - clock.monotonic()
    await use(limits, BY_IP_AND_ACCOUNT, 5)


async def test_keys_and_limits_do_not_touch_each_other(limits: MemoryLimits) -> None:
    await use(limits, BY_IP_AND_ACCOUNT, 5, key="one")
    await use(limits, BY_IP_AND_ACCOUNT, 5, key="other")
    await use(limits, BY_ACCOUNT, 20, key="one")
    assert await refused_for(limits, BY_IP_AND_ACCOUNT, key="one") == 300


async def test_of_parallel_guesses_exactly_as_many_pass_as_the_limit_says(limits: MemoryLimits) -> None:
    async def guess() -> bool:
        await asyncio.sleep(0)
        await limits.take(BY_IP_AND_ACCOUNT, "victim")
        await asyncio.sleep(0)
        return True

    outcomes = await asyncio.gather(*(guess() for _ in range(50)), return_exceptions=True)
    assert [outcome for outcome in outcomes if not isinstance(outcome, Throttled)] == [True] * 5


async def test_what_is_given_back_was_never_counted(limits: MemoryLimits, clock: FakeClock) -> None:
    for _ in range(100):
        await limits.give_back(await limits.take(BY_IP_AND_ACCOUNT, "owner"))
    await use(limits, BY_IP_AND_ACCOUNT, 4, key="owner")
    ticket = await limits.take(BY_IP_AND_ACCOUNT, "owner")
    assert await refused_for(limits, BY_IP_AND_ACCOUNT, key="owner") == 300
    await limits.give_back(ticket)
    await use(limits, BY_IP_AND_ACCOUNT, 1, key="owner")


async def test_a_ticket_that_came_too_late_gives_nothing_back(limits: MemoryLimits, clock: FakeClock) -> None:
    late = await limits.take(BY_IP_AND_ACCOUNT, "owner")
    clock.advance(300)
    await use(limits, BY_IP_AND_ACCOUNT, 5, key="owner")
    await limits.give_back(late)
    assert await refused_for(limits, BY_IP_AND_ACCOUNT, key="owner") == 300
    await limits.give_back(await NoLimits().take(BY_ACCOUNT, "never heard of"))


async def test_a_used_up_limit_with_backoff_opens_once_after_each_of_doubling_delays(
    limits: MemoryLimits, clock: FakeClock
) -> None:
    await use(limits, BY_ACCOUNT, 20)
    for delay in (60, 120, 240, 480, 960, 1920, 3600, 3600, 3600):
        assert await refused_for(limits, BY_ACCOUNT) == delay
        clock.advance(delay - 1)
        assert await refused_for(limits, BY_ACCOUNT) == 1
        clock.advance(1)
        await use(limits, BY_ACCOUNT, 1)


async def test_nobody_is_kept_out_longer_than_the_longest_delay_however_long_it_goes_on(
    limits: MemoryLimits, clock: FakeClock
) -> None:
    await use(limits, BY_ACCOUNT, 20)
    for _ in range(500):
        clock.advance(await refused_for(limits, BY_ACCOUNT))
        await use(limits, BY_ACCOUNT, 1)
    assert await refused_for(limits, BY_ACCOUNT) == 3600


async def test_backoff_ends_after_the_last_delay_and_a_quiet_window(limits: MemoryLimits, clock: FakeClock) -> None:
    await use(limits, BY_ACCOUNT, 20)
    clock.advance(60)
    await use(limits, BY_ACCOUNT, 1)
    clock.advance(120 + 3599)
    await use(limits, BY_ACCOUNT, 1)  # not quiet for long enough: the delay goes on doubling
    assert await refused_for(limits, BY_ACCOUNT) == 240
    clock.advance(240 + 3600)
    await use(limits, BY_ACCOUNT, 20)
    assert await refused_for(limits, BY_ACCOUNT) == 60


async def test_attempts_spread_wider_than_the_window_never_use_it_up(limits: MemoryLimits, clock: FakeClock) -> None:
    for _ in range(200):
        await use(limits, BY_ACCOUNT, 1)
        clock.advance(190)


async def test_a_right_password_leaves_the_backoff_as_it_was(limits: MemoryLimits, clock: FakeClock) -> None:
    await use(limits, BY_ACCOUNT, 20)
    for delay in (60, 120, 240, 480, 960, 1920, 3600, 3600, 3600):
        clock.advance(delay)
        for _ in range(3):
            await limits.give_back(await limits.take(BY_ACCOUNT, "key"))
        await use(limits, BY_ACCOUNT, 1)
    assert await refused_for(limits, BY_ACCOUNT) == 3600


async def test_all_or_none(limits: MemoryLimits) -> None:
    await use(limits, BY_ACCOUNT, 20, key="account")
    for _ in range(10):
        with pytest.raises(Throttled):
            await take_all(limits, (BY_IP_AND_ACCOUNT, "ip account"), (BY_ACCOUNT, "account"))
    taken = await take_all(limits, (BY_IP_AND_ACCOUNT, "ip account"), (BY_ACCOUNT, "another"))
    assert [ticket.key for ticket in taken] == ["ip account", "another"]
    await use(limits, BY_IP_AND_ACCOUNT, 4, key="ip account")
    assert await refused_for(limits, BY_IP_AND_ACCOUNT, key="ip account") == 300


async def test_a_flood_of_keys_is_forgotten_before_those_with_more_attempts(clock: FakeClock) -> None:
    limits = MemoryLimits(clock, keys=100)
    await use(limits, BY_ACCOUNT, 19, key="victim")
    for number in range(5000):
        clock.advance(0.01)
        await use(limits, BY_ACCOUNT, 1, key=f"flood {number}")
    await use(limits, BY_ACCOUNT, 1, key="victim")
    assert await refused_for(limits, BY_ACCOUNT, key="victim") == 60
    assert remembered(limits) <= 100


async def test_a_flood_under_one_limit_makes_no_other_forget(clock: FakeClock) -> None:
    limits = MemoryLimits(clock, keys=10)
    await use(limits, BY_ACCOUNT, 1, key="victim")
    for number in range(1000):
        await use(limits, BY_IP_AND_ACCOUNT, 5, key=f"flood {number}")
    await use(limits, BY_ACCOUNT, 19, key="victim")
    assert await refused_for(limits, BY_ACCOUNT, key="victim") == 60


async def test_what_has_run_out_makes_room_first(clock: FakeClock) -> None:
    limits = MemoryLimits(clock, keys=100)
    for number in range(99):
        await use(limits, BY_IP_AND_ACCOUNT, 5, key=f"old {number}")
    clock.advance(299)
    await use(limits, BY_IP_AND_ACCOUNT, 1, key="fresh")
    clock.advance(1)
    await use(limits, BY_IP_AND_ACCOUNT, 1, key="new")
    assert remembered(limits) == 2
    await use(limits, BY_IP_AND_ACCOUNT, 4, key="fresh")
    assert await refused_for(limits, BY_IP_AND_ACCOUNT, key="fresh") == 299


async def test_only_what_stays_counted_is_remembered(limits: MemoryLimits) -> None:
    for number in range(1000):
        await limits.give_back(await limits.take(BY_ACCOUNT, f"owner {number}"))
    assert remembered(limits) == 0


async def test_limits_that_are_off_refuse_nothing() -> None:
    limits = NoLimits()
    for _ in range(100):
        await limits.take(BY_IP_AND_ACCOUNT, "key")


@given(st.lists(st.tuples(st.floats(0, 400), st.booleans()), max_size=60))
async def test_no_window_ever_holds_more_than_the_limit(steps: list[tuple[float, bool]]) -> None:
    clock = FakeClock()
    limits = MemoryLimits(clock)
    passed: list[float] = []
    waits: list[float | None] = []
    for seconds, legitimate in steps:
        clock.advance(seconds)
        try:
            ticket = await limits.take(BY_IP_AND_ACCOUNT, "key")
        except Throttled as throttled:
            waits.append(throttled.retry_after)
            continue
        if legitimate:
            await limits.give_back(ticket)
        else:
            passed.append(clock.monotonic())
    assert all(wait and 0 < wait <= 300 for wait in waits)
    assert all(later - earlier >= 300 for earlier, later in zip(passed, passed[5:], strict=False))


@pytest.mark.parametrize(
    ("ip", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:DB8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("::ffff:c000:207", "192.0.2.7"),
        ("::1", "::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", UNKNOWN_NETWORK),
        ("testclient", UNKNOWN_NETWORK),
        ("192.0.2.7:443", UNKNOWN_NETWORK),
        ("192.0.2.0/24", UNKNOWN_NETWORK),
        ("192.0.2.7, 198.51.100.1", UNKNOWN_NETWORK),
    ],
)
def test_the_network_that_a_client_is_counted_by(ip: str, network: str) -> None:
    assert network_of(ip) == network


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def limits(clock: FakeClock) -> MemoryLimits:
    return MemoryLimits(clock)


async def use(limits: MemoryLimits, limit: Limit, times: int, key: str = "key") -> None:
    for _ in range(times):
        await limits.take(limit, key)


async def refused_for(limits: MemoryLimits, limit: Limit, key: str = "key") -> float:
    with pytest.raises(Throttled) as throttled:
        await limits.take(limit, key)
    assert throttled.value.retry_after is not None
    return throttled.value.retry_after


def remembered(limits: MemoryLimits) -> int:
    return sum(len(table) for table in limits._counted.values())
