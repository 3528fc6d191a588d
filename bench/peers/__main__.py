"""Measure Gatepost beside others that do the same: `make bench-peers`, some 10 minutes, each on one core in turn.

`ARGS=--quick` makes it three minutes and writes to bench/data/make-bench-peers.md instead.
"""

import argparse
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import page, report
from bench.calls import Key, measure, settle
from bench.load import Answers, Load, write_requests
from bench.machine import DATA, described, require_tools
from bench.peers import table
from bench.peers.services import SERVICES, Call, Service
from bench.rounds import Measure, Sample, interleaved, say
from bench.serving import Server, end_in_order
from bench.storm import one_storm

SIGN_IN_CONNECTIONS = 8


@dataclass(frozen=True, slots=True)
class Running:
    service: Service
    server: Server
    signed_in: Callable[[], str]

    def load(self, name: str, call: Call, headers: str = "", connections: int = 16) -> Load:
        file = self.server.folder / f"{name}.requests"
        always = "".join(f"{key}: {value}\r\n" for key, value in self.service.origin(self.server.port).items())
        write_requests(file, [call.bytes(always + headers)])
        return Load(self.server.url, file, connections)

    def measures(self) -> dict[Key, Measure]:
        """Few sign-ins end in a second, and those under way at the end of a round are lost: it is longer."""
        loads = {
            table.PING: (self.load("ping", self.service.ping), 1),
            table.SIGN_IN: (self.load("sign-in", self.service.sign_in, connections=SIGN_IN_CONNECTIONS), 3),
        }
        measures = {Key(self.service.name, name): measure(self.server, *load) for name, load in loads.items()}
        return {**measures, Key(self.service.name, table.CHECK): self.check}

    def check(self, seconds: int) -> Sample:
        """With a session of this round: better-auth's cookie cache answers for the first five minutes of one."""
        return measure(self.server, self.load("check", self.service.check, self.signed_in()))(seconds)

    def storm(self, seconds: int) -> tuple[Answers, Answers, Answers]:
        pings, sign_ins = self.load("storm-ping", self.service.ping), self.load("storm", self.service.sign_in)
        try:
            return one_storm(pings, sign_ins, seconds)
        finally:
            settle(self.server.process)


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench-peers", description="Measure Gatepost beside others.")
    parser.add_argument("--quick", action="store_true", help="few and short rounds")
    quick = parser.parse_args().quick
    require_tools()
    end_in_order()
    machine, (rounds, seconds) = described(), (2, 2) if quick else (5, 4)
    DATA.mkdir(exist_ok=True)
    with TemporaryDirectory(dir=DATA, prefix="peers-") as name, ExitStack() as servers:
        running = [Running(each, *servers.enter_context(each.served(Path(name)))) for each in SERVICES]
        measures = {key: each for one in running for key, each in one.measures().items()}
        measures = dict(sorted(measures.items(), key=lambda each: each[0].row))  # each row, of all services in turn
        samples = interleaved(measures, rounds, seconds, 2)
        storms = _storms(running, rounds, seconds)
    command = "make bench-peers" + (" ARGS=--quick" if quick else "")
    text = report.headed(command, [*machine, table.versions()], [table.shown(samples, storms)])
    say(f"written to {page.write('make bench-peers', text, whole=not quick)}")


def _storms(running: Sequence[Running], rounds: int, seconds: int) -> dict[str, list[table.Storm]]:
    storms: dict[str, list[table.Storm]] = {each.service.name: [] for each in running}
    for number in range(rounds):
        for each in running:
            storm = each.storm(seconds)
            storms[each.service.name].append(storm)
            say(f"round {number + 1}/{rounds} storm, {each.service.name}: Ping p99 {storm[1].p99:.1f} ms")
    return storms


if __name__ == "__main__":
    main()
