"""The store of LIMITS_URL killed, paused and started again: stricter local limits, and nothing else changes."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from connectrpc.code import Code
from structlog.testing import capture_logs

from app.core.errors import Throttled
from app.core.metrics import Metrics
from app.limits import Limit, MemoryLimits
from app.limits.shared import SharedLimits, stricter
from app.limits.valkey import ValkeyLimits
from tests.accounts.calls import ADA, WRONG
from tests.e2e.server import free_port
from tests.limits.test_counting import BY_ACCOUNT, BY_IP_AND_ACCOUNT, refused_for, use
from tests.support.clock import FakeClock
from tests.support.databases import Original
from tests.support.service import Browser, started
from tests.support.together import OK, together
from tests.support.valkey import KEYS, Valkey, running

PASSWORD_OF_THE_STORE = "hunter2-canary"


@pytest.mark.parametrize("how", ["kill", "pause"])
async def test_a_store_that_goes_away_leaves_stricter_limits(fragile: Valkey, how: str) -> None:
    async with shared(fragile, patience=1) as limits:
        await use(limits, BY_IP_AND_ACCOUNT, 1, key="before")
        getattr(fragile, how)()
        await use(limits, BY_IP_AND_ACCOUNT, 2)
        assert await refused_for(limits, BY_IP_AND_ACCOUNT) == 300
        with pytest.raises(Throttled):
            await limits.peek(BY_IP_AND_ACCOUNT, "key")
        await use(limits, BY_ACCOUNT, 10)
        assert await refused_for(limits, BY_ACCOUNT) == 60


async def test_one_call_waits_and_the_others_do_not(fragile: Valkey) -> None:
    async with shared(fragile, patience=0.2) as limits:
        fragile.pause()
        loop = asyncio.get_running_loop()
        began = loop.time()
        for number in range(200):
            await use(limits, BY_IP_AND_ACCOUNT, 1, key=str(number))
        # 40 s if each had waited, and a fifth of a second for the first.
        assert loop.time() - began < 20


async def test_it_goes_and_comes_back_with_a_line_for_each(fragile: Valkey) -> None:
    metrics = Metrics()
    async with shared(fragile, metrics=metrics) as limits:
        with capture_logs() as logged:
            await limits.look()
            assert (logged, away(metrics)) == ([], 0)
            fragile.kill()
            for _ in range(2):
                await use(limits, BY_IP_AND_ACCOUNT, 1)
                await limits.look()
            assert ([line["event"] for line in logged], away(metrics)) == (["limits_store_away"], 1)
            fragile.start()
            for _ in range(2):
                await limits.look()
            assert [line["event"] for line in logged] == ["limits_store_away", "limits_store_back"]
            assert away(metrics) == 0
        await use(limits, BY_IP_AND_ACCOUNT, 5)


async def test_a_store_that_hung_answers_to_the_point_afterwards(fragile: Valkey) -> None:
    async with shared(fragile, patience=1) as limits:
        await use(limits, BY_IP_AND_ACCOUNT, 5)
        fragile.pause()
        waiting = (use(limits, BY_ACCOUNT, 1, key=str(number)) for number in range(20))
        assert await together(*waiting) == {OK: 20}
        fragile.resume()
        await back(limits)
        for _ in range(20):
            assert await refused_for(limits, BY_IP_AND_ACCOUNT) == pytest.approx(300, abs=60)
            await use(limits, BY_ACCOUNT, 1, key="fresh")


async def test_a_store_cut_off_in_the_middle_of_a_call(fragile: Valkey) -> None:
    async with shared(fragile) as limits:
        await use(limits, BY_IP_AND_ACCOUNT, 1)
        fragile.pause()
        calls = asyncio.gather(*(use(limits, BY_IP_AND_ACCOUNT, 1, key=str(number)) for number in range(5)))
        for _ in range(20):  # turns of the loop, in which they are sent
            await asyncio.sleep(0)
        fragile.kill()
        await calls
        await use(limits, BY_IP_AND_ACCOUNT, 2)
        assert await refused_for(limits, BY_IP_AND_ACCOUNT) == 300


async def test_an_attempt_is_given_back_where_it_was_counted(fragile: Valkey) -> None:
    async with shared(fragile, patience=1) as limits:
        in_store = await limits.take(BY_IP_AND_ACCOUNT, "key")
        fragile.pause()
        await limits.look()
        here = await limits.take(BY_IP_AND_ACCOUNT, "key")
        await limits.give_back(in_store)  # lost: it stays counted
        fragile.resume()
        await back(limits)
        await limits.give_back(here)
        await use(limits, BY_IP_AND_ACCOUNT, 4)
        with pytest.raises(Throttled):
            await limits.take(BY_IP_AND_ACCOUNT, "key")
        fragile.kill()
        await use(limits, BY_IP_AND_ACCOUNT, 2)


async def test_what_is_forgotten_is_so_in_both_places(fragile: Valkey) -> None:
    async with shared(fragile, patience=1) as limits:
        await use(limits, BY_IP_AND_ACCOUNT, 5)
        fragile.pause()
        await limits.look()
        await use(limits, BY_IP_AND_ACCOUNT, 2)
        await limits.forget(BY_IP_AND_ACCOUNT, "key")
        await use(limits, BY_IP_AND_ACCOUNT, 2)
        fragile.resume()
        await back(limits)
        with pytest.raises(Throttled):
            await limits.take(BY_IP_AND_ACCOUNT, "key")
        await limits.forget(BY_IP_AND_ACCOUNT, "key")
        await use(limits, BY_IP_AND_ACCOUNT, 5)
        fragile.kill()
        await use(limits, BY_IP_AND_ACCOUNT, 2)


async def test_one_that_answers_and_cannot_count_is_away(fragile: Valkey) -> None:
    """Its memory is full, say, or it was made a replica: it says PONG, but nothing would be counted."""
    metrics = Metrics()
    async with shared(fragile, metrics=metrics) as limits:
        fragile.client.config_set("maxmemory", "1")
        await use(limits, BY_IP_AND_ACCOUNT, 2)
        await limits.look()
        assert away(metrics) == 1
        assert await refused_for(limits, BY_IP_AND_ACCOUNT) == 300
        fragile.client.config_set("maxmemory", "0")
        await limits.look()
        assert away(metrics) == 0
        await use(limits, BY_IP_AND_ACCOUNT, 5)


async def test_signing_in_while_the_store_is_away(tmp_path: Path, migrated: Original, fragile: Valkey) -> None:
    async with started(tmp_path, migrated, limits_url=fragile.url) as gatepost:
        ada = await gatepost.session(ADA)
        fragile.kill()
        browser = gatepost.browser()
        with capture_logs() as logged:
            outcomes = [await outcome(browser, WRONG) for _ in range(3)]
        assert outcomes == [Code.UNAUTHENTICATED, Code.UNAUTHENTICATED, Code.RESOURCE_EXHAUSTED]
        assert [line["event"] for line in logged].count("limits_store_away") == 1
        await gatepost.browser().sign_in(ADA)
        assert ada.session
        fragile.start()
        shared_limits = gatepost.parts.shared_limits
        assert shared_limits is not None
        await shared_limits.look()
        assert [await outcome(browser, WRONG) for _ in range(6)] == [Code.UNAUTHENTICATED] * 5 + [
            Code.RESOURCE_EXHAUSTED
        ]


async def test_it_starts_without_its_store_and_says_so(tmp_path: Path, migrated: Original) -> None:
    with capture_logs() as logged:
        async with started(tmp_path, migrated, limits_url=f"valkey://127.0.0.1:{free_port()}") as gatepost:
            (line,) = [line for line in logged if line["event"] == "limits_store_away"]
            assert (line["log_level"], line["error_type"]) == ("error", "ConnectionError")
            assert "LIMITS_URL" in line["mend"]
            await gatepost.session(ADA)


@pytest.mark.parametrize(("password", "works"), [(PASSWORD_OF_THE_STORE, True), (f"{PASSWORD_OF_THE_STORE}s", False)])
async def test_its_password_is_used_and_shown_nowhere(
    tmp_path: Path, migrated: Original, password: str, works: bool
) -> None:
    (tmp_path / "store").mkdir()
    with running(tmp_path / "store", free_port()) as store, capture_logs() as logged:
        store.client.config_set("requirepass", PASSWORD_OF_THE_STORE)
        url = f"redis://:{password}@127.0.0.1:{store.port}/3"
        async with started(tmp_path, migrated, limits_url=url) as gatepost:
            await gatepost.session(ADA)
            shown = [repr(gatepost.settings), repr(gatepost.parts), repr(logged)]
        assert [line["event"] for line in logged].count("limits_store_away") == (0 if works else 1)
    assert "hunter2" not in "".join(shown)


def test_half_of_the_events_but_one() -> None:
    assert [stricter(Limit("any", events, 60)).events for events in (1, 2, 3, 30)] == [1, 1, 1, 15]


async def outcome(browser: Browser, password: str) -> object:
    ((end, _),) = (await together(browser.sign_in(ADA, password))).items()
    return end


async def back(limits: SharedLimits) -> None:
    """A store that was paused has its hands full at first."""
    while limits._away:
        await limits.look()


def away(metrics: Metrics) -> float | None:
    return metrics.registry.get_sample_value("gatepost_limits_store_away")


@asynccontextmanager
async def shared(store: Valkey, patience: float = 10, metrics: Metrics | None = None) -> AsyncIterator[SharedLimits]:
    """Patient where nothing hangs, so that a slow machine is not taken for a store that does."""
    limits = SharedLimits(
        ValkeyLimits(store.url, KEYS), MemoryLimits(FakeClock()), metrics or Metrics(), patience=patience
    )
    try:
        yield limits
    finally:
        await limits.close()


@pytest.fixture
def fragile(tmp_path: Path) -> Iterator[Valkey]:
    """A store of the test's own."""
    (tmp_path / "valkey").mkdir()
    with running(tmp_path / "valkey", free_port()) as store:
        yield store
