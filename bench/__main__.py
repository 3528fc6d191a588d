"""Measure Gatepost: `make bench`, some 25 minutes, writes its part of docs/benchmarks.md.

`ARGS=--quick` makes it five minutes, `ARGS="--rows pong"` measures only what has such a name, and both write to
bench/data/make-bench.md instead. All rows share one machine: leave it alone meanwhile.
"""

import argparse
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import growth, lists, page, report, rest, storm
from bench.calls import Key, calls
from bench.machine import DATA, LOAD_CORE, described, pinned, require_tools
from bench.references import reference
from bench.rounds import Measure, Sample, interleaved, say
from bench.rows import ARGON2, CEILING, COMMIT, JSON, PING_ROW, POSTGRESQL, ROWS, SQLITE, Row
from bench.seed import HOLDERS, Holder, seed
from bench.serving import ceiling, end_in_order, gatepost
from tests.support import postgresql

REFERENCES = {ARGON2: "argon2", COMMIT: "commit"}


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is measured. Rounds of so many seconds."""

    rounds: int = 5
    seconds: int = 3
    calls: int = rest.CALLS
    sizes: Sequence[int] = growth.SIZES


GROWTH_SECONDS = 2
QUICK = Effort(rounds=2, seconds=2, calls=20_000, sizes=(1_000, 10_000))


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench", description="Measure Gatepost.")
    parser.add_argument("--quick", action="store_true", help="few and short rounds, small databases")
    parser.add_argument("--rows", default="", help="only what has one of these words in its name: pong,storm,growth")
    asked = parser.parse_args()
    require_tools()
    end_in_order()
    machine, effort = described(), QUICK if asked.quick else Effort()
    words = asked.rows.lower().split(",")
    DATA.mkdir(exist_ok=True)
    with TemporaryDirectory(dir=DATA, prefix="run-") as folder:
        sections = list(_sections(Path(folder), effort, words))
    arguments = " ".join(["--quick"] * asked.quick + [f'--rows "{asked.rows}"'] * bool(asked.rows))
    command = "make bench" + (f" ARGS='{arguments}'" if arguments else "")
    written = page.write("make bench", report.headed(command, machine, sections), whole=not arguments)
    say(f"written to {written}")


def _sections(folder: Path, effort: Effort, words: Sequence[str]) -> Iterator[str]:
    def wanted(name: str) -> bool:
        return any(word in name.lower() for word in words)

    sqlite = f"sqlite+aiosqlite:///{folder}/gatepost.db"
    rows = [row for row in ROWS if wanted(row.name)]
    others = ("storm", "start and memory")
    holders = seed(sqlite, HOLDERS) if rows or any(map(wanted, others)) else []
    if rows:
        yield report.calls(_calls(folder, sqlite, holders, rows, effort))
    if wanted("ListTokens"):
        yield report.listings(lists.listings(folder, effort.rounds))
    if wanted(others[0]):
        yield report.storms(storm.storms(folder, sqlite, holders, effort.rounds, effort.seconds))
    if wanted(others[1]):
        yield report.rest(rest.rest(folder, sqlite, holders, effort.rounds, effort.calls))
    if wanted("growth"):
        grown = growth.growth(folder, effort.rounds, GROWTH_SECONDS, effort.sizes)
        page.draw(report.chart(grown), whole=effort.sizes == growth.SIZES)
        yield report.growth(grown)


def _calls(
    folder: Path, sqlite: str, holders: Sequence[Holder], rows: Sequence[Row], effort: Effort
) -> dict[Key, list[Sample]]:
    """The rows on both databases, and what they are held against, all in turn."""
    rows = rows if PING_ROW in rows else [PING_ROW, *rows]
    measures: dict[Key, Measure] = {}
    with ExitStack() as servers:
        bare = servers.enter_context(ceiling(folder / "bare"))
        for key, measure in calls(SQLITE, bare, holders, [PING_ROW]).items():
            measures[replace(key, row=CEILING)] = measure
        against = {target.against for row in rows for target in row.targets}
        for name in REFERENCES:
            if name in against:
                measures[Key(SQLITE, name)] = reference(REFERENCES[name], folder)
        measures |= calls(SQLITE, servers.enter_context(gatepost(folder / "sqlite", sqlite)), holders, rows)
        # On the load's core: as a rule it has a machine of its own.
        alone = postgresql.running(options=postgresql.AS_IT_COMES, through=pinned(LOAD_CORE))
        url = servers.enter_context(alone).url()
        others = seed(url, HOLDERS)
        server = servers.enter_context(gatepost(folder / "postgresql", url))
        measures |= calls(POSTGRESQL, server, others, [replace(row, codecs=(JSON,)) for row in rows])
        return interleaved(measures, effort.rounds, effort.seconds, 1)


if __name__ == "__main__":
    main()
