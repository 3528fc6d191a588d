"""What a call holds is bounded by BODY_LIMIT, whatever was sent, and nothing of it stays."""

import gc
import gzip
import os
import tracemalloc
from pathlib import Path

import pytest

from tests.properties.bodies import LIMIT
from tests.properties.driver import Credential, Driver
from tests.properties.ways import Way, ways_of
from tests.support.cases import Tally

MIB = 2**20
MOST_AT_ONCE = 2 * MIB
"""For a body of 64 KiB, read into small objects, or a part of a megabyte, which a server would have cut up."""
ROUNDS = 15
MOST_THAT_STAYS = 4 * MIB
"""If each call kept as little as 32 KiB, it would be more."""


@pytest.mark.parametrize("way", [*ways_of("Ping"), *ways_of("ListTokens")[:2]], ids=str)
def test_memory_is_bounded(way: Way, driver: Driver, tally: Tally) -> None:
    session, compression = driver.headers(Credential.SESSION), way.tongue.compression.encode()
    calls = [(parts, [*session, (compression, encoding)]) for parts, encoding in _bodies(way)]
    for parts, headers in calls:  # caches fill
        driver.call(way, parts, headers)
    for parts, headers in calls:
        tracemalloc.start()
        driver.call(way, parts, headers)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < MOST_AT_ONCE
    before = _resident()
    for _ in range(ROUNDS):
        for parts, headers in calls:
            driver.call(way, parts, headers)
            tally["calls whose memory was measured"] += 1
    assert _resident() - before < MOST_THAT_STAYS


def _bodies(way: Way) -> list[tuple[list[bytes], bytes]]:
    """The parts of a body, and the compression that it claims."""
    tongue, empty = way.tongue, way.tongue.body(way.message({}))
    texts = [
        b" " * LIMIT,
        b"[" * LIMIT,
        b"[" + b"[]," * (LIMIT // 3 - 9) + b"0]",
        b'{"x": [' + b'{"a": 1},' * 7_000 + b"0]}",
        b'{"x": "' + b"\\u0041" * 10_000 + b'"}',
    ]
    wholes = [
        *(tongue.body(text) for text in texts),
        tongue.body(b" " * MIB),
        empty * (MIB // len(empty or b" ")),
    ]
    bombs = [gzip.compress(bytes(100 * MIB))[:LIMIT], gzip.compress(bytes(MIB)) * 60]
    return [
        *(([whole], b"identity") for whole in wholes),
        *(([tongue.body(bomb, flags=1)], b"gzip") for bomb in bombs),
        ([b" " * 1024] * 1024, b"identity"),
        ([b"\0\xff\xff\xff\xff", *[b" " * 1024] * 1024], b"identity"),
    ]


def _resident() -> int:
    """Bytes of memory that the process holds; 0 where the system does not tell so."""
    gc.collect()
    told = Path("/proc/self/statm")
    return int(told.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") if told.exists() else 0
