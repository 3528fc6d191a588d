"""The README and docs/operations.md, done as they say: every call on them runs against a real server."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.e2e.programs import node_project, run
from tests.e2e.server import ROOT, Server, free_port, serving
from tests.e2e.snippets import Outcome, Snippet, answers, run_in_order, snippets_of

PAGE_ORIGIN = "http://127.0.0.1:5173"
README = ROOT / "README.md"
OPERATIONS = ROOT / "docs/operations.md"
_COMMANDS, BANNER, *_REST = snippets_of(README)
CALLS = [each.line for each in _REST if each.language in ("sh", "ts", "python")]


def test_the_banner_is_what_comes_up(reader: "Reader") -> None:
    told = BANNER.text.replace("8000", str(reader.server.port))
    assert answers(reader.server.output, f"{told}…"), "the log follows"


@pytest.mark.parametrize("line", CALLS)
def test_a_call_of_the_readme(reader: "Reader", line: int) -> None:
    snippet, outcome = reader.did[line]
    assert outcome.status is not None, "a snippet before this one failed"
    assert outcome.status == 0, outcome.stderr
    if snippet.answer is not None:
        assert answers(outcome.stdout, snippet.answer), outcome.stdout


def test_the_page_gets_and_sends_its_cookie(reader: "Reader") -> None:
    listed, stranger = (
        run("node", "--import", "./browser.mjs", "page.ts", folder=reader.folder, environment={"PAGE_ORIGIN": origin})
        for origin in (PAGE_ORIGIN, "http://127.0.0.1:5174")
    )
    assert listed.status == 0, listed.stderr
    assert listed.stdout == "ada@example.com\n"
    assert "CORS" in stranger.stderr


def test_a_backup_made_while_the_service_runs_can_be_restored(own_server: Server) -> None:
    back_up, restore = [each for each in snippets_of(OPERATIONS) if "backup.db" in each.text]
    ada = {"email": "ada@example.test", "password": "correct horse battery"}
    own_server.post("accounts.v1.PublicAccountsService/SignUp", ada)
    assert [each.status for each in run_in_order([back_up], own_server.folder)] == [0]
    with closing(sqlite3.connect(own_server.folder / "backup.db")) as backup:
        assert backup.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    own_server.post("accounts.v1.PublicAccountsService/SignUp", {**ada, "email": "later@example.test"})
    own_server.process.kill()
    own_server.process.wait()
    assert [each.status for each in run_in_order([restore], own_server.folder)] == [0]
    with serving(own_server.folder) as restored:
        assert restored.post("accounts.v1.PublicAccountsService/SignIn", ada)[0] == 200
        later = {**ada, "email": "later@example.test"}
        assert restored.post("accounts.v1.PublicAccountsService/SignIn", later)[0] == 401


class Reader(NamedTuple):
    """Somebody who did what the README says, from its top to its end."""

    server: Server
    folder: Path
    did: dict[int, tuple[Snippet, Outcome]]


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    clone = tmp_path_factory.mktemp("clone")
    node_project(clone, ROOT / "tests/node/browser.mjs")
    for name in ("proto", "gen", "buf.yaml"):
        (clone / name).symlink_to(ROOT / name)
    with serving(tmp_path_factory.mktemp("server"), ALLOWED_ORIGINS=PAGE_ORIGIN) as server:
        ports = {"127.0.0.1:8000": f"127.0.0.1:{server.port}", "8001": str(free_port())}
        snippets = [each for each in snippets_of(README, ports) if each.line in CALLS]
        outcomes = zip(snippets, run_in_order(snippets, clone), strict=True)
        yield Reader(server, clone, {snippet.line: (snippet, outcome) for snippet, outcome in outcomes})
