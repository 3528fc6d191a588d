"""Accounts, sessions and tokens answer as a model does that fits on a page."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given

from tests.properties.driver import Driver, driving
from tests.properties.life import STEPS, Life, Step
from tests.properties.model import ABSOLUTE, SESSION_QUOTA, TOKEN_QUOTA
from tests.support.cases import Tally, cases
from tests.support.databases import Original

pytestmark = pytest.mark.timeout(240)  # eighty lives, one after the other


@given(steps=STEPS)
@cases(80)
def test_the_service_and_the_model_agree(steps: Sequence[Step], driver: Driver, tally: Tally) -> None:
    Life(driver, tally).live(steps)


@pytest.fixture
def driver(tmp_path: Path, migrated: Original) -> Iterator[Driver]:
    absolute = int(ABSOLUTE.total_seconds())  # little longer than the idle life, so that both come into play
    changes = {"session_quota": SESSION_QUOTA, "token_quota": TOKEN_QUOTA, "session_absolute": absolute}
    with driving(tmp_path, migrated, **changes) as started:
        yield started
