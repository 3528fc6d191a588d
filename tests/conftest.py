"""The service that most tests drive: `gatepost`, started afresh for each on a database of its own."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path

import pytest

from tests.support import databases
from tests.support.cases import pytest_terminal_summary, tally
from tests.support.databases import Original
from tests.support.service import Gatepost, started

pytest.register_assert_rewrite("tests.e2e.walk")  # its assertions are a test's, and should tell as much

__all__ = ["pytest_terminal_summary", "tally"]  # pytest finds them here

BOTH = "both"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--write-protocols", action="store_true", help="write docs/protocols.md anew")
    parser.addoption(
        "--write-pictures", action="store_true", help="take the README's pictures from tests/browser/pictures"
    )
    parser.addoption(
        "--database",
        choices=[*databases.KINDS, BOTH],
        default=BOTH,
        help="where tests that need one keep their data",
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "database" in metafunc.fixturenames:
        kinds = _kinds(metafunc.config, metafunc.definition)
        metafunc.parametrize("database", kinds, scope="session", indirect=True)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    gone = [item for item in items if not _kinds(config, item)]
    items[:] = [item for item in items if item not in gone]
    config.hook.pytest_deselected(items=gone)


def _kinds(config: pytest.Config, item: pytest.Item) -> list[str]:
    """The databases that were chosen, of those that the test is about: all, unless it is marked `only`."""
    chosen, only = config.getoption("database"), item.get_closest_marker("only")
    return [kind for kind in databases.KINDS if chosen in (BOTH, kind) and (only is None or kind in only.args)]


@pytest.fixture(scope="session")
def database(request: pytest.FixtureRequest) -> str:
    """Which database the test runs on: each that needs one runs on both."""
    return str(request.param)


@pytest.fixture
async def gatepost(tmp_path: Path, migrated: Original) -> AsyncIterator[Gatepost]:
    async with started(tmp_path, migrated) as service:
        yield service


@pytest.fixture(scope="session")
def migrated(database: str, originals: Callable[[str], Original]) -> Original:
    """A database with the schema and nothing else, to be copied."""
    return originals(database)


@pytest.fixture(scope="session")
def originals(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Original]]:
    """One of each kind, made when it is first asked for.

    `migrated` ends, as any fixture with a parameter, when a test comes with another: in each file, and a server takes
    seconds to start.
    """
    with ExitStack() as made:
        yield cache(
            lambda kind: made.enter_context(databases.migrated_database(kind, tmp_path_factory.mktemp("migrated")))
        )


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same as a file, for what is about SQLite alone."""
    return databases.migrated_file(tmp_path_factory.mktemp("migrated"))


@pytest.fixture(autouse=True)
def dropped(request: pytest.FixtureRequest) -> Iterator[None]:
    """Set up first, so that a test's databases go when nobody is connected to them any more."""
    if not {"migrated", "tmp_path"} <= set(request.fixturenames):
        yield
        return
    original, folder = request.getfixturevalue("migrated"), request.getfixturevalue("tmp_path")
    yield
    original.drop(folder)
