"""examples/spa in a browser: from an origin that the settings list, and from one that they do not."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.async_api import BrowserContext, Page, expect

from tests.browser import spa
from tests.browser.pages import CREATE_TOKEN, SIGN_IN, SIGN_OUT, SIGN_UP, open_tab
from tests.e2e.server import ROOT, Server, free_port, serving
from tests.support.service import PASSWORD

pytestmark = pytest.mark.only("sqlite")  # the browser sees no database


async def test_a_listed_origin_signs_in_streams_and_signs_out(profile: BrowserContext, example: "Example") -> None:
    example.account("ada@example.test", tokens=["older", "newer"])
    page = await open_tab(profile, example.listed)
    await _sign_in(page, "ada@example.test")
    await expect(page.get_by_role("status")).to_have_text("Done.")
    await expect(page.get_by_role("listitem")).to_have_text(["newer", "older"])
    assert [cookie["name"] for cookie in await profile.cookies()] == ["gatepost_session"]
    await page.get_by_role("button", name="Sign out").click()
    await expect(page.get_by_role("listitem")).to_have_count(0)
    await expect(page.get_by_role("status")).to_have_text("Done.")
    assert await profile.cookies() == []
    assert example.rows("SELECT count(*) FROM sessions") == [(0,)]


async def test_it_shows_why_it_was_refused(profile: BrowserContext, example: "Example") -> None:
    page = await open_tab(profile, example.listed)
    await _sign_in(page, "nobody@example.test")
    await expect(page.get_by_role("status")).to_contain_text("password")


async def test_the_call_of_another_origin_does_not_run(profile: BrowserContext, example: "Example") -> None:
    example.account("bob@example.test")
    before = example.rows("SELECT * FROM sessions"), example.rows("SELECT * FROM security_events")
    page = await open_tab(profile, example.other)
    await _sign_in(page, "bob@example.test")
    await expect(page.get_by_role("status")).to_have_text("Failed to fetch")
    assert await profile.cookies() == []
    assert (example.rows("SELECT * FROM sessions"), example.rows("SELECT * FROM security_events")) == before
    assert example.server.log[-1]["reason"] == "ORIGIN_NOT_ALLOWED"


def test_it_is_short() -> None:
    lines = [len((ROOT / "examples/spa" / name).read_text().splitlines()) for name in spa.SOURCES]
    assert sum(lines) < 60


async def _sign_in(page: Page, email: str) -> None:
    await page.get_by_label("Address").fill(email)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()


@dataclass(frozen=True, slots=True)
class Example:
    """The example's page at two origins, and the service that it calls."""

    server: Server
    listed: str
    other: str

    def account(self, email: str, *, tokens: Sequence[str] = ()) -> None:
        """Sign up, and make tokens with these names."""
        who = {"email": email, "password": PASSWORD}
        self.server.post(SIGN_UP, who)
        cookie = self.server.post(SIGN_IN, who)[1]["set-cookie"].partition(";")[0]
        for name in tokens:
            assert self.server.post(CREATE_TOKEN, {"tokenMetadata": {"name": name}}, cookie=cookie)[0] == 200
        self.server.post(SIGN_OUT, cookie=cookie)

    def rows(self, sql: str) -> list[Any]:
        with closing(sqlite3.connect(self.server.folder / "data/gatepost.db")) as database:
            return database.execute(sql).fetchall()


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Example]:
    ports = [free_port(), free_port()]
    with ExitStack() as running:
        origin = f"http://127.0.0.1:{ports[0]}"
        server = running.enter_context(serving(tmp_path_factory.mktemp("server"), ALLOWED_ORIGINS=origin))
        made = spa.build(tmp_path_factory.mktemp("spa"), server.url)
        listed, other = (running.enter_context(spa.served(made, port)) for port in ports)
        assert listed == origin
        yield Example(server, listed, other)
