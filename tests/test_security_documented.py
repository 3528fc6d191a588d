"""docs/security.md against the code: its tests exist, its numbers are in force, its tables are complete."""

import ast
import re
from collections import Counter
from contextlib import suppress
from datetime import timedelta
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from connectrpc.errors import ConnectError

from app import policy
from app.accounts.password_rules import common_passwords
from app.core.config import Settings
from app.limits import Limit
from app.policy import POLICIES
from tests import test_standing as standing
from tests.support.documents import rows
from tests.support.requests import field_paths
from tests.support.service import Gatepost
from tests.test_policy import CALLS, CREDENTIALS, MATRIX, METHODS, People, gatepost, people

__all__ = ["gatepost", "people"]  # pytest finds them here

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs/security.md").read_text()

WAYS_IN = "| RPC | What it takes | What it gives | How strong that is |"
MATRIX_TABLE = (
    "| RPC | nobody | session | token that reads | token for another service | session made from a token "
    "| session, address unconfirmed where that is asked for | any of a disabled account |"
)
FIELDS = "| RPC | Fields |"
EVENTS = "| Event | Level | When | Fields |"
NUMBERS = "| What | How much | From |"
LEVELS = "| Level | Requirements here | Met |"
ASVS = "| # | L | What is asked | Shown by |"
LISTS = ("| Mistake | Shown by |", "| What could go wrong | Shown by |", "| Fault | Shown by |")

ONLY_TOLD = {"created_at", "last_used_at", "regenerated_at", "value_hint"}
"""Fields of messages that requests and answers share, which requests cannot set."""
SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}


def test_every_requirement_is_in_the_table_with_its_level() -> None:
    listed = [line.split() for line in (ROOT / "tests/asvs.txt").read_text().splitlines() if line[0] != "#"]
    assert [row[:2] for row in rows(PAGE, ASVS)] == listed


def test_every_row_says_what_shows_it() -> None:
    for number, _, asked, shown in rows(PAGE, ASVS):
        named = "`tests/" in shown or "](#" in shown
        assert (bool(asked), named or shown.startswith("not met: ")) == (True, True), number


def test_the_counts_are_those_of_the_table() -> None:
    asked = Counter(level for _, level, _, _ in rows(PAGE, ASVS))
    met = Counter(level for _, level, _, shown in rows(PAGE, ASVS) if not shown.startswith("not met"))
    assert list(rows(PAGE, LEVELS)) == [[level, str(asked[level]), str(met[level])] for level in "123"]


def test_every_test_that_is_named_exists() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)
    assert len(named) > 100
    assert [f"{file}::{name}" for file, name in named if name not in _tests_in(file)] == []


def test_nothing_else_is_named_like_a_test() -> None:
    """A test whose name has a slip in it would be looked for by nobody."""
    assert len(re.findall(r"::test_", PAGE)) == len(re.findall(r"`tests/[\w/]+\.py::test_\w+`", PAGE))


@pytest.mark.parametrize("header", LISTS)
def test_every_row_of_the_lists_names_a_test(header: str) -> None:
    found = list(rows(PAGE, header))
    assert found
    assert [what for what, shown in found if not re.fullmatch(r"(`tests/[\w/]+\.py::test_\w+` ?)+", shown)] == []


@pytest.mark.parametrize(("what", "how_much", "source"), list(rows(PAGE, NUMBERS)))
def test_numbers_are_the_ones_in_force(what: str, how_much: str, source: str) -> None:
    assert _told(how_much, source) == _in_force(source.strip("`")), what


def test_no_limit_of_the_policy_is_left_out() -> None:
    named = [_in_force(source.strip("`")) for _, _, source in rows(PAGE, NUMBERS)]
    defined = [_comparable(each) for each in vars(policy).values() if isinstance(each, Limit)]
    assert defined
    assert [limit for limit in defined if limit not in named] == []
    used = {limit.name for row in POLICIES.values() for limit in row.limits}
    assert used <= {each.name for each in vars(policy).values() if isinstance(each, Limit)}


def test_no_number_stands_elsewhere_that_could_differ() -> None:
    """Outside of its table the page has few, and these are compared here."""
    assert f"{len(common_passwords()):,} common and breached ones" in PAGE
    assert f"{Settings().password_min_length} characters at least, which is a setting" in PAGE


