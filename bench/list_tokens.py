"""Stream ListTokens from the real server: how fast, how soon, and in how much memory.

    python -m bench.list_tokens [TOKENS]        100,000 by default; Linux, since it reads /proc

The account is written straight into a fresh SQLite database, the server is a process of its own as `make run` starts
it, and the client reads plain sockets, so that it is not what is measured. Growth is the peak of the server's resident
memory while the stream runs, above what it was before. Exits with status 1 if growth reaches 20 MiB or if the first
token takes more than 50 ms.
"""

import sys
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.e2e.seeding import seed_account, seed_tokens
from tests.e2e.server import Server, serving
from tests.e2e.streams import list_tokens

GROWTH_LIMIT = 20.0
"""MiB."""
FIRST_TOKEN_LIMIT = 50.0
"""Milliseconds."""


@dataclass(frozen=True, slots=True)
class Measured:
    codec: str
    tokens: int
    seconds: float
    first_token: float
    """Milliseconds from the call to the first whole token."""
    memory_before: float
    memory_peak: float

    @property
    def growth(self) -> float:
        return self.memory_peak - self.memory_before

    @property
    def holds(self) -> bool:
        return self.growth < GROWTH_LIMIT and self.first_token <= FIRST_TOKEN_LIMIT

    def __str__(self) -> str:
        return (
            f"{self.codec:<6}{self.tokens:>8}{self.tokens / self.seconds:>10.0f}{self.first_token:>10.1f}"
            f"{self.memory_before:>10.1f}{self.memory_peak:>10.1f}{self.growth:>10.1f}"
            f"   {'holds' if self.holds else 'FAILS'}"
        )


def main() -> int:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    print(f"{'codec':<6}{'tokens':>8}{'tokens/s':>10}{'first ms':>10}{'MiB then':>10}{'peak':>10}{'growth':>10}")
    measured = []
    for codec in ("json", "proto"):
        # A server for each: what the first stream left in its memory would hide what the second one takes.
        with TemporaryDirectory() as folder, serving(Path(folder)) as server:
            value = seed_tokens(server.database_url, seed_account(server.database_url, "ada@example.test"), count)
            measured.append(measure(server, value, codec))
            print(measured[-1], flush=True)
    return 0 if all(each.holds and each.tokens == count for each in measured) else 1


def measure(server: Server, value: str, codec: str) -> Measured:
    headers = {"authorization": f"Bearer {value}"}
    server.post("test.v1.TestAuthService/Pong", **headers)
    before = server.memory()
    began = time.perf_counter()
    with list_tokens(server.port, headers, codec=codec) as tokens:
        next(tokens)
        first = time.perf_counter() - began
        read = 1 + sum(1 for _ in tokens)
    seconds = time.perf_counter() - began
    return Measured(codec, read, seconds, first * 1000, before, server.peak_memory())


if __name__ == "__main__":
    sys.exit(main())
