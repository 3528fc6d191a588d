"""What was measured, as Markdown."""

from collections.abc import Iterable, Mapping, Sequence

from bench import lists, plot
from bench import rest as resting
from bench.calls import Key
from bench.growth import SLOWER, Growth
from bench.lists import Listing
from bench.rest import Rest
from bench.rounds import Sample, Spread, ratios
from bench.rows import ARGON2, CEILING, COMMIT, GROWING, PING, POSTGRESQL, ROWS, SQLITE, Target
from bench.storm import TARGETS, Storm

Samples = Mapping[Key, list[Sample]]


def headed(command: str, machine: Sequence[str], sections: Iterable[str]) -> str:
    lines = [f"Command: `{command}`", *machine]
    return "\n\n".join(["\n".join(f"* {line}" for line in lines), *sections])


def calls(samples: Samples) -> str:
    """One table for each database."""
    targets = {row.name: row.targets for row in ROWS}
    parts = []
    for database in (SQLITE, POSTGRESQL):
        keys = sorted((key for key in samples if key.where == database), key=_order)
        cells = [_call(samples, key, targets.get(key.row, ())) for key in keys]
        head = ["Row", "Codec", "Requests/s", "In a CPU second", "Of Ping", "p50, p99 ms", "Target", "Reached"]
        parts.append(f"### Calls on {database}\n\n{table(head, cells)}")
    lost = [f"{key}: {_lost(samples, key)}" for key in samples if _lost(samples, key)]
    return "\n\n".join([*parts, *(["Refused or not answered: " + "; ".join(lost)] if lost else [])])


def _order(key: Key) -> tuple[int, str]:
    names = [CEILING, ARGON2, COMMIT, *(row.name for row in ROWS)]
    return names.index(key.row), key.codec


def _lost(samples: Samples, key: Key) -> int:
    return sum(sample.lost for sample in samples[key])


def _call(samples: Samples, key: Key, targets: Sequence[Target]) -> list[str]:
    own = samples[key]
    rate, per_cpu = Spread.of([each.rate for each in own]), Spread.of([each.per_cpu for each in own])
    p50, p99 = Spread.of([each.p50 for each in own]).median, Spread.of([each.p99 for each in own]).median
    ping = samples.get(Key(key.where, PING, key.codec))
    of_ping = f"{ratios(own, ping).median:.2f}" if ping and key.row != PING else ""
    asked = [judged(samples, key, target) for target in targets if key.where in target.at_least]
    latencies = f"{p50:.1f}, {p99:.1f}"
    told = [", ".join(each) for each in zip(*asked, strict=True)] or ["", ""]
    return [key.row, key.codec, rate.shown(), per_cpu.shown(), of_ping, latencies, *told]


def judged(samples: Samples, key: Key, target: Target) -> tuple[str, str]:
    """What is asked, and what came of it."""
    least = target.at_least[key.where]
    asked = f"≥ {least:.2f} of {target.against}"
    # What a row is held against has the row's own codec, or none.
    against = samples.get(Key(key.where, target.against, key.codec)) or samples.get(Key(key.where, target.against))
    if against is None:
        return asked, "not measured"
    ratio = ratios(samples[key], against, by_cpu=target.by_cpu).median
    return asked, f"{verdict(ratio >= least)}, {ratio:.2f}"


def listings(found: Sequence[Listing]) -> str:
    cells = [
        [
            f"{each.tokens:,}",
            each.codec,
            Spread.of(each.rates).shown(),
            Spread.of(each.per_cpu).shown(),
            Spread.of(each.first).shown(1),
            f"{each.growth:+.1f}",
            verdict(each.reached),
        ]
        for each in found
    ]
    asked = f"≥ {lists.TOKENS_A_SECOND:,} tokens/s in JSON, ≤ {lists.FIRST_BYTE:.0f} ms, ≤ {lists.GROWTH:.0f} MiB more"
    head = ["Tokens", "Codec", "Tokens/s", "In a CPU second", "First byte, ms", "Memory, MiB", "Reached"]
    return f"### ListTokens on SQLite\n\nTarget: {asked}.\n\n{table(head, cells)}"


def storms(found: Sequence[Storm]) -> str:
    cells = [
        [
            str(each.cores),
            each.p99.shown(1),
            Spread.of([answers.p99 for answers in each.calm]).shown(1),
            Spread.of([answers.rate for answers in each.sign_ins]).shown(),
            f"≤ {TARGETS[each.cores]:.0f} ms",
            verdict(each.reached),
        ]
        for each in found
    ]
    head = ["Cores of the server", "Ping p99 in the storm, ms", "without, ms", "Sign-ins/s", "Target", "Reached"]
    return f"### Ping while eight clients sign in\n\n{table(head, cells)}"


def rest(found: Rest) -> str:
    start, memory = found.start, found.at_rest
    asked = (f"≤ {resting.START:.1f} s", f"≤ {resting.MEMORY:.0f} MiB")
    cells = [
        ["Start to first answer", f"{start.shown(2)} s", asked[0], verdict(start.median <= resting.START)],
        ["Memory at rest", f"{memory.shown(1)} MiB", asked[1], verdict(memory.median <= resting.MEMORY)],
        [f"Memory after {found.calls:,} calls", f"{found.after:.1f} MiB", "", ""],
    ]
    return f"### Start and memory, on SQLite\n\n{table(['', 'Measured', 'Target', 'Reached'], cells)}"


def growth(found: Growth) -> str:
    cells = []
    for row in GROWING:
        rates = [Spread.of([each.rate for each in found.of(row.name, size)]).shown() for size in found.sizes]
        slower = found.slower(row.name)
        cells.append([row.name, *rates, slower.shown(2), verdict(found.reached(row.name))])
    head = ["Requests/s", *(f"{size:,}" for size in found.sizes), "Times slower", "Reached"]
    filled = ", ".join(f"{size:,} in {seconds:.0f} s" for size, seconds in found.seeding.items())
    return (
        "### Growth, on SQLite\n\n"
        f"By accounts; there are as many tokens, and sessions beside. Filled by `bench.seed`: {filled}. Target: from "
        f"the smallest to the largest at most {SLOWER} times slower, by CPU time.\n\n{table(head, cells)}\n\n"
        "![Requests in a CPU second by accounts, against the smallest database](growth.svg)"
    )


def chart(found: Growth) -> str:
    lines = {}
    for row in GROWING:
        levels = [Spread.of([each.per_cpu for each in found.of(row.name, size)]).median for size in found.sizes]
        lines[row.name] = [level / levels[0] if levels[0] else 0.0 for level in levels]
    return plot.chart("Requests in a CPU second by accounts, against the smallest database", found.sizes, lines)


def verdict(reached: bool) -> str:
    return "yes" if reached else "**no**"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