def test_who_may_do_what_is_what_the_matrix_says() -> None:
    told = {name: cells for name, *cells in rows(PAGE, MATRIX_TABLE)}
    columns = [CREDENTIALS.index(each) for each in ("nothing", "session", "token", "foreign", "made")]
    expected = {
        rpc: [
            *(outcomes[column] for column in columns),
            standing.UNCONFIRMED_WHERE_ASKED.get(rpc, outcomes[CREDENTIALS.index("session")]),
            standing.disabled(rpc),
        ]
        for rpc, outcomes in MATRIX.items()
    }
    assert told == {rpc.rpartition("/")[2]: [_cell(each) for each in cells] for rpc, cells in expected.items()}


def test_the_fields_that_callers_fill_are_the_ones_of_the_requests() -> None:
    """ASVS 8.1.2, 8.2.3: none of them says who acts, or what only the service may decide."""
    fields = {
        rpc: [each for each in field_paths(method.input) if _leaf(each) not in ONLY_TOLD]
        for rpc, method in METHODS.items()
    }
    assert {name: re.findall(r"`([^`]+)`", cell) for name, cell in rows(PAGE, FIELDS)} == {
        rpc.rpartition("/")[2]: paths for rpc, paths in fields.items() if paths
    }
    decided_here = {"account_id", "user_id", "email_verified", "verified", "role", "admin", "disabled", "value_digest"}
    assert decided_here.isdisjoint(_leaf(path) for paths in fields.values() for path in paths)


@pytest.mark.parametrize("rpc", CALLS)
async def test_every_rpc_that_hands_out_a_credential_is_a_way_in(rpc: str, people: People, gatepost: Gatepost) -> None:
    """ASVS 6.1.3, 6.3.4: called by everybody; whoever gets a cookie or a token's value has found a way in."""
    given = False
    for credential in ("nothing", "session", "token", "made"):
        browser = people.browser(gatepost, credential)
        with suppress(ConnectError):
            given |= bool(re.search(r"gp_\w{49}", str(await CALLS[rpc](browser, people.other))))
        given |= any("Max-Age=0" not in line for line in browser.jar.set_cookies)
    assert given == (rpc.rpartition("/")[2] in [name for name, *_ in rows(PAGE, WAYS_IN)])


def test_every_event_is_in_the_inventory() -> None:
    """ASVS 16.1.1."""
    told = [name.strip("`") for name, *_ in rows(PAGE, EVENTS)]
    assert sorted(told) == sorted(_events())


@cache
def _tests_in(file: str) -> frozenset[str]:
    path = ROOT / file
    tree = ast.parse(path.read_text()) if path.exists() else ast.Module([], [])
    functions = [each for each in tree.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)]
    return frozenset(each.name for each in functions if each.name.startswith("test_"))


def _events() -> set[str]:
    """The names of all events that the code logs."""
    found = set()
    for path in (ROOT / "app").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Call(func=ast.Attribute(value=logger), args=[ast.Constant(value=str(event)), *_]) if (
                    ast.unparse(logger) in ("_log", "log", "structlog.get_logger()")
                ):
                    found.add(event)
                case ast.Call(func=ast.Name(id="_write"), args=[ast.Constant(value=str(event)), *_]):
                    found.add(event)  # rpc.refused writes lines of one form under two names
    return found


def _in_force(source: str) -> object:
    """The value that a setting has by default, or a constant: settings are in capitals, constants have a module."""
    module, _, name = source.rpartition(".")
    if not module:
        return Settings.model_fields[name.lower()].default
    return _comparable(getattr(import_module(module), name))


def _comparable(value: object) -> object:
    match value:
        case timedelta():
            return value.total_seconds()
        case Limit():
            return (value.events, value.seconds, value.backoff)
    return value


def _told(how_much: str, source: str) -> object:
    """What the page says, in the unit of what it speaks of."""
    if limit := re.fullmatch(r"(\d+) in (\d+ \w+)(?:, then 1 after (\d+ \w+), doubling to (\d+ \w+))?", how_much):
        events, window, first, longest = limit.groups()
        return (int(events), _seconds(window), (_seconds(first), _seconds(longest)) if first else None)
    if source.strip("`").lower().endswith("_days"):
        return int(how_much.removesuffix(" days"))
    return _seconds(how_much) or int(how_much.split()[0])


def _seconds(duration: str) -> float | None:
    found = re.fullmatch(r"(\d+) (second|minute|hour|day)s?", duration)
    return int(found[1]) * SECONDS[found[2]] if found else None


def _cell(outcome: Any) -> str:
    return "●" if outcome is None else outcome[1]


def _leaf(path: str) -> str:
    return path.rpartition(".")[2]
