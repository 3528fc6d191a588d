"""Background loops go on whatever happens, and end when they are told to."""

import asyncio

import pytest
from structlog.testing import capture_logs

from app.core.worker import every


async def test_a_failure_is_logged_without_its_words_and_tried_again() -> None:
    runs = 0
    enough = asyncio.Event()

    async def work() -> None:
        nonlocal runs
        runs += 1
        if runs == 3:
            enough.set()
        raise ValueError("hunter2-canary")

    with capture_logs() as logged:
        worker = asyncio.create_task(every(0, work, "sweeper"))
        await enough.wait()
        await asyncio.sleep(0)
        worker.cancel()
        await asyncio.gather(worker, return_exceptions=True)
    assert [(line["event"], line["worker"], line["error_type"]) for line in logged[:3]] == [
        ("worker_failed", "sweeper", "ValueError")
    ] * 3
    assert "hunter2-canary" not in repr(logged)


async def test_it_pauses_between_runs_and_ends_when_cancelled() -> None:
    runs: list[int] = []

    async def work() -> None:
        runs.append(1)

    worker = asyncio.create_task(every(3600, work, "sweeper"))
    for _ in range(10):
        await asyncio.sleep(0)
    worker.cancel()
    with pytest.raises(asyncio.CancelledError):
        await worker
    assert runs == [1]


async def test_work_in_progress_is_cut_when_cancelled() -> None:
    started, seen = asyncio.Event(), []

    async def work() -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            seen.append("cut")

    worker = asyncio.create_task(every(0, work, "sweeper"))
    await started.wait()
    worker.cancel()
    await asyncio.gather(worker, return_exceptions=True)
    assert (worker.cancelled(), seen) == (True, ["cut"])
