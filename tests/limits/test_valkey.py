"""What the store is told, how long it keeps it, and that processes count together."""

import asyncio
import time
from pathlib import Path

import pytest
from connectrpc.code import Code

from app.core.errors import Throttled
from app.limits import Limit, Per
from tests.accounts.calls import ADA, WRONG
from tests.limits.test_counting import BY_ACCOUNT, BY_IP_AND_ACCOUNT, refused_for, use
from tests.support.databases import Original
from tests.support.service import Gatepost, started
from tests.support.together import together
from tests.support.valkey import StoreClock, Valkey, limits_of, told_the_time

ODD_KEYS = ["", ADA, "2001:db8::/64 ada@example.test", "Zoë\n\x00", "\ud800", "x" * 10_000]


async def test_the_store_is_told_neither_addresses_nor_networks(
    tmp_path: Path, migrated: Original, store: Valkey
) -> None:
    async with started(tmp_path, migrated, limits_url=store.url) as gatepost:
        browser = gatepost.browser(ip="192.0.2.7")
        await browser.sign_up(ADA)
        assert await together(browser.sign_in(ADA, WRONG)) == {Code.UNAUTHENTICATED: 1}
    stored = b"\n".join(key + b"".join(store.client.lrange(key, 0, -1)) for key in names(store))
    assert b"failures_by_address" in stored
    assert b"ada" not in stored
    assert b"192.0.2" not in stored


@pytest.mark.parametrize("key", ODD_KEYS, ids=ascii)
async def test_every_key_has_a_counter_of_its_own(store: Valkey, key: str) -> None:
    async with limits_of(store) as limits:
        await use(limits, BY_IP_AND_ACCOUNT, 5, key=key)
        assert await refused_for(limits, BY_IP_AND_ACCOUNT, key=key) == pytest.approx(300, abs=60)
        await use(limits, BY_IP_AND_ACCOUNT, 1, key=f"{key}x")
    assert len(names(store)) == 2


async def test_it_goes_by_the_stores_own_clock(store: Valkey) -> None:
    async with limits_of(store) as limits:
        before = time.time()
        ticket = await limits.take(BY_IP_AND_ACCOUNT, "key")
        assert before - 1 < ticket.at / 1_000_000 < time.time() + 1


async def test_keys_expire_when_their_limit_is_fresh(store: Valkey) -> None:
    async with limits_of(store) as limits:
        for limit, events, seconds in (
            (BY_IP_AND_ACCOUNT, 1, 300),
            (BY_IP_AND_ACCOUNT, 4, 300),
            (BY_ACCOUNT, 19, 3600),
            (BY_ACCOUNT, 1, 3600 + 60),  # the twentieth: the first delay, then a quiet window
        ):
            await use(limits, limit, events)
            (name,) = [key for key in names(store) if f":{limit.name}:".encode() in key]
            assert seconds - 60 < store.client.pttl(name) / 1000 <= seconds


async def test_what_is_given_back_leaves_nothing(store: Valkey) -> None:
    async with limits_of(store) as limits:
        for number in range(20):
            await limits.give_back(await limits.take(BY_ACCOUNT, f"owner {number}"))
            await limits.peek(BY_ACCOUNT, f"owner {number}")
    assert names(store) == []


async def test_a_key_never_holds_more_than_it_needs(store: Valkey) -> None:
    clock = StoreClock(store.client)
    few = Limit("few", events=2, seconds=60, backoff=(10, 100))
    with told_the_time():
        async with limits_of(store) as limits:
            await use(limits, few, 2)
            for _ in range(100):
                clock.advance(100)
                await use(limits, few, 1)
    (name,) = [key for key in names(store) if b":few:" in key]
    assert store.client.llen(name) <= 2 + 32 + 1


async def test_a_clock_set_back_keeps_nobody_out_for_longer_than_the_window(store: Valkey) -> None:
    clock = StoreClock(store.client)
    with told_the_time():
        async with limits_of(store) as limits:
            clock.advance(days=1)
            await use(limits, BY_IP_AND_ACCOUNT, 5)
            clock.advance(days=-1)
            assert await refused_for(limits, BY_IP_AND_ACCOUNT) == 300
            clock.advance(300)
            await use(limits, BY_IP_AND_ACCOUNT, 5)


async def test_a_call_that_is_cut_short_mixes_up_no_answers(store: Valkey) -> None:
    """The connection it was on may still get its answer, which must not be taken for that to another question."""
    wide = Limit("wide", events=10_000, seconds=300, per=Per.CLIENT)
    async with limits_of(store) as limits:
        await use(limits, BY_IP_AND_ACCOUNT, 5)
        for turn in range(40):
            calls = [asyncio.create_task(limits.take(wide, str(number))) for number in range(10)]
            for _ in range(turn % 8):
                await asyncio.sleep(0)
            for call in calls[::2]:
                call.cancel()
            refusals = await asyncio.gather(
                *(limits.take(BY_IP_AND_ACCOUNT, "key") for _ in range(5)), return_exceptions=True
            )
            assert [type(each) for each in refusals] == [Throttled] * 5
            passed = await asyncio.gather(*calls, return_exceptions=True)
            assert all(isinstance(each, asyncio.CancelledError) or each.key for each in passed)
            assert not any(isinstance(each, Exception) for each in passed[1::2])


async def test_guesses_spread_over_two_processes_are_counted_together(
    tmp_path: Path, migrated: Original, store: Valkey, computed: list[str]
) -> None:
    async with (
        started(folder(tmp_path, "one"), migrated, limits_url=store.url) as one,
        started(folder(tmp_path, "other"), migrated, limits_url=store.url) as other,
    ):
        guesses = [guess(service) for _ in range(10) for service in (one, other)]
        assert await together(*guesses) == {Code.UNAUTHENTICATED: 5, Code.RESOURCE_EXHAUSTED: 15}
        assert len(computed) == 5


async def test_a_right_password_is_given_back_on_whatever_process(
    tmp_path: Path, migrated: Original, store: Valkey
) -> None:
    async with started(tmp_path, migrated, limits_url=store.url) as gatepost:
        owner = gatepost.browser(ip="192.0.2.1")
        await owner.sign_up(ADA)
        for _ in range(7):
            await owner.sign_in(ADA)
        guesses = [guess(gatepost) for _ in range(6)]
        assert await together(*guesses) == {Code.UNAUTHENTICATED: 5, Code.RESOURCE_EXHAUSTED: 1}


async def guess(gatepost: Gatepost) -> None:
    await gatepost.browser(ip="192.0.2.1").sign_in(ADA, WRONG)


def names(store: Valkey) -> list[bytes]:
    found: list[bytes] = store.client.keys()
    return found


def folder(parent: Path, name: str) -> Path:
    (parent / name).mkdir()
    return parent / name
