"""The same calls on databases of several sizes, in turn."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter

from bench.calls import Key, calls
from bench.rounds import Measure, Sample, Spread, interleaved, ratios, say
from bench.rows import GROWING, JSON
from bench.seed import seed
from bench.serving import gatepost

SIZES = (1_000, 100_000, 5_000_000)
SLOWER = 1.2
"""How many times slower the largest may be than the smallest."""


@dataclass(frozen=True, slots=True)
class Growth:
    sizes: Sequence[int]
    seeding: dict[int, float]
    """Seconds that each took to fill."""
    samples: dict[Key, list[Sample]]

    def of(self, row: str, size: int) -> list[Sample]:
        return self.samples[Key(f"{size:,}", row, JSON)]

    def slower(self, row: str) -> Spread:
        """How many times more CPU time a call takes in the largest than in the smallest."""
        return ratios(self.of(row, self.sizes[0]), self.of(row, self.sizes[-1]))

    def reached(self, row: str) -> bool:
        return self.slower(row).median <= SLOWER


def growth(folder: Path, rounds: int, seconds: int, sizes: Sequence[int] = SIZES) -> Growth:
    """Each size is a server of its own; while one is measured the others rest."""
    seeding: dict[int, float] = {}
    measures: dict[Key, Measure] = {}
    with ExitStack() as servers:
        for size in sizes:
            place = folder / f"growth-{size}"
            place.mkdir(parents=True)
            url, began = f"sqlite+aiosqlite:///{place}/gatepost.db", perf_counter()
            holders = seed(url, size)
            seeding[size] = perf_counter() - began
            say(f"seeded     {size:,} accounts in {seeding[size]:.0f} s")
            server = servers.enter_context(gatepost(place, url))
            measures |= calls(f"{size:,}", server, holders, [replace(row, codecs=(JSON,)) for row in GROWING])
        return Growth(sizes, seeding, interleaved(measures, rounds, seconds, 1))
