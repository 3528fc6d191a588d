"""The processes of one service, one by one, and load on all of them."""

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, Self

from tests.e2e.server import START_WITHIN, Server, serving

PASSWORD = "correct horse battery"


@contextmanager
def many(folder: Path, workers: int = 2, **settings: str) -> Iterator[Server]:
    """So many processes; all of them serve."""
    with serving(folder, WORKERS=str(workers), **settings) as server:
        until(lambda: "(Ctrl-C stops it)" in server.errors, server)
        yield server


def pids(server: Server) -> list[int]:
    """Of the processes that serve, oldest first. There may be fewer for a moment, where one has died."""
    pid = server.process.pid
    return sorted(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))


@contextmanager
def alone(server: Server, pid: int) -> Iterator[None]:
    """Meanwhile the others are held, so this one answers every new connection."""
    others = [each for each in pids(server) if each != pid]
    for other in others:
        os.kill(other, signal.SIGSTOP)
    try:
        yield
    finally:
        for other in others:
            os.kill(other, signal.SIGCONT)


class At:
    """A connection to one of the processes, which stays with it."""

    def __init__(self, server: Server, pid: int, **headers: str) -> None:
        self.pid = pid
        self.connection = HTTPConnection("127.0.0.1", server.port, timeout=20)
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}
        with alone(server, pid):
            assert self.call("test.v1.TestNoAuthService/Ping")[0] == 200

    def call(self, rpc: str, body: object = None) -> tuple[int, Any]:
        """Status and body; a cookie that comes is sent from then on."""
        headers = {"content-type": "application/json", **self.headers}
        self.connection.request("POST", f"/{rpc}", json.dumps(body or {}), headers)
        answer = self.connection.getresponse()
        if cookie := answer.getheader("set-cookie"):
            self.headers["cookie"] = cookie.partition(";")[0]
        return answer.status, json.loads(answer.read())

    def close(self) -> None:
        self.connection.close()


def until(so: Callable[[], bool], server: Server) -> None:
    deadline = time.monotonic() + START_WITHIN
    while not so():
        assert time.monotonic() < deadline, server.output
        time.sleep(0.02)


@dataclass
class Load:
    """Clients that make tokens until they are told to stop, whatever becomes of the processes."""

    connect: Callable[[], HTTPConnection]
    cookie: str
    made: list[str] = field(default_factory=list)
    """Names of the tokens whose making was acknowledged."""
    refused: list[tuple[int, Any]] = field(default_factory=list)
    """Answers other than success."""
    cut: int = 0
    """Calls without an answer."""
    _over: threading.Event = field(default_factory=threading.Event)

    def more(self, server: Server, number: int = 10) -> None:
        """Return once so many more were made."""
        goal = len(self.made) + number
        until(lambda: len(self.made) >= goal, server)

    @contextmanager
    def running(self, first: Sequence[HTTPConnection]) -> Iterator[Self]:
        """A client for each of these connections; one whose connection breaks opens another."""
        threads = [threading.Thread(target=self._run, args=each) for each in enumerate(first)]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            self._over.set()
            for thread in threads:
                thread.join()

    def _run(self, client: int, connection: HTTPConnection) -> None:
        number = 0
        while not self._over.is_set():
            try:
                number += 1
                self._make(connection, f"{client}.{number}")
            except (OSError, HTTPException):
                self.cut += 1
                connection.close()
                connection = self.connect()
                self._over.wait(0.01)
        connection.close()

    def _make(self, connection: HTTPConnection, name: str) -> None:
        body = json.dumps({"tokenMetadata": {"name": name}})
        headers = {"content-type": "application/json", "cookie": self.cookie}
        connection.request("POST", "/tokens.v1.TokensService/CreateToken", body, headers)
        answer = connection.getresponse()
        told = json.loads(answer.read())
        if answer.status == 200:
            self.made.append(name)
        else:
            self.refused.append((answer.status, told))


@contextmanager
def under_load(server: Server, cookie: str, clients: int = 4) -> Iterator[Load]:
    """Clients at each process alike, as long as it lives."""
    load = Load(lambda: HTTPConnection("127.0.0.1", server.port, timeout=20), cookie)
    with load.running([At(server, pid).connection for pid in pids(server) * (clients // 2)]):
        yield load
