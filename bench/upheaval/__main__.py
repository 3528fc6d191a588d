"""Sixty seconds of people at work while replicas and PostgreSQL are killed, and what became of what was promised.

    python -m bench.upheaval        wants nginx; some 90 seconds

Two replicas serve behind nginx, as `deploy/` has it, on one PostgreSQL and one Valkey. Each of the eight people makes,
uses, renames, regenerates and expires tokens, lists them, refreshes the session, signs out and in, and tries what was
revoked more than a second ago. Nobody should get an answer but success, `unavailable`, or a documented refusal.
Afterwards everything acknowledged must be there, and at each replica what was revoked must be refused. Exits with
status 1 if anything is wrong.
"""

import asyncio
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.upheaval.people import Person, Tally, live_until
from bench.upheaval.proof import hold
from bench.upheaval.stage import Stage, staged

PEOPLE = 8
"""Below the sign-ups that one client may make in an hour."""
SECONDS = 60.0
PASSWORD = "correct horse battery"

Ports = dict[str, int]
EVENTS: tuple[tuple[float, str, Callable[[Stage, Ports], object]], ...] = (
    (10, "kill -9 replica one", lambda stage, ports: ports.update(one=stage.kill("one"))),
    (15, "start replica one", lambda stage, ports: stage.start("one", ports["one"])),
    (25, "restart PostgreSQL", lambda stage, _: stage.restart_database()),
    (35, "kill -9 the other replica", lambda stage, ports: ports.update(other=stage.kill("other"))),
    (40, "start the other replica", lambda stage, ports: stage.start("other", ports["other"])),
    (47, "kill -9 PostgreSQL, and start it", lambda stage, _: stage.crash_database()),
)


def main() -> None:
    with TemporaryDirectory() as folder, staged(Path(folder)) as stage:
        tally = asyncio.run(_lived(stage))
    print(*tally.wrong or ["Everything holds."], sep="\n")
    sys.exit(1 if tally.wrong else 0)


async def _lived(stage: Stage) -> Tally:
    tally = Tally()
    people = [Person(stage.front, f"person{n}@example.test", PASSWORD, tally) for n in range(PEOPLE)]
    for person in people:
        await person.arrive()
    began = time.monotonic()
    lives = [asyncio.create_task(live_until(person, began + SECONDS)) for person in people]
    ports: Ports = {}
    for at, what, happens in EVENTS:
        await asyncio.sleep(max(0.0, began + at - time.monotonic()))
        print(f"{time.monotonic() - began:5.1f} s  {what}", flush=True)
        await asyncio.to_thread(happens, stage, ports)
    await asyncio.gather(*lives)
    print(f"{time.monotonic() - began:5.1f} s  the end, and these answers:")
    for answer, number in tally.answers.most_common():
        print(f"  {number:6}  {answer}")
    _print_sums(people)
    for person in people:
        await hold(person, stage.replicas, tally)
    return tally


def _print_sums(people: list[Person]) -> None:
    made, unknown = sum(each.made for each in people), sum(each.maybe_made for each in people)
    values, sessions = sum(len(each.dead_values) for each in people), sum(len(each.dead_cookies) for each in people)
    print(f"  {made} tokens made, and {unknown} of which nobody knows; {values} values and {sessions} sessions revoked")


if __name__ == "__main__":
    main()
