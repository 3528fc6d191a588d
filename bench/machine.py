"""Where a benchmark runs: which cores serve and which load, and what to write down about the rest."""

import os
import platform
import shutil
import sqlite3
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).parents[1]
DATA = ROOT / "bench/data"
"""What runs leave behind; git ignores it. On the disk of the clone, since some rows measure that disk."""

CORES = sorted(os.sched_getaffinity(0))
SERVER_CORE = CORES[:1]
LOAD_CORE = CORES[-1:]
"""The same as the server's where there is but one; then only requests per CPU second mean something."""
PACKAGES = ("connectrpc", "protobuf-py", "uvicorn", "uvloop", "httptools", "sqlalchemy", "aiosqlite", "asyncpg")


def pinned(cores: list[int], *command: str) -> list[str]:
    """The command, on these cores alone. `taskset` replaces itself by it, so the process is the command's own."""
    return ["taskset", "--cpu-list", ",".join(map(str, cores)), *command]


def described(server: Sequence[int] = SERVER_CORE) -> list[str]:
    """Machine, versions and date, a line each. `server`: the cores that it may run on."""
    where = f"core{'s' * (len(server) > 1)} {' and '.join(map(str, server))}"
    return [
        f"Machine: {_processor()}, {len(CORES)} cores, {_memory():.0f} GiB of memory, {platform.system()} "
        f"{platform.release()}; server on {where}, load and other servers on core {LOAD_CORE[0]}",
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, wrk {_wrk_version()}, "
        + ", ".join(f"{name} {version(name)}" for name in PACKAGES),
        f"Date: {datetime.now(UTC):%Y-%m-%d}, load average at the start {os.getloadavg()[0]:.1f}",
    ]


def require_tools() -> None:
    """Raises SystemExit with what mends it."""
    if not hasattr(os, "sched_setaffinity") or shutil.which("taskset") is None:
        raise SystemExit("The benchmark needs Linux and `taskset`: apt-get install util-linux")
    if shutil.which("wrk") is None:
        raise SystemExit("The benchmark needs the load generator wrk: apt-get install wrk")


def _processor() -> str:
    names = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    return names[0].partition(":")[2].strip() if names else platform.machine()


def _memory() -> float:
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30


def _wrk_version() -> str:
    told = subprocess.run(["wrk", "--version"], capture_output=True, text=True, check=False)
    return (told.stdout + told.stderr).split()[1]
