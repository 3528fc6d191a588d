"""Somebody else's page in the victim's browser tries to sign the victim in as another, or out, or to make a token."""

from collections.abc import AsyncIterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext, Page

from tests.browser.listening import listening
from tests.browser.pages import CREATE_TOKEN, PONG, SIGN_IN, SIGN_OUT, Answer, blank, call, open_tab, sign_in
from tests.browser.site import Seen, Site
from tests.support.service import PASSWORD

pytestmark = pytest.mark.only("sqlite")  # the browser sees no database

MALLORY = "mallory@example.test"
TARGETS = {
    SIGN_IN: {"email": MALLORY, "password": PASSWORD},
    SIGN_OUT: {},
    CREATE_TOKEN: {"tokenMetadata": {"name": "stolen"}},
}
SCRIPT = Path(__file__).with_name("attacks.js")
SENDS = {
    "form, text/plain": "POST",
    "form, urlencoded": "POST",
    "form, multipart": "POST",
    "link": "GET",
    "image": "GET",
    "fetch, cors": "OPTIONS",
    "fetch, no-cors": "POST",
    "fetch, no-cors, no type": "POST",
    "beacon": "POST",
    "beacon, JSON": "OPTIONS",
}
"""The first request of each attack in attacks.js. What follows upon OPTIONS depends on its answer."""
NAVIGATES = ("form, text/plain", "form, urlencoded", "form, multipart", "link")
ASKED_FIRST = ("fetch, cors", "beacon, JSON")


@pytest.mark.parametrize("attack", SENDS)
async def test_a_page_of_another_site_gets_nowhere(attack: str, victim: "Victim", far_origin: str) -> None:
    """Here the browser keeps the cookie back too, by SameSite, unless a link is followed."""
    for seen in await victim.attacked(attack, far_origin):
        assert (seen.method, seen.status) == (SENDS[attack], 405 if SENDS[attack] == "GET" else 403)
        assert ("cookie" in seen.headers) == (attack == "link")


@pytest.mark.parametrize("attack", SENDS)
async def test_a_page_of_the_same_host_gets_nowhere_with_the_cookie(
    attack: str, victim: "Victim", near_origin: str
) -> None:
    for seen in await victim.attacked(attack, near_origin):
        assert (seen.method, seen.status) == (SENDS[attack], 405 if SENDS[attack] == "GET" else 403)
        assert ("cookie" in seen.headers) == (attack not in ASKED_FIRST)


@pytest.mark.parametrize("attack", sorted(SENDS.keys() - ASKED_FIRST))
async def test_not_even_a_listed_page_without_being_asked_for(attack: str, victim: "Victim", page_origin: str) -> None:
    """What a browser sends without a preflight is no RPC, whoever sends it."""
    refused = 405 if SENDS[attack] == "GET" else 403 if attack in NAVIGATES else 415  # 403: for opening it as a page
    for seen in await victim.attacked(attack, page_origin):
        assert (seen.method, seen.status) == (SENDS[attack], refused)
        assert "cookie" in seen.headers


@pytest.mark.parametrize("attack", SENDS)
async def test_who_is_signed_out_is_not_signed_in_as_another(attack: str, victim: "Victim", near_origin: str) -> None:
    await victim.profile.clear_cookies()
    page = await victim.lured(near_origin)
    await victim.attack(page, attack, SIGN_IN)
    assert await victim.profile.cookies() == []


async def test_a_listed_page_may(victim: "Victim", page_origin: str) -> None:
    """The same scripts from an origin that the settings name: else what they fail at above would show nothing."""
    page = await victim.lured(page_origin)
    before = await victim.profile.cookies()
    assert await victim.attack(page, "fetch, cors", CREATE_TOKEN) == "answered"
    assert await victim.served.gatepost.fetch("SELECT name FROM tokens") == [("stolen",)]
    assert await victim.attack(page, "fetch, cors", SIGN_IN) == "answered"
    [mallorys] = await victim.profile.cookies()
    assert mallorys != before[0]
    assert await victim.attack(page, "fetch, cors", SIGN_OUT) == "answered"
    assert await victim.profile.cookies() == []


@dataclass(frozen=True, slots=True)
class Victim:
    """Signed in, and about to open somebody else's page."""

    profile: BrowserContext
    served: Site
    tab: Page

    async def attacked(self, attack: str, origin: str) -> list[Seen]:
        """The requests that came when a page of this origin made the attack on each target: nothing else came of it."""
        before, cookies = await self._everything(), await self.profile.cookies()
        first = len(self.served.seen)
        page = await self.lured(origin)
        for rpc in TARGETS:
            await self.attack(page, attack, rpc)
            if attack in NAVIGATES:
                await self.open(page, origin)
        came = self.served.seen[first:]
        assert [each.rpc for each in came] == [rpc.partition("/")[2] for rpc in TARGETS]
        assert await self._everything() == before
        assert await self.profile.cookies() == cookies
        assert await call(self.tab, self.served.url, PONG) == Answer()
        return came

    async def lured(self, origin: str) -> Page:
        page = await self.profile.new_page()
        await self.open(page, origin)
        return page

    async def open(self, page: Page, origin: str) -> None:
        await page.goto(origin)
        await page.add_script_tag(path=SCRIPT)

    async def attack(self, page: Page, attack: str, rpc: str) -> Any:
        """What the page hears of it; the service has answered by then."""
        script = "([name, url, message]) => attacks[name](url, message)"
        arguments = [attack, f"{self.served.url}/{rpc}", TARGETS[rpc]]
        number = len(self.served.seen) + 1
        async with page.expect_navigation(url=f"{self.served.url}/**") if attack in NAVIGATES else nullcontext():
            heard = await page.evaluate(script, arguments)
        await self.served.saw(number)
        return heard

    async def _everything(self) -> dict[str, list[Any]]:
        fetch = self.served.gatepost.fetch
        tables = [name for (name,) in await fetch("SELECT name FROM sqlite_master WHERE type = 'table'")]
        columns = {"mail_outbox": "id"}  # mail from before is being delivered meanwhile
        return {name: await fetch(f"SELECT {columns.get(name, '*')} FROM {name} ORDER BY 1") for name in tables}  # noqa: S608


@pytest_asyncio.fixture(loop_scope="session")
async def victim(profile: BrowserContext, served: Site, page_origin: str) -> Victim:
    tab = await open_tab(profile, page_origin)
    await served.gatepost.browser().sign_up(MALLORY)
    await sign_in(tab, served.url, "ada@example.test")
    return Victim(profile, served, tab)


@pytest_asyncio.fixture(loop_scope="session")
async def far_origin() -> AsyncIterator[str]:
    async with listening(blank, host="evil.localhost") as origin:
        yield origin


@pytest_asyncio.fixture(loop_scope="session")
async def near_origin() -> AsyncIterator[str]:
    """Of the service's host, and not listed."""
    async with listening(blank) as origin:
        yield origin
