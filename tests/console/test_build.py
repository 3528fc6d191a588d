"""What is built: how large it is, and that nothing is in it that the page's policy or anybody's network forbids."""

import re
import subprocess
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

from app.console import build
from app.console.build import ASSETS
from tests.contract.commands import ROOT, environment

FILES = build("Gatepost")
MOST = 80_000
"""Bytes of all files together as they are sent, compressed."""

# Names of XML's vocabularies, which nothing fetches, and an address at which protobuf's Any says types are.
NO_ADDRESSES = {"www.w3.org", "type.googleapis.com"}


def test_all_of_it_is_small() -> None:
    assert 10_000 < sum(len(file.compressed) for file in FILES.values()) < MOST


def test_no_script_or_style_stands_in_the_page() -> None:
    page = FILES["/"].body.decode()
    assert re.findall(r"<script\b[^>]*>([^<]*)</script>", page) == [""]
    assert re.findall(r"<style|\bstyle=|\bon\w+=|javascript:|data:", page) == []


def test_the_page_names_its_files_and_no_others() -> None:
    named = re.findall(r'(?:src|href)="([^"]*)"', FILES["/"].body.decode())
    assert sorted(named) == sorted(path for path in FILES if path != "/")


def test_every_file_has_a_name_that_changes_with_it() -> None:
    for path in FILES:
        assert path == "/" or re.fullmatch(r"/assets/[a-z]+-[\w-]{8}\.(js|css|svg)", path)


@pytest.mark.parametrize("path", FILES)
def test_no_file_names_another_host(path: str) -> None:
    """Nor a folder of the machine that it was built on."""
    text = FILES[path].body.decode()
    assert set(re.findall(r"(?:https?:)?//([a-z0-9-]+(?:\.[a-z0-9-]+)+)", text)) <= NO_ADDRESSES
    assert re.findall(r"url\(|@import|sourceMappingURL|node_modules|/home/|/root/", text) == []


def test_the_script_evaluates_no_text() -> None:
    """The policy would refuse it, and the page fail where only few get to."""
    (script,) = (file.body.decode() for path, file in FILES.items() if path.endswith(".js"))
    assert re.findall(r"\beval\(|new Function\(|document\.write|\.outerHTML\s*=|insertAdjacentHTML", script) == []


def test_a_wheel_has_it() -> None:
    files = {file.distribution_path for file in WheelBuilder(str(ROOT)).recurse_included_files()}
    assert {f"app/console/assets/{path.name}" for path in ASSETS.iterdir()} <= files


def test_it_is_what_the_source_builds() -> None:
    checked = check_console()
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize("file", sorted(path.name for path in (ROOT / "web/test").iterdir()))
def test_its_reckonings(file: str) -> None:
    """What can go wrong in the source without a browser, in Node's own test runner."""
    ran = subprocess.run(
        ["node", "--test", "--test-reporter=tap", f"web/test/{file}"],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert re.search("^# pass [1-9]", ran.stdout, re.MULTILINE), ran.stdout


def check_console(project: Path = ROOT) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["tools/check_console.sh"], cwd=project, env=environment(), capture_output=True, text=True, check=False
    )
