"""The service that most tests drive: `gatepost`, started afresh for each on a database of its own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.cases import pytest_terminal_summary, tally
from tests.support.service import Gatepost, migrated_database, started

__all__ = ["pytest_terminal_summary", "tally"]  # pytest finds them here


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--write-protocols", action="store_true", help="write docs/protocols.md anew")
    parser.addoption(
        "--write-pictures", action="store_true", help="take the README's pictures from tests/browser/pictures"
    )


@pytest.fixture
async def gatepost(tmp_path: Path, migrated: Path) -> AsyncIterator[Gatepost]:
    async with started(tmp_path, migrated) as service:
        yield service


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database file with the schema and nothing else, to be copied."""
    return migrated_database(tmp_path_factory.mktemp("migrated"))
