"""The session cookie as a browser keeps it."""

from pathlib import Path
from typing import Any

import playwright.async_api
import pytest
from playwright.async_api import BrowserContext, Page

from tests.browser.listening import Certificate, certificate, listening
from tests.browser.pages import GET_ACCOUNT, PONG, SIGN_OUT, Answer, blank, call, open_tab, sign_in
from tests.browser.site import Site, site
from tests.support.databases import Original

pytestmark = pytest.mark.only("sqlite")  # the browser sees no database


async def test_no_script_can_read_it(profile: BrowserContext, served: Site, page_origin: str) -> None:
    """Cookies are for all ports of a host: this page would see it, were it not HttpOnly."""
    page = await open_tab(profile, page_origin)
    await page.evaluate("document.cookie = 'seen=by-scripts; SameSite=Lax'")
    await sign_in(page, served.url, "ada@example.test")
    assert await page.evaluate("document.cookie") == "seen=by-scripts"
    assert await call(page, served.url, PONG) == Answer(), "it is there all the same"


async def test_no_script_can_replace_it(profile: BrowserContext, served: Site, page_origin: str) -> None:
    page = await open_tab(profile, page_origin)
    await sign_in(page, served.url, "ada@example.test")
    await page.evaluate("document.cookie = 'gatepost_session=another; Path=/; SameSite=Lax'")
    assert await call(page, served.url, PONG) == Answer()


async def test_what_the_browser_keeps(profile: BrowserContext, served: Site, page_origin: str) -> None:
    page = await open_tab(profile, page_origin)
    await sign_in(page, served.url, "ada@example.test")
    kept = await _kept(page, served.url)
    assert (kept["name"], kept["domain"], kept["path"]) == ("gatepost_session", "127.0.0.1", "/")
    assert (kept["httpOnly"], kept["secure"], kept["sameSite"]) == (True, False, "Lax")
    await call(page, served.url, SIGN_OUT)
    assert await profile.cookies() == []


@pytest.mark.parametrize("http2", ["off", "on"])
async def test_over_https_it_is_for_this_host_and_for_https_alone(
    http2: str, profile: BrowserContext, trusted: Certificate, tmp_path: Path, migrated: Original
) -> None:
    async with (
        listening(blank, certificate=trusted) as origin,
        site(tmp_path, migrated, certificate=trusted, allowed_origins=(origin,), http2=http2) as served,
    ):
        page = await open_tab(profile, origin)
        await sign_in(page, served.url, "ada@example.test")
        kept = await _kept(page, served.url)
        assert (kept["name"], kept["domain"], kept["path"]) == ("__Host-gatepost_session", "127.0.0.1", "/")
        assert (kept["httpOnly"], kept["secure"], kept["sameSite"]) == (True, True, "Lax")
        assert await page.evaluate("document.cookie") == ""
        account = await call(page, served.url, GET_ACCOUNT)
        assert account.message["data"]["email"] == "ada@example.test"
        await call(page, served.url, SIGN_OUT)
        assert await profile.cookies() == []
        assert {each.http for each in served.seen} == {"2" if http2 == "on" else "1.1"}


async def test_a_session_over_https_is_of_no_use_without(
    profile: BrowserContext, trusted: Certificate, page_origin: str, tmp_path: Path, migrated: Original
) -> None:
    """A page of the same host that came over http neither sends nor replaces the cookie."""
    async with (
        listening(blank, certificate=trusted) as origin,
        site(tmp_path, migrated, certificate=trusted, allowed_origins=(origin, page_origin)) as served,
    ):
        page = await open_tab(profile, origin)
        await sign_in(page, served.url, "ada@example.test")
        clear = await open_tab(profile, page_origin)
        refused = await call(clear, served.url, PONG)
        assert (refused.status, refused.message["code"]) == (401, "unauthenticated")
        await clear.evaluate("document.cookie = '__Host-gatepost_session=another; Path=/; SameSite=Lax'")
        assert await call(page, served.url, PONG) == Answer()


async def test_the_browser_goes_on_refusing_other_certificates(
    profile: BrowserContext, page_origin: str, tmp_path: Path
) -> None:
    """Else HTTPS in these tests would show nothing."""
    page = await open_tab(profile, page_origin)
    async with listening(blank, certificate=certificate(tmp_path)) as origin:
        with pytest.raises(playwright.async_api.Error, match="ERR_CERT_AUTHORITY_INVALID"):
            await page.goto(origin)


async def _kept(page: Page, url: str) -> dict[str, Any]:
    """The one cookie as Chromium itself tells of it: Playwright says Lax where no SameSite was set."""
    devtools = await page.context.new_cdp_session(page)
    [cookie] = (await devtools.send("Network.getCookies", {"urls": [url]}))["cookies"]
    return dict(cookie)
