"""ListTokens of one account that has very many: tokens a second, time to the first, memory."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from http.client import HTTPConnection
from io import BytesIO
from pathlib import Path

from bench.rounds import Spread, say
from bench.rows import BINARY, JSON
from bench.serving import Server, gatepost
from tests.e2e.seeding import seed_account, seed_tokens
from tests.e2e.streams import EMPTY, PATH, envelope, messages

SIZES = (10_000, 100_000)
TOKENS_A_SECOND, FIRST_BYTE, GROWTH = 30_000, 20.0, 20.0
"""Targets: in JSON, milliseconds, and MiB for 100,000."""


@dataclass(frozen=True, slots=True)
class Listing:
    tokens: int
    codec: str
    rates: list[float] = field(default_factory=list)
    per_cpu: list[float] = field(default_factory=list)
    first: list[float] = field(default_factory=list)
    """Milliseconds from the call to the first byte of the first token."""
    growth: float = 0.0
    """MiB that the server's peak lay above what it held before, in the first of all streams it sent."""

    @property
    def reached(self) -> bool:
        fast = self.codec == BINARY or Spread.of(self.rates).median >= TOKENS_A_SECOND
        return fast and Spread.of(self.first).median <= FIRST_BYTE and self.growth <= GROWTH


def listings(folder: Path, rounds: int, sizes: Sequence[int] = SIZES) -> list[Listing]:
    """Each size and codec on a server of its own: what one stream left in its memory would hide what the next takes."""
    return [
        _listing(folder / f"list-{size}-{codec}", size, codec, rounds) for size in sizes for codec in (JSON, BINARY)
    ]


def _listing(folder: Path, size: int, codec: str, rounds: int) -> Listing:
    folder.mkdir(parents=True)
    url = f"sqlite+aiosqlite:///{folder}/gatepost.db"
    with gatepost(folder, url) as server:
        value = seed_tokens(url, seed_account(url, "ada@bench.example"), size)
        before = server.process.memory()
        server.process.forget_peak()
        first = _stream(server, value, codec, size)
        found = Listing(size, codec, growth=server.process.peak_memory() - before)
        for rate, per_cpu, first_byte in [first, *(_stream(server, value, codec, size) for _ in range(rounds - 1))]:
            found.rates.append(rate)
            found.per_cpu.append(per_cpu)
            found.first.append(first_byte)
    say(f"ListTokens {size:>7} {codec:<6} {Spread.of(found.rates).median:>9,.0f} tokens/s, +{found.growth:.1f} MiB")
    return found


def _stream(server: Server, value: str, codec: str, size: int) -> tuple[float, float, float]:
    """Tokens a second, the same a second of CPU time, and milliseconds to the first. Blocks are looked at only once all
    have come, so that the reader is not what is measured."""
    headers = {"content-type": f"application/connect+{codec}", "authorization": f"Bearer {value}"}
    connection = HTTPConnection("127.0.0.1", server.port, timeout=60)
    used, began, first, blocks = server.process.cpu_seconds(), time.perf_counter(), 0.0, []
    connection.request("POST", PATH, envelope(EMPTY[codec]), headers)
    answer = connection.getresponse()
    while block := answer.read1(1 << 20):
        first = first or time.perf_counter() - began
        blocks.append(block)
    seconds = time.perf_counter() - began
    connection.close()
    whole = b"".join(blocks)
    used = server.process.cpu_seconds() - used
    count = sum(1 for _ in messages(BytesIO(whole).read))
    if count != size:
        raise RuntimeError(f"{count} tokens came instead of {size}")
    return size / seconds, size / used if used else 0.0, first * 1000
