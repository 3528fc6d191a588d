"""One process and two, on both databases: writes its table into docs/scaling.md, after some four minutes.

usage: python -m bench.processes [--quick]

The server may run on all cores, of which the load takes one, and PostgreSQL works on that too: with two cores in all,
two processes have little more than one and a half.
"""

import argparse
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import page, report
from bench.calls import Key, calls
from bench.machine import CORES, DATA, LOAD_CORE, described, pinned, require_tools
from bench.rounds import Measure, Sample, Spread, interleaved, ratios, say
from bench.rows import CREATE_TOKEN, JSON, PING_ROW, PONG_COLD, PONG_WARM, POSTGRESQL, SIGN_IN, SQLITE
from bench.seed import HOLDERS, seed
from bench.serving import end_in_order, gatepost
from tests.support import postgresql

ROWS = (PING_ROW, PONG_WARM, PONG_COLD, CREATE_TOKEN, SIGN_IN)
WORKERS = (1, 2)
ROUNDS, SECONDS = 5, 3


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.processes", description="Measure one process and two.")
    parser.add_argument("--quick", action="store_true", help="one short round of each")
    quick = parser.parse_args().quick
    require_tools()
    end_in_order()
    machine = described(CORES)
    DATA.mkdir(exist_ok=True)
    with TemporaryDirectory(dir=DATA, prefix="run-") as folder:
        rounds, seconds = (1, 1) if quick else (ROUNDS, SECONDS)
        text = report.headed("python -m bench.processes", machine, [shown(measured(Path(folder), rounds, seconds))])
    say(f"written to {page.write('bench.processes', text, whole=not quick, name='scaling.md')}")


def measured(folder: Path, rounds: int, seconds: int) -> dict[Key, list[Sample]]:
    measures: dict[Key, Measure] = {}
    with ExitStack() as servers:
        alone = postgresql.running(options=postgresql.AS_IT_COMES, through=pinned(LOAD_CORE))
        server = servers.enter_context(alone)
        urls = {SQLITE: f"sqlite+aiosqlite:///{folder}/gatepost.db", POSTGRESQL: server.url()}
        for database, url in urls.items():
            holders = seed(url, HOLDERS)
            for workers in WORKERS:
                where = named(database, workers)
                started = servers.enter_context(gatepost(folder / where, url, CORES, WORKERS=str(workers)))
                measures |= calls(where, started, holders, [replace(row, codecs=(JSON,)) for row in ROWS])
        return interleaved(measures, rounds, seconds, 1)


def shown(samples: Mapping[Key, list[Sample]]) -> str:
    cells = []
    for database in (SQLITE, POSTGRESQL):
        for row in ROWS:
            one, two = (samples[Key(named(database, workers), row.name, JSON)] for workers in WORKERS)
            rates = [Spread.of([each.rate for each in own]).shown() for own in (one, two)]
            times = ratios(two, one, by_cpu=False), ratios(two, one)
            cells.append([database, row.name, *rates, *(each.shown(2) for each in times)])
    head = ["Database", "Call", "Requests/s, one process", "two", "Two to one", "Two to one, in a CPU second"]
    return report.table(head, cells)


def named(database: str, workers: int) -> str:
    return f"{database} {workers}"


if __name__ == "__main__":
    main()
