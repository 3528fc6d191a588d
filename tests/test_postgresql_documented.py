"""docs/operations.md tells the time-outs of PostgreSQL as they are."""

from app.core import postgresql
from app.core.config import Settings
from tests.e2e.server import ROOT

PAGE = (ROOT / "docs/operations.md").read_text().partition("\n## PostgreSQL\n")[2].partition("\n## ")[0]


def test_the_bounds_are_as_documented() -> None:
    told = {what: most for what, most in _rows()}
    for name, bound in postgresql.BOUNDS.items():
        (most,) = [most for what, most in told.items() if f"(`{name}`)" in what]
        assert most == bound.replace("s", " s")
    assert told["a connection is made"] == f"{postgresql.CONNECT_WITHIN:.0f} s"
    assert told["a call waits for a free one of the pool"] == f"{postgresql.WAIT_FOR_CONNECTION:.0f} s"
    assert told["the server says nothing"].startswith(f"{postgresql.ANSWER_WITHIN:.0f} s,")


def test_the_pool_is_as_documented() -> None:
    assert f"`DATABASE_POOL` of them, {Settings().database_pool} unless set" in PAGE


def _rows() -> list[list[str]]:
    return [
        [cell.strip() for cell in line.strip("|").split("|")] for line in PAGE.splitlines() if line.startswith("| ")
    ]
