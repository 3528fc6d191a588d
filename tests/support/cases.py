"""How many cases a property is tried on, and the count of them for the end of a run.

`make test` tries the same cases every time. `make test ARGS="tests/properties --hypothesis-profile=deep --timeout=0"`
takes others each time, and twenty times as many.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

_DEEP = "deep"
_TRIED = "tried"

Tally = Counter[str]
"""What was tried, and how often."""

settings.register_profile(_DEEP)


def cases(number: int, **more: Any) -> settings:
    """For a property that is to be tried so often by `make test`."""
    deep = settings.get_current_profile_name() == _DEEP
    return settings(
        max_examples=number * (20 if deep else 1),
        derandomize=not deep,
        database=None,
        deadline=None,  # the cores are shared with other tests
        print_blob=True,
        # A service is started once for all cases of a test: what one case leaves behind is part of the next.
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
        **more,
    )


@pytest.fixture
def tally(request: pytest.FixtureRequest) -> Iterator[Tally]:
    """What a test adds here is told at the end of the run."""
    counted: Tally = Counter()
    yield counted
    request.node.user_properties.append((_TRIED, dict(counted)))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    tried: Tally = Counter()
    for report in terminalreporter.stats.get("", ()):
        if report.when == "teardown":
            for name, counted in report.user_properties:
                if name == _TRIED:
                    tried.update(counted)
    if tried:
        terminalreporter.section(_TRIED)
        for what, times in sorted(tried.items()):
            terminalreporter.write_line(f"{times:>9,} {what}")
