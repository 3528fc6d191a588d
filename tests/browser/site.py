"""The service on a port of its own, in the loop of the test: the network is real, and the clock is the test's."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.utils import format_datetime
from pathlib import Path
from typing import Any

from starlette.types import Message, Receive, Scope, Send

from app.server import configured
from tests.browser.listening import Certificate, any_port, running
from tests.support.databases import Original
from tests.support.service import Gatepost, started


@dataclass(frozen=True, slots=True)
class Seen:
    """A request that came, and the status that went back."""

    method: str
    rpc: str
    """The method of an RPC; for another path, what follows its last slash."""
    http: str
    """Its version."""
    headers: dict[str, str]
    """By their lower-case names."""
    status: int


@dataclass
class Site:
    gatepost: Gatepost
    url: str
    seen: list[Seen] = field(default_factory=list)
    """In the order in which their answers ended."""
    _came: asyncio.Condition = field(default_factory=asyncio.Condition)
    _awaited: dict[str, asyncio.Barrier] = field(default_factory=dict)
    _held: dict[str, asyncio.Event] = field(default_factory=dict)

    async def saw(self, number: int) -> None:
        """Wait until so many requests were answered."""
        async with self._came:
            await self._came.wait_for(lambda: len(self.seen) >= number)

    def hold(self, rpc: str, number: int) -> None:
        """The next calls of `rpc` wait for one another until there are so many; those after them do not wait."""
        self._awaited[rpc] = asyncio.Barrier(number)

    def hold_rest(self, rpc: str) -> asyncio.Event:
        """Of answers to `rpc` send what comes first, and the rest once the event is set."""
        return self._held.setdefault(rpc, asyncio.Event())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        called, status, begun = scope["path"][1:], 0, False
        if (barrier := self._awaited.get(called)) and scope["method"] == "POST":
            await barrier.wait()
            self._awaited.pop(called, None)

        async def sending(message: Message) -> None:
            nonlocal status, begun
            if message["type"] == "http.response.start":
                date = format_datetime(self.gatepost.clock.now(), usegmt=True)
                message["headers"] = [*message["headers"], (b"date", date.encode())]
            status = message.get("status", status)
            if begun and called in self._held:
                await self._held[called].wait()
            begun = begun or bool(message.get("body"))
            await send(message)

        await self.gatepost.app(scope, receive, sending)
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        rpc = scope["path"].rpartition("/")[2]
        async with self._came:
            self.seen.append(Seen(scope["method"], rpc, scope["http_version"], headers, status))
            self._came.notify_all()


@asynccontextmanager
async def site(
    folder: Path, migrated: Original, *, certificate: Certificate | None = None, **options: Any
) -> AsyncIterator[Site]:
    """What `started` starts with these options, reached at PUBLIC_URL: https if there is a certificate."""
    listener = any_port()
    url = f"{'https' if certificate else 'http'}://127.0.0.1:{listener.getsockname()[1]}"
    async with started(folder, migrated, **{"public_url": url, **options}) as gatepost:
        reached = Site(gatepost, url)
        tls: dict[str, Any] = certificate.options if certificate else {}
        async with running(configured(reached, gatepost.settings, lifespan="off", date_header=False, **tls), listener):
            yield reached
