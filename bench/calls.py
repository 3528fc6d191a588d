"""Rows of calls against running servers: what makes one round of each."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

from bench.load import Load, write_requests
from bench.process import Process
from bench.rounds import Measure, Sample, sampled
from bench.rows import Row
from bench.seed import Holder
from bench.serving import Server

SETTLE_WITHIN = 60.0
"""Seconds."""
BETWEEN_LETTERS = 1.5
"""Seconds without work after which no mail is left either: delivery looks once a second."""


@dataclass(frozen=True, slots=True)
class Key:
    """Names the samples of one row."""

    where: str
    """The database, or its size."""
    row: str
    codec: str = ""

    def __str__(self) -> str:
        return ", ".join(part for part in (self.where, self.row, self.codec) if part)


def calls(where: str, server: Server, holders: Sequence[Holder], rows: Sequence[Row]) -> dict[Key, Measure]:
    """A measure for each row and codec."""
    return {
        Key(where, row.name, codec): measure(
            server, load_of(server, row, codec, holders), idle=BETWEEN_LETTERS if row.mails else 0.1
        )
        for row in rows
        for codec in row.codecs
    }


def load_of(server: Server, row: Row, codec: str, holders: Sequence[Holder]) -> Load:
    file = server.folder / f"{row.name.replace(', ', '-')}-{codec}.requests"
    mark = f"{time.time_ns() // 1_000_000:x}-{codec}"
    write_requests(file, row.requests(codec, holders, mark))
    return Load(server.url, file, row.connections)


def measure(server: Server, load: Load, longer: int = 1, idle: float = 0.1) -> Measure:
    """`longer` is by how much rounds are longer than asked, for calls of which few end in a second, and `idle` after
    how many seconds without work a round has left none."""

    def round_of(seconds: int) -> Sample:
        before = server.process.cpu_seconds()
        answers = load.run(seconds * longer)
        used = server.process.cpu_seconds() - before
        # Passwords are hashed to the end for clients that are gone, and mail is sent; the next row must not pay for it.
        settle(server.process, idle)
        return sampled(answers, used)

    return round_of


def settle(process: Process, idle: float = 0.1) -> None:
    """Wait until it has worked for less than a twentieth of so many seconds, since it looks for work also when there is
    none; or for SETTLE_WITHIN seconds."""
    deadline = time.monotonic() + SETTLE_WITHIN
    used, before = process.cpu_seconds(), -inf
    while used - before > idle / 20 and time.monotonic() < deadline:
        time.sleep(idle)
        used, before = process.cpu_seconds(), used
