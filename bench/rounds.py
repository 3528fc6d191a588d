"""Rounds that take turns, so that whatever else the machine does falls on all rows alike; medians and their spread."""

import sys
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TypeVar

from bench.load import Answers


@dataclass(frozen=True, slots=True)
class Sample:
    """One round of one row."""

    rate: float
    """Good answers in a second."""
    per_cpu: float
    """The same in a second of the server's CPU time: holds still where the machine is busy."""
    p50: float
    p99: float
    """Milliseconds."""
    lost: int = 0
    """Requests that were refused or not answered. Anything but zero spoils the row."""


@dataclass(frozen=True, slots=True)
class Spread:
    """Of several samples the middle one, and the outermost."""

    median: float
    lowest: float
    highest: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        return cls(median(values), min(values), max(values))

    def shown(self, digits: int = 0) -> str:
        return f"{self.median:,.{digits}f} ({self.lowest:,.{digits}f} to {self.highest:,.{digits}f})"


Measure = Callable[[int], Sample]
"""Makes one round of so many seconds."""


def sampled(answers: Answers, cpu_seconds: float) -> Sample:
    good = answers.requests - answers.refused
    per_cpu = good / cpu_seconds if cpu_seconds else 0.0
    return Sample(answers.rate, per_cpu, answers.p50, answers.p99, answers.refused + answers.failed)


Name = TypeVar("Name", bound=Hashable)


def interleaved(measures: Mapping[Name, Measure], rounds: int, seconds: int, warm_up: int) -> dict[Name, list[Sample]]:
    """Warm up each, then let all of them take turns, every other round in the opposite order."""
    for name, measure in measures.items():
        say(f"warm up   {name}")
        measure(warm_up)
    samples: dict[Name, list[Sample]] = {name: [] for name in measures}
    for number in range(rounds):
        names = list(measures) if number % 2 == 0 else list(reversed(measures))
        for name in names:
            sample = measures[name](seconds)
            samples[name].append(sample)
            lost = f"   LOST {sample.lost}" if sample.lost else ""
            say(f"round {number + 1}/{rounds} {name!s:<44}{sample.rate:>9,.0f}/s {sample.per_cpu:>9,.0f}/CPU s{lost}")
    return samples


def ratios(samples: Sequence[Sample], against: Sequence[Sample], *, by_cpu: bool = True) -> Spread:
    """Round by round, each with its neighbour of the same round. Zero where there is nothing to divide by."""
    pairs = zip(samples, against, strict=True)
    rates = [(one.per_cpu, other.per_cpu) if by_cpu else (one.rate, other.rate) for one, other in pairs]
    return Spread.of([one / other if other else 0.0 for one, other in rates])


def say(line: str) -> None:
    """Progress goes to standard error."""
    print(line, file=sys.stderr, flush=True)
