"""Limits: what is counted, when it runs out, and what is remembered, in memory and in a Valkey alike."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.errors import Throttled
from app.limits import Limit, Limits, MemoryLimits, NoLimits, take_all
from tests.support.clock import FakeClock
from tests.support.valkey import StoreClock, Valkey, limits_of, told_the_time

BY_IP_AND_ACCOUNT = Limit("password-by-ip-and-account", events=5, seconds=300)
BY_ACCOUNT = Limit("password-by-account", events=20, seconds=3600, backoff=(60, 3600))


async def test_refuses_the_sixth_until_the_first_is_300_seconds_old(limits: Limits, clock: FakeClock) -> None:
    await use(limits, BY_IP_AND_ACCOUNT, 1)
    clock.advance(100)
    await use(limits, BY_IP_AND_ACCOUNT, 4)
    assert await refused_for(limits, BY_IP_AND_ACCOUNT) == 200

    clock.advance(199.5)
    assert await refused_for(limits, BY_IP_AND_ACCOUNT) == 0.5
    clock.advance(0.5)
    await use(limits, BY_IP_AND_ACCOUNT, 1)
    assert await refused_for(limits, BY_IP_AND_ACCOUNT) == 100


async def test_what_is_refused_does_not_prolong_the_refusal(limits: Limits, clock: FakeClock) -> None:
    await use(limits, BY_IP_AND_ACCOUNT, 5)
    for _ in range(30):
        clock.advance(10)
        if clock.monotonic() < 1300:
            assert await refused_for(limits, BY_IP_AND_ACCOUNT) == 1300 - clock.monotonic()
    await use(limits, BY_IP_AND_ACCOUNT, 5)


async def test_keys_and_limits_do_not_touch_each_other(limits: Limits) -> None:
    await use(limits, BY_IP_AND_ACCOUNT, 5, key="one")
    await use(limits, BY_IP_AND_ACCOUNT, 5, key="other")
    await use(limits, BY_ACCOUNT, 20, key="one")
    assert await refused_for(limits, BY_IP_AND_ACCOUNT, key="one") == 300


async def test_of_parallel_guesses_exactly_as_many_pass_as_the_limit_says(limits: Limits) -> None:
    async def guess() -> bool:
        await asyncio.sleep(0)
        await limits.take(BY_IP_AND_ACCOUNT, "victim")
        await asyncio.sleep(0)
        return True

    outcomes = await asyncio.gather(*(guess() for _ in range(50)), return_exceptions=True)
    assert [outcome for outcome in outcomes if not isinstance(outcome, Throttled)] == [True] * 5


async def test_what_is_given_back_was_never_counted(limits: Limits, clock: FakeClock) -> None:
    for _ in range(100):
        await limits.give_back(await limits.take(BY_IP_AND_ACCOUNT, "owner"))
    await use(limits, BY_IP_AND_ACCOUNT, 4, key="owner")
    ticket = await limits.take(BY_IP_AND_ACCOUNT, "owner")
    assert await refused_for(limits, BY_IP_AND_ACCOUNT, key="owner") == 300
    await limits.give_back(ticket)
    await use(limits, BY_IP_AND_ACCOUNT, 1, key="owner")


async def test_a_ticket_that_came_too_late_gives_nothing_back(limits: Limits, clock: FakeClock) -> None:
    late = await limits.take(BY_IP_AND_ACCOUNT, "owner")
    clock.advance(300)
    await use(limits, BY_IP_AND_ACCOUNT, 5, key="owner")
    await limits.give_back(late)
    assert await refused_for(limits, BY_IP_AND_ACCOUNT, key="owner") == 300
    await limits.give_back(await NoLimits().take(BY_ACCOUNT, "never heard of"))


async def test_a_used_up_limit_with_backoff_opens_once_after_each_of_doubling_delays(
    limits: Limits, clock: FakeClock
) -> None:
    await use(limits, BY_ACCOUNT, 20)
    for delay in (60, 120, 240, 480, 960, 1920, 3600, 3600, 3600):
        assert await refused_for(limits, BY_ACCOUNT) == delay
        clock.advance(delay - 1)
        assert await refused_for(limits, BY_ACCOUNT) == 1
        clock.advance(1)
        await use(limits, BY_ACCOUNT, 1)


async def test_nobody_is_kept_out_longer_than_the_longest_delay_however_long_it_goes_on(
    limits: Limits, clock: FakeClock
) -> None:
    await use(limits, BY_ACCOUNT, 20)
    for _ in range(500):
        clock.advance(await refused_for(limits, BY_ACCOUNT))
        await use(limits, BY_ACCOUNT, 1)
    assert await refused_for(limits, BY_ACCOUNT) == 3600


async def test_backoff_ends_after_the_last_delay_and_a_quiet_window(limits: Limits, clock: FakeClock) -> None:
    await use(limits, BY_ACCOUNT, 20)
    clock.advance(60)
    await use(limits, BY_ACCOUNT, 1)
    clock.advance(120 + 3599)
    await use(limits, BY_ACCOUNT, 1)  # not quiet for long enough: the delay goes on doubling
    assert await refused_for(limits, BY_ACCOUNT) == 240
    clock.advance(240 + 3600)
    await use(limits, BY_ACCOUNT, 20)
    assert await refused_for(limits, BY_ACCOUNT) == 60


async def test_attempts_spread_wider_than_the_window_never_use_it_up(limits: Limits, clock: FakeClock) -> None:
    for _ in range(200):
        await use(limits, BY_ACCOUNT, 1)
        clock.advance(190)


async def test_a_right_password_leaves_the_backoff_as_it_was(limits: Limits, clock: FakeClock) -> None:
    await use(limits, BY_ACCOUNT, 20)
    for delay in (60, 120, 240, 480, 960, 1920, 3600, 3600, 3600):
        clock.advance(delay)
        for _ in range(3):
            await limits.give_back(await limits.take(BY_ACCOUNT, "key"))
        await use(limits, BY_ACCOUNT, 1)
    assert await refused_for(limits, BY_ACCOUNT) == 3600


async def test_a_look_refuses_as_an_attempt_would_and_counts_nothing(limits: Limits, clock: FakeClock) -> None:
    for limit, seconds in ((BY_IP_AND_ACCOUNT, 300), (BY_ACCOUNT, 60)):
        await use(limits, limit, limit.events - 1)
        for _ in range(3):
            await limits.peek(limit, "key")
        await use(limits, limit, 1)
        for _ in range(3):
            with pytest.raises(Throttled) as throttled:
                await limits.peek(limit, "key")
            assert throttled.value.retry_after == seconds
        await limits.peek(limit, "another key")
    clock.advance(60)
    await limits.peek(BY_ACCOUNT, "key")
    await use(limits, BY_ACCOUNT, 1)


async def test_what_is_forgotten_was_never_counted_and_the_rest_stays(limits: Limits) -> None:
    for limit in (BY_IP_AND_ACCOUNT, BY_ACCOUNT):
        for key in ("owner", "other"):
            await use(limits, limit, limit.events, key=key)
    await limits.forget(BY_ACCOUNT, "owner")
    await limits.forget(BY_ACCOUNT, "never heard of")
    await use(limits, BY_ACCOUNT, 20, key="owner")
    assert await refused_for(limits, BY_ACCOUNT, key="owner") == 60
    assert await refused_for(limits, BY_ACCOUNT, key="other") == 60
    assert await refused_for(limits, BY_IP_AND_ACCOUNT, key="owner") == 300


async def test_all_or_none(limits: Limits) -> None:
    await use(limits, BY_ACCOUNT, 20, key="account")
    for _ in range(10):
        with pytest.raises(Throttled):
            await take_all(limits, (BY_IP_AND_ACCOUNT, "ip account"), (BY_ACCOUNT, "account"))
    taken = await take_all(limits, (BY_IP_AND_ACCOUNT, "ip account"), (BY_ACCOUNT, "another"))
    assert [ticket.key for ticket in taken] == ["ip account", "another"]
    await use(limits, BY_IP_AND_ACCOUNT, 4, key="ip account")
    assert await refused_for(limits, BY_IP_AND_ACCOUNT, key="ip account") == 300


async def test_limits_that_are_off_refuse_nothing() -> None:
    limits = NoLimits()
    for _ in range(100):
        await limits.take(BY_IP_AND_ACCOUNT, "key")
    await limits.forget(BY_IP_AND_ACCOUNT, "key")


STEPS = st.tuples(st.integers(0, 400_000), st.sampled_from(["fails", "right", "looks"]))


@pytest.mark.parametrize("limit", [BY_IP_AND_ACCOUNT, Limit("few", events=2, seconds=60, backoff=(10, 100))], ids=str)
@given(st.lists(STEPS, max_size=40))
@settings(max_examples=30, deadline=None)
async def test_both_places_answer_alike(server: Valkey, limit: Limit, steps: list[tuple[int, str]]) -> None:
    server.client.flushall()
    clock = StoreClock(server.client)
    memory = MemoryLimits(clock)
    with told_the_time():
        async with limits_of(server) as shared:
            for milliseconds, act in steps:
                clock.advance(milliseconds / 1000)
                in_memory, in_store = [await waited(place, limit, act) for place in (memory, shared)]
                assert in_store == pytest.approx(in_memory, abs=1e-5)


async def waited(limits: Limits, limit: Limit, act: str) -> float:
    """Seconds that one attempt is told to wait, 0 if it goes."""
    try:
        if act == "looks":
            await limits.peek(limit, "key")
            return 0
        ticket = await limits.take(limit, "key")
    except Throttled as throttled:
        return throttled.retry_after or -1
    if act == "right":
        await limits.give_back(ticket)
    return 0


async def use(limits: Limits, limit: Limit, times: int, key: str = "key") -> None:
    for _ in range(times):
        await limits.take(limit, key)


async def refused_for(limits: Limits, limit: Limit, key: str = "key") -> float:
    with pytest.raises(Throttled) as throttled:
        await limits.take(limit, key)
    assert throttled.value.retry_after is not None
    return throttled.value.retry_after
