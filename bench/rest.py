"""How soon the service answers after its start, and what it holds in memory before and after very many calls."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.calls import load_of
from bench.rounds import Spread, say
from bench.rows import JSON, PONG_COLD
from bench.seed import Holder
from bench.serving import gatepost

CALLS = 1_000_000
START, MEMORY = 1.5, 110.0
"""Targets: seconds, and MiB at rest."""
ROUND = 10
"""Seconds of load between two looks at how many calls there were."""


@dataclass(frozen=True, slots=True)
class Rest:
    start: Spread
    """Seconds from the start of the process to its first answer."""
    at_rest: Spread
    """MiB after that answer."""
    calls: int
    after: float
    """MiB after so many calls."""


def rest(folder: Path, database_url: str, holders: Sequence[Holder], starts: int, calls: int = CALLS) -> Rest:
    """Start several times on a database that is up to date, then let the last one answer calls of other callers."""
    seconds, memory, done = [], [], 0
    for number in range(starts):
        with gatepost(folder / f"start-{number}", database_url) as server:
            seconds.append(server.start)
            memory.append(server.process.memory())
            if number < starts - 1:
                continue
            load = load_of(server, PONG_COLD, JSON, holders)
            while done < calls:
                done += load.run(ROUND if calls == CALLS else 1).requests
                say(f"memory     {done:,} calls, {server.process.memory():.1f} MiB")
            return Rest(Spread.of(seconds), Spread.of(memory), done, server.process.memory())
    raise ValueError("there must be a start at least")
