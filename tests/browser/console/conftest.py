"""The console in a browser, at a service that sends its mail to a real mail server."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext

from tests.browser.console.visit import Visit
from tests.browser.site import site
from tests.support.databases import Original
from tests.support.mailbox import Mailbox
from tests.support.smtp import smtp_server

Visiting = Callable[..., AbstractAsyncContextManager[Visit]]


@pytest.fixture
def visiting(profile: BrowserContext, tmp_path: Path, migrated: Original) -> Visiting:
    """A visit to a service with the settings that are given."""

    @asynccontextmanager
    async def visiting(**settings: Any) -> AsyncIterator[Visit]:
        async with (
            smtp_server() as mail,
            site(tmp_path, migrated, mail_url=mail.url, **settings) as served,
        ):
            # The clocks of pages stand still with the service's, until `Visit.wait`.
            await profile.clock.install(time=served.gatepost.clock.now())
            await profile.clock.pause_at(served.gatepost.clock.now())
            visit = Visit(served, profile, Mailbox(mail), await profile.new_page())
            visit.watch()
            yield visit
            assert visit.wrong == []

    return visiting


@pytest_asyncio.fixture(loop_scope="session")
async def visit(visiting: Visiting) -> AsyncIterator[Visit]:
    async with visiting() as begun:
        yield begun
