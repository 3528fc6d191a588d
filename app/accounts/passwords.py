"""Hashing and checking of passwords, in threads of their own."""

import asyncio
import contextlib
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from passlib.context import CryptContext

from app.accounts.password_rules import normalized
from app.core.errors import Busy

T = TypeVar("T")

MEMORY_KIB, PASSES, LANES = 19456, 2, 1
"""Argon2id at the strength of ASVS 11.4.2. One lane: the threads of the pool are the parallelism there is."""

_NICENESS = 5
"""Of the hashing threads, above the event loop's own: of one core that both want they get a quarter. With 10 it would
be a tenth, and whoever kept the loop busy would keep people from signing in."""

NOBODY = f"$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}${'A' * 22}${'A' * 43}"
"""What a password is checked against where there is no hash: current parameters, salt and digest of zero bytes.

No password is known to have that digest; to find one is to break Argon2. Being a constant it costs a start nothing.
"""


def current_scheme() -> CryptContext:
    """Makes argon2id hashes and reads bcrypt; every hash with other parameters counts as outdated (ASVS 11.2.2)."""
    return CryptContext(
        schemes=["argon2", "bcrypt"],
        deprecated="auto",
        argon2__type="ID",
        argon2__memory_cost=MEMORY_KIB,
        argon2__time_cost=PASSES,
        argon2__parallelism=LANES,
    )


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a password matches, and if it does and the stored hash is outdated, the hash to store instead."""

    matches: bool
    upgraded: str | None = None


def _give_way() -> None:
    """Have this thread take only what time the event loop leaves: hashing is long, and all other calls are short.

    Linux has a priority for each thread; elsewhere the same call would slow the whole process down. Where it is not
    allowed it is not needed for anything to be right.
    """
    if sys.platform == "linux":
        thread = threading.get_native_id()
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, thread) + _NICENESS)


class Passwords:
    """Hashes and checks passwords without blocking the event loop: argon2-cffi and bcrypt let go of the GIL.

    At most `threads` run at once (0: one fewer than there are cores, but one) and `queue` more wait; past that a call
    is refused with Busy at once, since waiting longer would only hold memory for clients that have given up.
    """

    def __init__(self, threads: int, queue: int, context: CryptContext | None = None) -> None:
        threads = threads or max(1, (os.cpu_count() or 1) - 1)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="passwords", initializer=_give_way)
        self._slots = threading.Semaphore(threads + queue)
        self._context = context or current_scheme()
        for scheme in self._context.schemes():
            # 20 ms. Left to the first use, two threads that meet there can fail: libpass' lazy loader is not safe.
            self._context.handler(scheme).get_backend()

    async def hash(self, password: str) -> str:
        """The hash to store for a new password."""
        return await self._in_pool(self._hash, password)

    async def verify(self, password: str, stored: str | None) -> Verdict:
        """Check a password against the stored hash, or against NOBODY where there is none.

        Whatever the password and the hash, one verification is computed, so that time does not tell whether an account
        exists (ASVS 6.3.8). An outdated hash takes the time of its own scheme until its owner signs in.
        """
        return await self._in_pool(self._verify, password, stored or NOBODY)

    def close(self) -> None:
        """Drop what waits and wait for what runs, some tens of milliseconds."""
        self._pool.shutdown(cancel_futures=True)

    async def _in_pool(self, work: Callable[..., T], *arguments: str) -> T:
        if not self._slots.acquire(blocking=False):
            raise Busy
        job = self._pool.submit(work, *arguments)
        # Given back when the job ends, not when its caller does: a thread goes on hashing for a client that hung up.
        # A caller who is cancelled while the job still waits cancels the job, which ends it.
        job.add_done_callback(lambda _: self._slots.release())
        return await asyncio.wrap_future(job)

    def _hash(self, password: str) -> str:
        hashed: str = self._context.hash(normalized(password))
        return hashed

    def _verify(self, password: str, stored: str) -> Verdict:
        with contextlib.suppress(ValueError, TypeError, NotImplementedError):
            return Verdict(*self._context.verify_and_update(normalized(password), stored))
        # bcrypt on a NUL or more than 72 bytes, and libpass on a malformed hash, raise before they have computed
        # anything. It means "no match", and takes as long. What raises here as well, want of memory say, is a failure;
        # outside of the `with`, or its traceback would go on to libpass' first message, which holds the stored hash.
        self._context.verify("", NOBODY)
        return Verdict(matches=False)
