"""The pool that hashes: full, abandoned by its callers, closed."""

import asyncio
import os
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from passlib.context import CryptContext

from app.accounts.passwords import Passwords, Verdict, current_scheme
from app.core.errors import Busy

RIGHT = "correct horse battery staple"


async def test_a_full_pool_refuses_at_once_and_serves_again_when_there_is_room(held: "HeldScheme") -> None:
    passwords = Passwords(threads=1, queue=2, context=held)
    stored = held.hash(RIGHT)
    served = [asyncio.create_task(passwords.verify(RIGHT, stored)) for _ in range(3)]
    await held.until_one_runs()
    with pytest.raises(Busy):
        await passwords.verify(RIGHT, stored)
    with pytest.raises(Busy):
        await passwords.hash(RIGHT)

    held.gate.set()
    assert [verdict.matches for verdict in await asyncio.gather(*served)] == [True] * 3
    assert (await passwords.verify(RIGHT, stored)).matches
    passwords.close()


@pytest.mark.parametrize(("cores", "threads"), [(None, 1), (1, 1), (2, 1), (4, 3)])
async def test_left_to_itself_the_pool_leaves_one_core_free(
    held: "HeldScheme", monkeypatch: pytest.MonkeyPatch, cores: int | None, threads: int
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    passwords = Passwords(threads=0, queue=0, context=held)
    stored = held.hash(RIGHT)
    served = [asyncio.create_task(passwords.verify(RIGHT, stored)) for _ in range(threads)]
    await held.until_one_runs()
    with pytest.raises(Busy):
        await passwords.verify(RIGHT, stored)
    held.gate.set()
    await asyncio.gather(*served)
    passwords.close()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a priority is the whole process's")
async def test_the_pool_gives_way_to_the_event_loop() -> None:
    scheme, seen = current_scheme(), list[int]()
    passwords = Passwords(threads=1, queue=0, context=scheme)
    before = os.getpriority(os.PRIO_PROCESS, 0)
    await passwords._in_pool(lambda: seen.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id())))
    assert seen == [before + 5]
    assert os.getpriority(os.PRIO_PROCESS, 0) == before
    passwords.close()


async def test_the_event_loop_goes_on_while_the_pool_is_held(held: "HeldScheme") -> None:
    passwords = Passwords(threads=1, queue=1, context=held)
    running = asyncio.create_task(passwords.verify(RIGHT, held.hash(RIGHT)))
    await held.until_one_runs()
    assert not running.done()  # and yet this line is reached
    held.gate.set()
    assert (await running).matches
    assert held.threads.isdisjoint({threading.get_ident()})
    passwords.close()


async def test_a_caller_cancelled_while_waiting_frees_the_slot_and_is_never_served(held: "HeldScheme") -> None:
    passwords = Passwords(threads=1, queue=1, context=held)
    stored = held.hash(RIGHT)
    running = asyncio.create_task(passwords.verify(RIGHT, stored))
    await held.until_one_runs()
    waiting = asyncio.create_task(passwords.verify("of the one who leaves", stored))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting

    next_one = asyncio.create_task(passwords.verify(RIGHT, stored))
    held.gate.set()
    assert (await running).matches
    assert (await next_one).matches
    assert "of the one who leaves" not in held.checked
    passwords.close()


async def test_a_caller_cancelled_while_served_keeps_the_slot_until_the_thread_is_free(held: "HeldScheme") -> None:
    passwords = Passwords(threads=1, queue=0, context=held)
    stored = held.hash(RIGHT)
    running = asyncio.create_task(passwords.verify(RIGHT, stored))
    await held.until_one_runs()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    with pytest.raises(Busy):
        await passwords.verify(RIGHT, stored)

    held.gate.set()
    assert (await first_served(passwords, stored)).matches
    passwords.close()


async def test_closing_drops_what_waits_and_ends_the_threads(held: "HeldScheme") -> None:
    passwords = Passwords(threads=1, queue=1, context=held)
    calls = [asyncio.create_task(passwords.verify(RIGHT, held.hash(RIGHT))) for _ in range(2)]
    await held.until_one_runs()
    closing = asyncio.create_task(asyncio.to_thread(passwords.close))
    with pytest.raises(asyncio.CancelledError):
        await calls[1]
    held.gate.set()
    await closing
    assert (await calls[0]).matches
    assert not [thread for thread in threading.enumerate() if thread.ident in held.threads]


async def first_served(passwords: Passwords, stored: str) -> Verdict:
    async with asyncio.timeout(10):
        while True:
            try:
                return await passwords.verify(RIGHT, stored)
            except Busy:
                await asyncio.sleep(0)


class HeldScheme(CryptContext):  # type: ignore[misc]
    """The current scheme, with checks that wait for a gate."""

    def __init__(self) -> None:
        super().__init__(**current_scheme().to_dict())
        self.gate = threading.Event()
        self.checked: list[str] = []
        self.threads: set[int] = set()
        self._running = threading.Event()

    def verify_and_update(self, secret: str, hash: str) -> Any:
        self.checked.append(secret)
        self.threads.add(threading.get_ident())
        self._running.set()
        assert self.gate.wait(10)
        return super().verify_and_update(secret, hash)

    async def until_one_runs(self) -> None:
        assert await asyncio.to_thread(self._running.wait, 10)


@pytest.fixture
def held() -> Iterator[HeldScheme]:
    scheme = HeldScheme()
    yield scheme
    scheme.gate.set()  # or a failed test would keep the thread
