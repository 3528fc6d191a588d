"""ListTokens over sockets: piece by piece, and what becomes of a stream when the server is told to stop."""

import json
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import pytest

from tests.e2e.seeding import seed_account, seed_tokens
from tests.e2e.server import STOP_WITHIN, Server, serving
from tests.e2e.streams import list_tokens

TOKENS = 40_000
"""Some 10 MB in JSON, 5 MB in binary: more than the sockets of both sides take up by themselves."""


@pytest.mark.parametrize("codec", ["json", "proto"])
def test_the_first_token_arrives_before_the_last_is_read_from_the_database(long_list: "LongList", codec: str) -> None:
    with long_list.stream(codec) as tokens:
        next(tokens)
        long_list.rename_oldest("renamed meanwhile")
        rest = list(tokens)
    assert len(rest) == TOKENS - 1
    assert b"renamed meanwhile" in rest[-1]


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="only Linux tells a process's peak of memory")
def test_memory_does_not_grow_with_the_list(long_list: "LongList") -> None:
    with long_list.stream() as tokens:
        next(tokens)  # the first stream of a process also loads what every stream needs
        before = long_list.server.memory()
        assert sum(1 for _ in tokens) == TOKENS - 1
    assert long_list.server.peak_memory() - before < 10, "MiB; all tokens at once would take more than 40"


def test_a_stream_in_flight_ends_well_when_the_server_is_told_to_stop(long_list: "LongList") -> None:
    with long_list.stream() as tokens:
        read = list(islice(tokens, TOKENS // 3))
        long_list.server.process.terminate()
        names = [json.loads(token)["tokenMetadata"]["name"] for token in (*read, *tokens)]
    assert names == [f"token-{number}" for number in reversed(range(TOKENS))]
    assert long_list.server.process.wait(STOP_WITHIN) == 0


def test_a_reader_who_stopped_reading_does_not_hold_up_the_stop(long_list: "LongList") -> None:
    with long_list.stream() as tokens:
        next(tokens)
        began = time.monotonic()
        long_list.server.stop()
    assert time.monotonic() - began < STOP_WITHIN


@dataclass(frozen=True, slots=True)
class LongList:
    server: Server
    token: str

    def stream(self, codec: str = "json") -> AbstractContextManager[Iterator[bytes]]:
        """The buffer is small, so that the server runs no further ahead than it must."""
        headers = {"authorization": f"Bearer {self.token}"}
        return list_tokens(self.server.port, headers, codec=codec, receive_buffer=4096)

    def rename_oldest(self, name: str) -> None:
        with closing(sqlite3.connect(self.server.folder / "data/gatepost.db")) as database, database:
            assert database.execute("UPDATE tokens SET name = ? WHERE name = 'token-0'", [name]).rowcount == 1


@pytest.fixture
def long_list(tmp_path: Path, seeded: tuple[Path, str]) -> Iterator[LongList]:
    database, token = seeded
    (tmp_path / "data").mkdir(mode=0o700)
    shutil.copy(database, tmp_path / "data")
    with serving(tmp_path) as server:
        yield LongList(server, token)


@pytest.fixture(scope="module")
def seeded(migrated_file: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A database with a long list, and a token to read it with."""
    database = Path(shutil.copy(migrated_file, tmp_path_factory.mktemp("seeded")))
    url = f"sqlite+aiosqlite:///{database}"
    return database, seed_tokens(url, seed_account(url, "ada@example.test"), TOKENS)
