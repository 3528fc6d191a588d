"""One service for each file: what one case leaves behind is part of the next, and a bystander is served to the end."""

from collections.abc import Iterator

import pytest

from tests.properties.driver import Driver, driving
from tests.support.databases import Original


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory, migrated: Original) -> Iterator[Driver]:
    with driving(tmp_path_factory.mktemp("driven"), migrated) as started:
        started.still_serves()
        yield started
        started.still_serves()
