"""The README and two pages of docs/, done as they say: every call on them runs against a real server."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.e2e.programs import Ran, node_project, run
from tests.e2e.server import ROOT, Server, free_port, serving
from tests.e2e.snippets import Outcome, Snippet, answers, run_in_order, snippets_of

PAGE_ORIGIN = "http://127.0.0.1:5173"
README = ROOT / "README.md"
OPERATIONS = ROOT / "docs/operations.md"
PROTOCOLS = ROOT / "docs/protocols.md"
ADA = {"email": "ada@example.com", "password": "correct horse battery"}
_COMMANDS, BANNER, *_REST = snippets_of(README)
CALLS = {
    page: [each.line for each in snippets if each.language in ("sh", "ts", "python")]
    for page, snippets in ((README, _REST), (PROTOCOLS, snippets_of(PROTOCOLS)))
}


def test_the_banner_is_what_comes_up(reader: "Reader") -> None:
    told = BANNER.text.replace("8000", str(reader.server.port))
    assert answers(reader.server.output, f"{told}…"), "the log follows"


@pytest.mark.parametrize("line", CALLS[README])
def test_a_call_of_the_readme(reader: "Reader", line: int) -> None:
    _went_as_written(*reader.did[line])


@pytest.mark.parametrize("line", CALLS[PROTOCOLS])
def test_a_call_of_the_page_about_protocols(reader_of_protocols: "Reader", line: int) -> None:
    _went_as_written(*reader_of_protocols.did[line])


def _went_as_written(snippet: Snippet, outcome: Outcome) -> None:
    assert outcome.status is not None, "a snippet before this one failed"
    assert outcome.status == 0, outcome.stderr
    if snippet.answer is not None:
        assert answers(outcome.stdout, snippet.answer), outcome.stdout


def test_the_page_gets_and_sends_its_cookie(reader: "Reader") -> None:
    listed, stranger = (reader.open_page("page.ts", origin) for origin in (PAGE_ORIGIN, "http://127.0.0.1:5174"))
    assert listed.status == 0, listed.stderr
    assert listed.stdout == "ada@example.com\n"
    assert "CORS" in stranger.stderr


def test_the_page_with_grpc_web_lists_tokens(reader_of_protocols: "Reader") -> None:
    listed = reader_of_protocols.open_page("page_with_grpc_web.ts", PAGE_ORIGIN)
    assert (listed.stdout, listed.stderr) == ("ci\n", "")


def test_a_backup_made_while_the_service_runs_can_be_restored(own_server: Server) -> None:
    back_up, restore = [each for each in snippets_of(OPERATIONS) if "backup.db" in each.text]
    own_server.post("accounts.v1.PublicAccountsService/SignUp", ADA)
    assert [each.status for each in run_in_order([back_up], own_server.folder)] == [0]
    with closing(sqlite3.connect(own_server.folder / "backup.db")) as backup:
        assert backup.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    own_server.post("accounts.v1.PublicAccountsService/SignUp", {**ADA, "email": "later@example.test"})
    own_server.process.kill()
    own_server.process.wait()
    assert [each.status for each in run_in_order([restore], own_server.folder)] == [0]
    with serving(own_server.folder) as restored:
        assert restored.post("accounts.v1.PublicAccountsService/SignIn", ADA)[0] == 200
        later = {**ADA, "email": "later@example.test"}
        assert restored.post("accounts.v1.PublicAccountsService/SignIn", later)[0] == 401


class Reader(NamedTuple):
    """Somebody who did what a page says, from its top to its end."""

    server: Server
    folder: Path
    did: dict[int, tuple[Snippet, Outcome]]

    def open_page(self, program: str, origin: str) -> Ran:
        """Run it as a browser at this origin would."""
        arguments = ("--import", "./browser.mjs", program)
        return run("node", *arguments, folder=self.folder, environment={"PAGE_ORIGIN": origin})


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    clone = _clone(tmp_path_factory.mktemp("clone"))
    with serving(tmp_path_factory.mktemp("server"), ALLOWED_ORIGINS=PAGE_ORIGIN) as server:
        yield Reader(server, clone, _do(README, server, clone))


@pytest.fixture(scope="module")
def reader_of_protocols(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    clone = _clone(tmp_path_factory.mktemp("clone"))
    with serving(tmp_path_factory.mktemp("server"), ALLOWED_ORIGINS=PAGE_ORIGIN, HTTP2="on") as server:
        server.post("accounts.v1.PublicAccountsService/SignUp", ADA)
        _, headers, _ = server.post("accounts.v1.PublicAccountsService/SignIn", ADA)
        asked = {"tokenMetadata": {"name": "ci"}}
        _, _, made = server.post("tokens.v1.TokensService/CreateToken", asked, cookie=headers["set-cookie"])
        token = json.loads(made)["tokenValue"]["token"]
        yield Reader(server, clone, _do(PROTOCOLS, server, clone, TOKEN=token))


def _clone(folder: Path) -> Path:
    node_project(folder, ROOT / "tests/node/browser.mjs")
    for name in ("proto", "gen", "buf.yaml"):
        (folder / name).symlink_to(ROOT / name)
    return folder


def _do(page: Path, server: Server, clone: Path, **environment: str) -> dict[int, tuple[Snippet, Outcome]]:
    """What the page's calls did, by line."""
    ports = {"127.0.0.1:8000": f"127.0.0.1:{server.port}", "8001": str(free_port())}
    snippets = [each for each in snippets_of(page, ports) if each.line in CALLS[page]]
    outcomes = zip(snippets, run_in_order(snippets, clone, environment), strict=True)
    return {snippet.line: (snippet, outcome) for snippet, outcome in outcomes}
