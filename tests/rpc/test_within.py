"""Bounds that are set up only for what waits."""

import asyncio
from collections.abc import Awaitable

import pytest

from app.rpc.within import once_it_waits, within


async def at_once() -> str:
    return "done"


async def later(event: asyncio.Event) -> str:
    for _ in range(3):  # more than once, for what is left is driven step by step
        await asyncio.sleep(0)
    await event.wait()
    return "done"


async def noted(rest: Awaitable[str], log: list[str]) -> str:
    log.append("waits")
    outcome = await rest
    log.append("ended")
    return outcome


async def test_what_never_waits_meets_no_bound() -> None:
    log: list[str] = []
    assert await once_it_waits(at_once(), noted, log) == "done"
    assert log == []


async def test_what_waits_is_handed_to_its_bound() -> None:
    log, event = list[str](), asyncio.Event()
    waiting = asyncio.create_task(once(later(event), log))
    await asyncio.sleep(0)
    assert log == ["waits"]
    event.set()
    assert await waiting == "done"
    assert log == ["waits", "ended"]


async def test_a_failure_before_it_waits_comes_through() -> None:
    with pytest.raises(LookupError):
        await within(1, failing())


async def test_a_failure_after_it_has_waited_comes_through() -> None:
    with pytest.raises(LookupError):
        await within(1, failing(waits=True))


async def test_a_cancellation_reaches_the_work_where_it_waits() -> None:
    log: list[str] = []
    waiting = asyncio.create_task(within(60, cleaning(log)))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert log == ["cleaned"]


async def test_work_may_go_on_in_spite_of_a_cancellation() -> None:
    """As a driver's that first tells its server."""
    waiting = asyncio.create_task(within(60, stubborn()))
    await asyncio.sleep(0)
    waiting.cancel()
    assert await waiting == "in spite of it"


async def test_time_that_is_over_is_told() -> None:
    log: list[str] = []
    with pytest.raises(TimeoutError):
        await within(0, cleaning(log))
    assert log == ["cleaned"]


async def test_without_time_nothing_begins() -> None:
    log: list[str] = []
    with pytest.raises(TimeoutError):
        await within(-1, cleaning(log))
    assert log == []


async def test_a_future_will_do() -> None:
    event = asyncio.Event()
    waiting = asyncio.create_task(within(60, asyncio.shield(asyncio.ensure_future(later(event)))))
    await asyncio.sleep(0)
    event.set()
    assert await waiting == "done"


async def once(work: Awaitable[str], log: list[str]) -> str:
    return await once_it_waits(work, noted, log)


async def failing(*, waits: bool = False) -> None:
    if waits:
        await asyncio.sleep(0)
    raise LookupError


async def cleaning(log: list[str]) -> None:
    try:
        await asyncio.Event().wait()
    finally:
        log.append("cleaned")


async def stubborn() -> str:
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        await asyncio.sleep(0)
    return "in spite of it"
