"""One Chromium and one loop for all tests of a process; for each test a service of its own, and profiles of its own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, expect

from tests.browser.chromium import chromium
from tests.browser.listening import Certificate, certificate, listening
from tests.browser.pages import blank
from tests.browser.site import Site, site
from tests.support.databases import Original

here = Path(__file__).parent
PATIENCE = 30_000
"""Milliseconds that anything may take to come about on a machine that does other things too."""
expect.set_options(timeout=PATIENCE)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(here) and pytest_asyncio.is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser(trusted: Certificate) -> AsyncIterator[Browser]:
    async with chromium(trusts=[trusted.fingerprint]) as started:
        yield started


@pytest.fixture(scope="session")
def trusted(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """The one certificate that the browser takes."""
    return certificate(tmp_path_factory.mktemp("trusted"))


@pytest_asyncio.fixture(loop_scope="session")
async def profile(browser: Browser) -> AsyncIterator[BrowserContext]:
    """Somebody's browser: all its pages share its cookies."""
    context = await browser.new_context(locale="en-GB", timezone_id="UTC")
    context.set_default_timeout(PATIENCE)
    yield context
    await context.close()


@pytest_asyncio.fixture(loop_scope="session")
async def page_origin() -> AsyncIterator[str]:
    """The origin of a page without content, on the service's host and another port."""
    async with listening(blank) as origin:
        yield origin


@pytest_asyncio.fixture(loop_scope="session")
async def served(tmp_path: Path, migrated: Original, page_origin: str) -> AsyncIterator[Site]:
    """The service, which lets the pages of `page_origin` call."""
    async with site(tmp_path, migrated, allowed_origins=(page_origin,)) as started:
        yield started
