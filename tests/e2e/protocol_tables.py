"""The tables in docs/protocols.md, out of what the walks came to."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from tests.e2e.clients.call import Way
from tests.e2e.walk import STEPS

_BEGIN, _END = "<!-- made by tests/e2e/test_protocols.py -->\n", "<!-- end of what is made -->\n"


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one way."""

    failures: Mapping[str, Exception]
    """By step."""
    heard: frozenset[tuple[str, str]]
    """Version of HTTP and Content-Type of the requests."""


def put_into(page: str, results: Mapping[Way, Result]) -> str:
    """The page with the tables as these results make them."""
    before, _, rest = page.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    tables = [_table(_walks(results)), _table(_content_types(results))]
    return "\n".join([before + _BEGIN, *tables, _END + after])


def _walks(results: Mapping[Way, Result]) -> Iterator[Sequence[str]]:
    """A line for each client, protocol and codec. A step has passed if it did over all versions of HTTP."""
    yield ("Client", "Protocol", "Codec", "HTTP", *STEPS)
    for line, ways in groupby(results, key=lambda way: (way.client, way.protocol, way.codec)):
        over = list(ways)
        cells = ["✓" if all(step not in results[way].failures for way in over) else "" for step in STEPS]
        yield (*line, ", ".join(way.http for way in over), *cells)


def _content_types(results: Mapping[Way, Result]) -> Iterator[Sequence[str]]:
    yield ("Protocol", "Codec", "Content-Type")
    for kind in sorted({(way.protocol, way.codec) for way in results}):
        heard = {each for way in results if (way.protocol, way.codec) == kind for _, each in results[way].heard}
        yield (*kind, ", ".join(f"`{each}`" for each in sorted(heard)))


def _table(rows: Iterable[Sequence[str]]) -> str:
    head, *lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([head, "|---" * (head.count("|") - 1) + "|", *lines, ""])
