"""wrk, driven by a file of whole HTTP requests, so that any header and any body is the same to it."""

import json
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass, field
from math import inf
from pathlib import Path

from bench.machine import LOAD_CORE, pinned

SCRIPT = Path(__file__).with_name("load.lua")
PATIENCE = 10
"""Seconds after which wrk counts an answer as lost."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What one run of wrk got. Latencies are in milliseconds."""

    requests: int
    seconds: float
    refused: int
    """Answered with another status than 2xx or 3xx."""
    failed: int
    """Not answered: refused or cut connections, and time-outs."""
    p50: float
    p99: float
    longest: float

    @property
    def rate(self) -> float:
        """Good answers in a second."""
        return (self.requests - self.refused) / self.seconds


@dataclass(slots=True)
class Load:
    """Requests in a file, sent over so many connections; each run goes on where the one before stopped."""

    url: str
    file: Path
    connections: int = 16
    pause: int | None = None
    """Milliseconds that each connection waits before a request; None sends the next as soon as one is answered."""
    sent: int = field(default=0, init=False)

    def command(self, seconds: float) -> list[str]:
        options = ("--threads=1", f"--connections={self.connections}", f"--duration={seconds:g}s", "--latency")
        script = (f"--timeout={PATIENCE}s", f"--script={SCRIPT}", self.url, "--", str(self.file), str(self.sent))
        return pinned(LOAD_CORE, "wrk", *options, *script, *([] if self.pause is None else [str(self.pause)]))

    def run(self, seconds: int) -> Answers:
        """Blocks until all is answered. Raises CalledProcessError if wrk fails."""
        printed = subprocess.run(self.command(seconds), stdout=subprocess.PIPE, text=True, check=True).stdout
        return self.took(printed)

    def took(self, printed: str) -> Answers:
        answers = answers_in(printed)
        # What was under way at the end was sent too, and wrk asks for one request more to see whether it can parse it.
        self.sent += answers.requests + self.connections + 1
        return answers


def answers_in(printed: str) -> Answers:
    """Read the line that load.lua prints last. Raises ValueError where it is missing."""
    told = json.loads(printed.strip().rpartition("\n")[2] or "null")
    if not isinstance(told, dict):
        raise ValueError(f"wrk did not end with its numbers:\n{printed}")
    # wrk says 0 where nothing was answered, which would count as the fastest of all.
    milliseconds = (told[name] / 1000 if told["requests"] else inf for name in ("p50", "p99", "max"))
    return Answers(told["requests"], told["microseconds"] / 1e6, told["refused"], told["failed"], *milliseconds)


def write_requests(file: Path, requests: Iterable[bytes]) -> None:
    """As load.lua reads them."""
    with file.open("wb") as out:
        for request in requests:
            out.write(b"%d\n%b" % (len(request), request))


def http_request(path: str, body: bytes, content_type: str, headers: str = "", method: str = "POST") -> bytes:
    """A whole request. `headers` are lines that each end in CRLF."""
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{headers}"
    if method == "POST":
        head += f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n"
    return f"{head}\r\n".encode() + body
