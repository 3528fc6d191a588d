"""The C libraries that hash, watched and held; nothing of ours is replaced."""

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import argon2.low_level
import bcrypt
import pytest
from argon2.exceptions import VerifyMismatchError


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The hashes that the two C libraries really computed: calls that they refuse by their arguments are none."""
    done: list[str] = []

    def counting(name: str, original: Any) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            try:
                result = original(*args, **kwargs)
            except VerifyMismatchError:
                done.append(name)
                raise
            done.append(name)
            return result

        return call

    for name in ("verify_secret", "hash_secret"):
        monkeypatch.setattr(argon2.low_level, name, counting("argon2", getattr(argon2.low_level, name)))
    monkeypatch.setattr(bcrypt, "hashpw", counting("bcrypt", bcrypt.hashpw))
    return done


class HeldHashing:
    """Between `hold` and `release` a password's check begins and does not end: a moment as long as a test needs."""

    def __init__(self) -> None:
        self._gate = threading.Event()
        self._begun = threading.Semaphore(0)
        self.release()

    def hold(self) -> None:
        self._gate.clear()

    def release(self) -> None:
        self._gate.set()

    def pass_through(self) -> None:
        """Called in the thread that checks."""
        if not self._gate.is_set():
            self._begun.release()
            assert self._gate.wait(10)

    async def until_one_begins(self) -> None:
        assert await asyncio.to_thread(self._begun.acquire, timeout=10)


@pytest.fixture
def hashing(monkeypatch: pytest.MonkeyPatch) -> Iterator[HeldHashing]:
    held, verify = HeldHashing(), argon2.low_level.verify_secret

    def verify_when_released(*args: Any, **kwargs: Any) -> Any:
        held.pass_through()
        return verify(*args, **kwargs)

    monkeypatch.setattr(argon2.low_level, "verify_secret", verify_when_released)
    yield held
    held.release()  # or a failed test would keep the thread
