"""What the machine does without a service: password verifications, and commits of one row. In turn with the rows.

python -m bench.references argon2|commit SECONDS FOLDER
"""

import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from app.accounts.passwords import current_scheme
from bench.machine import CORES, ROOT, SERVER_CORE, pinned
from bench.rounds import Measure, Sample
from bench.seed import PASSWORD

THREADS = max(1, len(CORES) - 1)
"""As many as the service takes by itself (PASSWORD_THREADS=0)."""


def reference(name: str, folder: Path) -> Measure:
    """Rounds of it in a process of its own, on the core where the servers are."""

    def measure(seconds: int) -> Sample:
        command = pinned(SERVER_CORE, sys.executable, "-m", "bench.references", name, str(seconds), str(folder))
        told = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout
        return Sample(**json.loads(told))

    return measure


def argon2(_: Path) -> Callable[[int], None]:
    """So many verifications of a right password, by as many threads as the service has."""
    context = current_scheme()
    hashed = context.hash(PASSWORD)
    pool = ThreadPoolExecutor(THREADS)

    def work(times: int) -> None:
        assert all(pool.map(lambda _: context.verify(PASSWORD, hashed), range(times)))  # noqa: S101

    return work


def commit(folder: Path) -> Callable[[int], None]:
    """So many commits of one row each, journal and durability as the service has them."""
    connection = sqlite3.connect(folder / "commits.db", isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute("CREATE TABLE IF NOT EXISTS commits (id INTEGER PRIMARY KEY, written BLOB)")

    def work(times: int) -> None:
        for _ in range(times):
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("INSERT INTO commits (written) VALUES (?)", [os.urandom(32)])
            connection.execute("COMMIT")

    return work


def _timed(work: Callable[[int], None], seconds: float) -> Sample:
    work(10)
    times, began, cpu = [], time.perf_counter(), time.process_time()
    done = 0
    while (now := time.perf_counter()) < began + seconds:
        work(10)
        done += 10
        times.append((time.perf_counter() - now) * 100)
    times.sort()
    rate, used = done / (time.perf_counter() - began), time.process_time() - cpu
    return Sample(rate, done / used, times[len(times) // 2], times[len(times) * 99 // 100])


if __name__ == "__main__":
    name, seconds, folder = sys.argv[1:]
    measured = _timed({"argon2": argon2, "commit": commit}[name](Path(folder)), float(seconds))
    print(json.dumps({"rate": measured.rate, "per_cpu": measured.per_cpu, "p50": measured.p50, "p99": measured.p99}))
