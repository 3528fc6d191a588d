"""Every client does the same walk, in every protocol and codec it speaks, against the server as it is started; and
docs/protocols.md says what came of it."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.e2e.clients import workshop
from tests.e2e.clients.call import Place, Way
from tests.e2e.clients.node import PAGE_ORIGIN
from tests.e2e.protocol_tables import Result, put_into
from tests.e2e.server import ROOT, Server, serving
from tests.e2e.tap import tapped
from tests.e2e.walk import Walk, failures
from tests.e2e.ways import WAYS

PAGE = ROOT / "docs/protocols.md"
MEND = 'make test ARGS="tests/e2e/test_protocols.py --write-protocols"'
CONTENT_TYPES = {
    ("Connect", "JSON"): {"application/json", "application/connect+json"},
    ("Connect", "binary"): {"application/proto", "application/connect+proto"},
    ("gRPC-Web", "JSON"): {"application/grpc-web+json"},
    ("gRPC-Web", "binary"): {"application/grpc-web+proto"},
    ("gRPC-Web", "text"): {"application/grpc-web-text"},
    ("gRPC", "JSON"): {"application/grpc+json"},
    ("gRPC", "binary"): {"application/grpc+proto", "application/grpc"},
}
each_way = pytest.mark.parametrize("way", WAYS, ids=str)


@each_way
def test_the_walk(walks: "Walks", way: Way) -> None:
    for first in walks.result(way).failures.values():
        raise first


@each_way
def test_a_way_is_what_it_is_called(walks: "Walks", way: Way) -> None:
    heard = walks.result(way).heard
    assert {version for version, _ in heard} == {way.http}
    assert {content_type for _, content_type in heard} <= CONTENT_TYPES[way.protocol, way.codec]


@pytest.mark.timeout(180)  # where it comes first, it does all the walks
def test_the_page_says_what_works(walks: "Walks", request: pytest.FixtureRequest) -> None:
    made = put_into(PAGE.read_text(), {way: walks.result(way) for way in WAYS})
    if request.config.getoption("--write-protocols"):
        PAGE.write_text(made)
    assert PAGE.read_text() == made, f"what works has changed; this writes it down: {MEND}"


class Walks:
    """Does the walk, once for each way, when its result is first asked for."""

    def __init__(self, servers: Mapping[str, Server], shop: Path, folders: pytest.TempPathFactory) -> None:
        self._servers = servers
        self._shop = shop
        self._folders = folders
        self._results: dict[Way, Result] = {}

    def result(self, way: Way) -> Result:
        if way not in self._results:
            self._results[way] = self._walk(way, f"walker-{len(self._results)}@example.test")
        return self._results[way]

    def _walk(self, way: Way, email: str) -> Result:
        server = self._servers[way.http]
        with tapped(server.port) as tap:
            with way.open(way, Place(tap.url, self._folders.mktemp("client"), self._shop)) as client:
                failed = failures(Walk(client, email, server.writes_held))
            return Result(failed, frozenset(tap.heard))


@pytest.fixture(scope="module")
def walks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walks]:
    shop = tmp_path_factory.mktemp("workshop")
    workshop.set_up(shop)
    settings = {"LIMITS": "off", "ALLOWED_ORIGINS": PAGE_ORIGIN}
    with ExitStack() as running:
        running.enter_context(pytest.MonkeyPatch.context()).syspath_prepend(shop)
        servers = {
            version: running.enter_context(serving(tmp_path_factory.mktemp("server"), HTTP2=http2, **settings))
            for version, http2 in (("1.1", "off"), ("2", "on"))
        }
        yield Walks(servers, shop, tmp_path_factory)
