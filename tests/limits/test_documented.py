"""docs/operations.md tells operators every limit, with the numbers that hold, and every metric."""

import re
from datetime import timedelta
from pathlib import Path

import pytest

from app import policy
from app.core.metrics import Metrics
from app.limits import Limit, Per

OPERATIONS = (Path(__file__).parents[2] / "docs/operations.md").read_text()
LIMITS = [each for each in vars(policy).values() if isinstance(each, Limit)]
TIMES = {60: "1 minute", 300: "5 minutes", 3600: "1 hour", 86400: "1 day"}
KEYS = {
    Per.CLIENT: "client",
    Per.ADDRESS: "address",
    Per.CLIENT_AND_ADDRESS: "client and address",
    Per.ACCOUNT: "account",
    Per.SERVICE: "nothing",
}


def test_every_limit_with_its_numbers() -> None:
    told = set(re.findall(r"^\| `(\w+)` \| [^|]+ \| (\d+) \| ([\w ]+) \| ([\w ]+) \|$", OPERATIONS, re.MULTILINE))
    assert told == {(each.name, str(each.events), TIMES[int(each.seconds)], KEYS[each.per]) for each in LIMITS}


def test_the_waits_of_the_one_with_growing_waits() -> None:
    (limit,) = [each for each in LIMITS if each.backoff]
    first, longest = (int(timedelta(seconds=seconds) / timedelta(minutes=1)) for seconds in limit.backoff or ())
    text = " ".join(OPERATIONS.split())
    assert (
        f"`{limit.name}`, once used up, lets one attempt through after {first} minute, and after each that fails "
        f"waits twice as long, up to {longest} minutes" in text
    )


def test_no_two_limits_have_one_name() -> None:
    """They would count into one another."""
    assert len({each.name for each in LIMITS}) == len(LIMITS)


@pytest.mark.parametrize("family", list(Metrics().registry.collect()), ids=lambda family: family.name)
def test_every_metric(family: object) -> None:
    name = f"{family.name}_total" if family.type == "counter" else family.name  # type: ignore[attr-defined]
    assert f"| `{name}` |" in OPERATIONS
