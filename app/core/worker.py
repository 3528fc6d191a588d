"""Background loops of the service."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from app.core.log import describe

_log = structlog.get_logger()


async def every(seconds: float, work: Callable[[], Awaitable[object]], name: str, *, first_after: float = 0) -> None:
    """Do the work again and again until cancelled. A failure is logged and tried again: a worker that died would go
    unnoticed until its users did not."""
    await asyncio.sleep(first_after)
    while True:
        try:
            await work()
        except Exception as error:
            _log.error("worker_failed", worker=name, **describe(error))
        await asyncio.sleep(seconds)
