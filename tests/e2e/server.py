"""The service as `make run` starts it: a process of its own, with a folder and an environment of its own."""

import json
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from socket import create_server
from typing import Any

ROOT = Path(__file__).parents[2]
START_WITHIN = 60.0
"""Seconds that a start may take on a machine that does other things too."""
STOP_WITHIN = 10.0
"""Seconds that a stop may take, whatever is in flight."""


@dataclass(frozen=True, slots=True)
class Server:
    folder: Path
    port: int
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def database_url(self) -> str:
        return f"sqlite+aiosqlite:///{self.folder}/data/gatepost.db"

    @property
    def output(self) -> str:
        """The banner and the log up to now."""
        return self.errors + (self.folder / "output").read_text()

    @property
    def errors(self) -> str:
        """What came out beside the log: the banner, or why it could not start."""
        return (self.folder / "errors").read_text()

    @property
    def log(self) -> list[dict[str, Any]]:
        """The lines of the log up to now, each of which must be JSON."""
        return [json.loads(line) for line in (self.folder / "output").read_text().splitlines()]

    def post(self, rpc: str, body: object = None, **headers: str) -> tuple[int, dict[str, str], bytes]:
        """One call in JSON: status, headers with lower-case names, body."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request("POST", f"/{rpc}", json.dumps(body or {}), {"content-type": "application/json", **named})
            answer = connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        finally:
            connection.close()

    def memory(self) -> float:
        """Resident memory in MiB. From here on `peak_memory` counts."""
        self._proc("clear_refs").write_text("5")  # proc(5): the peak becomes what is resident now
        return self._mebibytes("VmRSS")

    def peak_memory(self) -> float:
        """The most resident memory since `memory` was asked for, in MiB."""
        return self._mebibytes("VmHWM")

    def _mebibytes(self, field: str) -> float:
        lines = dict(line.split(":", 1) for line in self._proc("status").read_text().splitlines())
        return int(lines[field].split()[0]) / 1024

    def _proc(self, name: str) -> Path:
        return Path(f"/proc/{self.process.pid}/{name}")

    @contextmanager
    def writes_held(self) -> Iterator[None]:
        """Meanwhile nothing can be written, so a call that writes is not answered."""
        database = sqlite3.connect(self.folder / "data/gatepost.db", isolation_level=None)
        with closing(database):  # which takes back the transaction
            database.execute("BEGIN IMMEDIATE")
            yield

    def stop(self) -> int:
        """Ask it to stop, as `kill`, systemd and Ctrl-C do; the exit status, or subprocess.TimeoutExpired."""
        self.process.terminate()
        return self.process.wait(STOP_WITHIN)


@contextmanager
def serving(folder: Path, **settings: str) -> Iterator[Server]:
    """A started server with these settings and no others; its data is `folder`/data."""
    port = int(settings.get("PORT") or free_port())
    with (folder / "output").open("wb") as output, (folder / "errors").open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "app", "serve"],
            cwd=folder,
            env=clean_environment(folder) | {"PORT": str(port)} | settings,
            stdout=output,
            stderr=errors,
        )
    server = Server(folder, port, process)
    try:
        _await_ping(server)
        yield server
    finally:
        process.kill()
        process.wait()


def run(folder: Path, *command: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    """One command to its end, with these settings and no others; its data is `folder`/data, as the server's is."""
    return subprocess.run(
        [sys.executable, "-m", "app", *command],
        cwd=folder,
        env=clean_environment(folder) | settings,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def clean_environment(home: Path) -> dict[str, str]:
    """What every process of these tests gets: nothing of whoever runs them, and this clone's code."""
    tools = (Path(sys.executable).parent, ROOT / "tests/node/node_modules/.bin", "/usr/local/bin", "/usr/bin", "/bin")
    # UTF-8, or the locale of a bare machine would decide how a program prints what is not ASCII.
    return {"PATH": ":".join(map(str, tools)), "HOME": str(home), "PYTHONPATH": str(ROOT), "LC_ALL": "C.UTF-8"}


def free_port() -> int:
    with create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def _await_ping(server: Server) -> None:
    deadline = time.monotonic() + START_WITHIN
    while True:
        try:
            status, _, _ = server.post("test.v1.TestNoAuthService/Ping")
        except ConnectionError:
            status = 0
        if status == 200:
            return
        if server.process.poll() is not None:
            raise RuntimeError(f"The server ended with status {server.process.returncode}:\n{server.output}")
        if time.monotonic() > deadline:
            raise RuntimeError(f"No answer to Ping within {START_WITHIN:.0f} s:\n{server.output}")
        time.sleep(0.02)
