"""Servers on cores of their own: the real `gatepost serve`, and the bare ceiling beside it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from bench.machine import ROOT, SERVER_CORE, pinned
from bench.process import Process
from bench.seed import SECRET_KEY
from tests.e2e.server import clean_environment, free_port

START_WITHIN, STOP_WITHIN = 60.0, 10.0
"""Seconds that a start and a stop may take on a machine that does other things too."""
PING = "/test.v1.TestNoAuthService/Ping"
SETTINGS = {
    "LIMITS": "off",
    "SECRET_KEYS": SECRET_KEY,
    # So that no round ends at a quota: accounts here do in minutes what they do in years.
    "TOKEN_QUOTA": "1000000000",
    "SESSION_QUOTA": "1000000000",
}


@dataclass(frozen=True, slots=True)
class Server:
    folder: Path
    port: int
    process: Process
    start: float
    """Seconds from the start of the process to its first answer."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def gatepost(folder: Path, database_url: str, cores: Sequence[int] = SERVER_CORE, **more: str) -> Iterator[Server]:
    """The service with the settings of the benchmark, and a folder for what it leaves."""
    port = free_port()
    program = str(Path(sys.executable).with_name("gatepost"))
    settings = SETTINGS | {"PORT": str(port), "DATABASE_URL": database_url} | more
    with serving(folder, [program, "serve"], port, cores, settings) as server:
        yield server


@contextmanager
def ceiling(folder: Path) -> Iterator[Server]:
    """What connectrpc does on uvicorn with nothing of ours in between."""
    port = free_port()
    with serving(folder, [sys.executable, "-m", "bench.ceiling", str(port)], port) as server:
        yield server


@contextmanager
def serving(
    folder: Path,
    command: Sequence[str],
    port: int,
    cores: Sequence[int] = SERVER_CORE,
    environment: Mapping[str, str] | None = None,
    probe: tuple[str, str] = ("POST", PING),
) -> Iterator[Server]:
    """A server that answers the probe with 200. Raises RuntimeError with its output if it ends before."""
    folder.mkdir(parents=True, exist_ok=True)
    output = folder / "output"
    with output.open("wb") as out:
        began = time.perf_counter()
        process = subprocess.Popen(
            pinned(list(cores), *command),
            cwd=folder,
            env=clean_environment(folder) | {"PYTHONPATH": str(ROOT)} | dict(environment or {}),
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    try:
        while not _answers(port, probe):
            if process.poll() is not None or time.perf_counter() - began > START_WITHIN:
                raise RuntimeError(f"No answer from {' '.join(command)}:\n{output.read_text()}")
            time.sleep(0.005)
        yield Server(folder, port, Process(process.pid), time.perf_counter() - began)
    finally:
        stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    """The leader of a session ends, and whatever it started, also what it would have left behind."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(STOP_WITHIN)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def end_in_order() -> None:
    """Have SIGTERM end this program as Ctrl-C does: nothing that it started stays behind."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


def _answers(port: int, probe: tuple[str, str]) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        method, path = probe
        connection.request(method, path, *(("{}", {"content-type": "application/json"}) if method == "POST" else ()))
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
