"""Tabs of one browser share a cookie: what each of them does with it, the others have to bear."""

import asyncio
from pathlib import Path

import pytest
from playwright.async_api import BrowserContext, Page

from tests.browser.listening import Certificate, listening
from tests.browser.pages import PONG, REFRESH, Answer, blank, call, open_tab, sign_in
from tests.browser.site import site
from tests.support.databases import Original

pytestmark = pytest.mark.only("sqlite")  # the browser sees no database

TABS = 10


@pytest.mark.parametrize(
    ("http2", "at_once"),
    [("off", 6), ("on", TABS)],  # of HTTP/1.1 Chromium opens six connections to a host
)
async def test_ten_tabs_that_refresh_at_once_stay_signed_in(
    http2: str, at_once: int, profile: BrowserContext, trusted: Certificate, tmp_path: Path, migrated: Original
) -> None:
    async with (
        listening(blank, certificate=trusted) as origin,
        site(tmp_path, migrated, certificate=trusted, allowed_origins=(origin,), http2=http2) as served,
    ):
        tabs = await asyncio.gather(*[open_tab(profile, origin) for _ in range(TABS)])
        await sign_in(tabs[0], served.url, "ada@example.test")
        [before] = await profile.cookies()
        served.gatepost.clock.advance(minutes=6)
        served.hold(REFRESH, at_once)

        assert await _all(tabs, served.url, REFRESH) == [Answer()] * TABS
        assert await _all(tabs, served.url, PONG) == [Answer()] * TABS

        sent = [each.headers["cookie"] for each in served.seen if (each.rpc, each.method) == ("RefreshSession", "POST")]
        assert sent.count(f"{before['name']}={before['value']}") >= at_once
        [after] = await profile.cookies()
        assert after["value"] != before["value"]
        rotations = "SELECT count(*) FROM security_events WHERE kind = 'session_refreshed'"
        assert await served.gatepost.fetch(rotations) == [(1,)]
        served.gatepost.clock.advance(minutes=1)  # by now the secret from before the rotation is refused
        assert await _all(tabs, served.url, PONG) == [Answer()] * TABS
        assert {each.http for each in served.seen} == {"2" if http2 == "on" else "1.1"}


async def _all(tabs: list[Page], url: str, rpc: str) -> list[Answer]:
    return list(await asyncio.gather(*[call(tab, url, rpc) for tab in tabs]))
