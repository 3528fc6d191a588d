"""What the README and three pages of docs/ say is so. tests/e2e/test_documentation.py runs their calls."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import app.main  # noqa: F401  with it comes every module that defines a refusal
from app.core.config import Settings
from app.core.errors import Refusal
from app.policy import POLICIES
from app.rpc.access import Who
from app.tokens.format import pattern
from tests.e2e.snippets import snippets_of

ROOT = Path(__file__).parents[1]
PAGES = tuple(ROOT / page for page in ("README.md", "docs/operations.md", "docs/protocols.md", "docs/security.md"))
README = PAGES[0].read_text()
RPC_TABLE = "| RPC | Who may call it | What it does |"
REASON_TABLE = "| Reason | Code | When |"
FOLDER_TABLE = "| Folder | What is in it |"
WHO = {
    Who.ANYONE: "anyone",
    Who.CREDENTIAL: "session.*",
    Who.SESSION: "interactive session",
    Who.COOKIE: "session",
    Who.BEARER: "token",
}


def test_every_rpc_is_in_the_table_under_its_service() -> None:
    assert sorted(_rpcs()) == sorted(POLICIES)


@pytest.mark.parametrize("rpc", POLICIES)
def test_who_may_call_is_what_the_policy_says(rpc: str) -> None:
    policy, who = POLICIES[rpc], _rpcs()[rpc]
    assert re.fullmatch(WHO[policy.who], who)
    assert policy.scope is None or f"token with `{policy.scope}`" in who


def test_every_reason_is_in_the_table_with_its_codes() -> None:
    assert {(reason, code) for reason, codes, _ in _rows(README, REASON_TABLE) for code in codes.split(", ")} == {
        (refusal.reason, refusal.kind.value) for refusal in _refusals(Refusal)
    }


def test_secret_scanners_are_given_the_pattern_of_the_values() -> None:
    assert re.findall(r"^```regex\n(.+)\n```$", README, re.MULTILINE) == [pattern(Settings().token_prefix)]


def test_every_room_is_on_the_map_and_every_room_on_the_map_exists() -> None:
    named = {path for folder, _ in _rows(README, FOLDER_TABLE) for path in re.findall(r"`([^`]+)`", folder)}
    assert {path for path in named if not (ROOT / path).exists()} == set()
    rooms = {f"{path.relative_to(ROOT)}/" for path in [*_folders(ROOT), *_folders(ROOT / "app")]}
    assert rooms - named == {"app/"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_setting_that_is_named_exists(page: Path) -> None:
    named = re.findall(r"`([A-Z][A-Z0-9_]+)(?:=[^`]*)?`", page.read_text())
    for written in (each.text for each in snippets_of(page) if each.language == "ini"):
        named += re.findall(r"^([A-Z][A-Z0-9_]+)=", written, re.MULTILINE)
    assert {name.lower() for name in named} <= set(Settings.model_fields)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", page.read_text()):
        path, _, heading = target.partition("#")
        linked = page.parent / path if path else page
        assert linked.is_file()
        headings = re.findall(r"^##+ (.+)$", linked.read_text(), re.MULTILINE) if heading else []
        assert not heading or heading in [each.lower().replace(" ", "-") for each in headings]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_of_make_exist(page: Path) -> None:
    targets = set(re.findall(r"^([\w./-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert (
        set(re.findall(r"(?:^|`|and )(?:[A-Z0-9_]+=\S+ )?make ([\w./-]+)", page.read_text(), re.MULTILINE)) <= targets
    )


def test_the_shortcuts_come_first() -> None:
    first_screen = README.splitlines()[:24]
    assert any(line.startswith("make run ") for line in first_screen)
    assert any(line.startswith("make test ") for line in first_screen)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_one_host_name_everywhere(page: Path) -> None:
    assert "localhost" not in page.read_text(), "a page there is cross-site to 127.0.0.1, and its cookie is not kept"


def _rpcs() -> dict[str, str]:
    """Who may call, by `package.Service/Method`; services head their methods in the first column."""
    found, service = {}, ""
    for name, who, _ in _rows(README, RPC_TABLE):
        if name.startswith("**"):
            service = name.strip("*")
        else:
            found[f"{service}/{name}"] = who
    return found


def _rows(text: str, header: str) -> Iterator[list[str]]:
    _, _, table = text.partition(f"{header}\n")
    for line in table.splitlines()[1:]:
        if not line.startswith("|"):
            return
        yield [cell.strip() for cell in line.strip("|").split("|")]


def _refusals(base: type[Refusal]) -> Iterator[type[Refusal]]:
    for refusal in base.__subclasses__():
        if refusal.__module__.startswith("app."):  # other tests make their own
            yield refusal
        yield from _refusals(refusal)


def _folders(parent: Path) -> list[Path]:
    left_by_a_run = (ROOT / ".gitignore").read_text().split()
    folders = [path for path in parent.iterdir() if path.is_dir() and path.name[0] not in "._"]
    return [path for path in folders if f"/{path.relative_to(ROOT)}/" not in left_by_a_run]
