"""Accounts, sessions and tokens answer as a model does that fits on a page."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis.stateful import run_state_machine_as_test

from tests.properties.driver import Driver, driving
from tests.properties.life import Life
from tests.properties.model import SESSION_QUOTA, TOKEN_QUOTA
from tests.support.cases import Tally, cases


def test_the_service_and_the_model_agree(driver: Driver, tally: Tally) -> None:
    run_state_machine_as_test(lambda: Life(driver, tally), settings=cases(50, stateful_step_count=40))


@pytest.fixture
def driver(tmp_path: Path, migrated: Path) -> Iterator[Driver]:
    with driving(tmp_path, migrated, session_quota=SESSION_QUOTA, token_quota=TOKEN_QUOTA) as started:
        yield started
