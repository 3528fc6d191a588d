"""The console as `gatepost serve` has it: named in the banner, served over sockets, or not there, and then why."""

import shutil
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.e2e.server import ROOT, Server, serving


@pytest.mark.parametrize("http2", ["off", "on"])
def test_the_banner_says_where_it_is(http2: str, tmp_path: Path) -> None:
    with serving(tmp_path, HTTP2=http2) as server:
        assert f"\n  console  {server.url}/\n" in server.errors
        assert _fetched(server, "GET") == (200, "text/html; charset=utf-8", True)
        assert _fetched(server, "HEAD") == (200, "text/html; charset=utf-8", False)


def test_switched_off_it_is_not_named(tmp_path: Path) -> None:
    with serving(tmp_path, CONSOLE="off") as server:
        assert "console" not in server.errors
        assert _fetched(server, "GET")[0] == 404


def test_a_source_tree_without_it_says_why(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    shutil.copytree(ROOT / "app", tree / "app", ignore=shutil.ignore_patterns("assets", "__pycache__"))
    shutil.copytree(ROOT / "gen", tree / "gen")
    with serving(tmp_path, PYTHONPATH=str(tree)) as server:
        assert "\n  console  none: app/console/assets is empty; make console builds it\n" in server.errors
        assert _fetched(server, "GET")[0] == 404


def _fetched(server: Server, method: str) -> tuple[int, str | None, bool]:
    """Status and type of the page, and whether there is one."""
    connection = HTTPConnection("127.0.0.1", server.port, timeout=20)
    try:
        connection.request(method, "/")
        answer = connection.getresponse()
        page = answer.read()
        return answer.status, answer.headers["content-type"], b"<gp-console>" in page
    finally:
        connection.close()
