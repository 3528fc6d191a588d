"""A Valkey for the tests that only count in one, and limits in both places."""

from collections.abc import AsyncIterator, Iterator

import pytest

from app.limits import Limits, MemoryLimits
from tests.accounts.conftest import computed
from tests.e2e.server import free_port
from tests.support.clock import FakeClock
from tests.support.valkey import StoreClock, Valkey, limits_of, running, told_the_time

__all__ = ["computed"]  # pytest finds it here


@pytest.fixture(autouse=True)
def patient_service(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow machine is not to be taken for a store that hangs."""
    monkeypatch.setattr("app.main.STORE_PATIENCE", 10)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    with running(tmp_path_factory.mktemp("valkey"), free_port()) as valkey:
        yield valkey


@pytest.fixture
def store(server: Valkey) -> Valkey:
    """With nothing in it."""
    server.client.flushall()
    return server


@pytest.fixture(params=["memory", "valkey"])
def place(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def clock(place: str, request: pytest.FixtureRequest) -> FakeClock:
    return FakeClock() if place == "memory" else StoreClock(request.getfixturevalue("store").client)


@pytest.fixture
async def limits(place: str, clock: FakeClock, request: pytest.FixtureRequest) -> AsyncIterator[Limits]:
    if place == "memory":
        yield MemoryLimits(clock)
        return
    with told_the_time():
        async with limits_of(request.getfixturevalue("store")) as shared:
            yield shared
