"""Calls that start together."""

import asyncio
from collections import Counter
from collections.abc import Awaitable
from typing import Any

from connectrpc.errors import ConnectError

OK = "ok"


async def together(*calls: Awaitable[Any]) -> Counter[object]:
    """How the calls ended: OK or the code, and how often. Anything but a refusal is raised."""
    return Counter(_ended(answer) for answer in await asyncio.gather(*calls, return_exceptions=True))


def _ended(answer: object) -> object:
    if isinstance(answer, ConnectError):
        return answer.code
    if isinstance(answer, BaseException):
        raise answer
    return OK
