"""What came of the comparison, as Markdown."""

import json
import re
from collections.abc import Mapping, Sequence

from bench.calls import Key
from bench.load import Answers
from bench.peers.services import GATEPOST, HERE, SERVICES
from bench.report import table, verdict
from bench.rounds import Sample, Spread, ratios

PING, CHECK, SIGN_IN = "Ping", "who is calling", "sign-in"
TARGETS = {"fastapi-users": 12.0, "better-auth, cookie cache off": 4.0, "better-auth, cookie cache on": 4.0}
"""How many times as many checks Gatepost is to make in a CPU second."""
PACKAGES = {
    "fastapi-users": ("fastapi-users", "fastapi", "uvicorn"),
    "django-rest": ("djangorestframework", "gunicorn"),
}

Storm = tuple[Answers, Answers, Answers]
"""Pings without sign-ins, pings meanwhile, the sign-ins."""


def shown(samples: Mapping[Key, list[Sample]], storms: Mapping[str, Sequence[Storm]]) -> str:
    own = samples[Key(GATEPOST.name, CHECK)]
    rows = []
    for name in (service.name for service in SERVICES):
        checks = samples[Key(name, CHECK)]
        slower = ratios(own, checks).median
        asked = TARGETS.get(name)
        rows.append(
            [
                name,
                Spread.of([each.rate for each in checks]).shown(),
                Spread.of([each.per_cpu for each in checks]).shown(),
                "" if name == GATEPOST.name else f"{slower:.1f}",
                f"≥ {asked:.0f}: {verdict(slower >= asked)}" if asked else "",
                Spread.of([each.rate for each in samples[Key(name, PING)]]).shown(),
                Spread.of([each.rate for each in samples[Key(name, SIGN_IN)]]).shown(1),
                Spread.of([calm.p99 for calm, _, _ in storms[name]]).shown(1),
                Spread.of([during.p99 for _, during, _ in storms[name]]).shown(1),
            ]
        )
    head = ["", "Checks/s", "In a CPU second", "Gatepost makes so many times", "Target"]
    head += ["Pings/s", "Sign-ins/s", "Ping p99, ms", "while 8 sign in, ms"]
    lost = [f"{key}: {sum(each.lost for each in values)}" for key, values in samples.items()]
    lost = [each for each in lost if not each.endswith(": 0")]
    return table(head, rows) + ("\n\nRefused or not answered: " + "; ".join(lost) if lost else "")


def versions() -> str:
    """Of those that are compared, from their locks."""
    found = []
    for folder, names in PACKAGES.items():
        lock = (HERE / folder / "requirements.lock").read_text()
        found += [
            f"{name} {version}" for name in names for version in re.findall(rf"^{name}==(\S+)", lock, re.MULTILINE)
        ]
    packages = json.loads((HERE / "better-auth/package-lock.json").read_text())["packages"]
    found.append(f"better-auth {packages['node_modules/better-auth']['version']}")
    return ", ".join(found)
