"""What this process remembers of attempts, and what it forgets first."""

from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import Throttled
from app.limits import MemoryLimits
from tests.limits.test_counting import BY_ACCOUNT, BY_IP_AND_ACCOUNT, refused_for, use
from tests.support.clock import FakeClock


async def test_a_flood_of_keys_is_forgotten_before_those_with_more_attempts() -> None:
    clock = FakeClock()
    limits = MemoryLimits(clock, keys=100)
    await use(limits, BY_ACCOUNT, 19, key="victim")
    for number in range(5000):
        clock.advance(0.01)
        await use(limits, BY_ACCOUNT, 1, key=f"flood {number}")
    await use(limits, BY_ACCOUNT, 1, key="victim")
    assert await refused_for(limits, BY_ACCOUNT, key="victim") == 60
    assert remembered(limits) <= 100


async def test_a_flood_under_one_limit_makes_no_other_forget() -> None:
    clock = FakeClock()
    limits = MemoryLimits(clock, keys=10)
    await use(limits, BY_ACCOUNT, 1, key="victim")
    for number in range(1000):
        await use(limits, BY_IP_AND_ACCOUNT, 5, key=f"flood {number}")
    await use(limits, BY_ACCOUNT, 19, key="victim")
    assert await refused_for(limits, BY_ACCOUNT, key="victim") == 60


async def test_what_has_run_out_makes_room_first() -> None:
    clock = FakeClock()
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


async def test_only_what_stays_counted_is_remembered() -> None:
    limits = MemoryLimits(FakeClock())
    for number in range(1000):
        await limits.give_back(await limits.take(BY_ACCOUNT, f"owner {number}"))
    assert remembered(limits) == 0


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


def remembered(limits: MemoryLimits) -> int:
    return sum(len(table) for table in limits._counted.values())
