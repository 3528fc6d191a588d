"""How long others wait for a Ping while eight clients sign in as fast as they can."""

import subprocess
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from bench.calls import load_of, settle
from bench.load import Answers, Load
from bench.machine import CORES, SERVER_CORE
from bench.process import Process
from bench.rounds import Spread, say
from bench.rows import JSON, PING_ROW, SIGN_IN
from bench.seed import Holder
from bench.serving import gatepost

CLIENTS = 8
WATCHERS, PAUSE = 4, 20
"""Connections that ping, and milliseconds between an answer and the next: some 200 a second, far below what is the
limit, so that they wait for the sign-ins and not for one another."""
LEAD = 1
"""Seconds by which a storm begins before its pings, and ends after them."""
TARGETS = {1: 25.0, 2: 10.0}
"""Milliseconds that the p99 of Ping may take, by cores of the server."""


@dataclass(frozen=True, slots=True)
class Storm:
    """What all rounds on so many cores gave. Milliseconds."""

    cores: int
    process: Process
    calm: list[Answers]
    pings: list[Answers]
    sign_ins: list[Answers]

    @property
    def p99(self) -> Spread:
        return Spread.of([answers.p99 for answers in self.pings])

    @property
    def reached(self) -> bool:
        return self.p99.median <= TARGETS[self.cores]


def storms(folder: Path, database_url: str, holders: Sequence[Holder], rounds: int, seconds: int) -> list[Storm]:
    """On one core and on two, in turn. With two the load has to share them."""
    choices = (SERVER_CORE, CORES[:2]) if len(CORES) > 1 else (SERVER_CORE,)
    found, loads = [], []
    with ExitStack() as servers:
        for cores in choices:
            server = servers.enter_context(gatepost(folder / f"storm-{len(cores)}", database_url, cores))
            found.append(Storm(len(cores), server.process, [], [], []))
            loads.append((load_of(server, PING_ROW, JSON, holders), load_of(server, SIGN_IN, JSON, holders)))
        for number in range(rounds):
            for storm, (pings, sign_ins) in zip(found, loads, strict=True):
                calm, during, signed_in = one_storm(pings, sign_ins, seconds)
                settle(storm.process)
                storm.calm.append(calm)
                storm.pings.append(during)
                storm.sign_ins.append(signed_in)
                waits = f"Ping p99 {during.p99:.1f} ms, calm {calm.p99:.1f} ms, {signed_in.rate:.0f} sign-ins/s"
                say(f"round {number + 1}/{rounds} storm on {storm.cores} cores: {waits}")
    return found


def one_storm(pings: Load, sign_ins: Load, seconds: int) -> tuple[Answers, Answers, Answers]:
    """Pings without a storm, pings within one, and the sign-ins of the storm, which begins before and ends after."""
    pings.connections, pings.pause, sign_ins.connections = WATCHERS, PAUSE, CLIENTS
    calm = pings.run(seconds)
    storm = subprocess.Popen(sign_ins.command(seconds + 2 * LEAD), stdout=subprocess.PIPE, text=True)
    time.sleep(LEAD)
    during = pings.run(seconds)
    return calm, during, sign_ins.took(storm.communicate()[0])
