"""Somebody in front of the console."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from email.message import EmailMessage

from playwright.async_api import BrowserContext, ConsoleMessage, Locator, Page, Request, WebError, expect

from tests.browser.site import Site
from tests.support.mailbox import Mailbox
from tests.support.service import COOKIE, PASSWORD, Gatepost

ADA = "ada@example.test"
_REFUSED_CALL = re.compile(r"Failed to load resource: the server responded with a status of 4\d\d")
"""Chromium writes that of its own accord, and no page can keep it from doing so."""


def link(mail: EmailMessage) -> str:
    """The first of the mail's links."""
    found = re.search(r"https?://\S+", mail.get_content())
    assert found
    return found[0]


@dataclass
class Visit:
    """One profile at one service, and the page in front. What goes wrong on any page is kept for the test's end."""

    site: Site
    profile: BrowserContext
    mailbox: Mailbox
    page: Page
    wrong: list[str] = field(default_factory=list)
    calls: list[tuple[Page | None, str]] = field(default_factory=list)
    """The RPCs that pages asked for."""

    def watch(self) -> None:
        self.profile.on("console", self._said)
        self.profile.on("weberror", self._failed)
        self.profile.on("request", self._requested)

    @property
    def gatepost(self) -> Gatepost:
        return self.site.gatepost

    async def open(self, name: str = "") -> None:
        """Load a page of the console, as a bookmark would."""
        await self.page.goto("about:blank")  # from one fragment to another a browser loads nothing
        await self.page.goto(f"{self.site.url}/#/{name}")

    async def tab(self, name: str = "") -> "Visit":
        """Another tab of the same profile."""
        opened = replace(self, page=await self.profile.new_page())
        await opened.open(name)
        return opened

    async def on(self, heading: str) -> None:
        """Wait until this is the page's heading."""
        await expect(self.page.get_by_role("heading", level=1)).to_have_text(heading)

    def field(self, label: str) -> Locator:
        return self.page.locator("input").and_(self.page.get_by_label(label, exact=True))

    async def fill(self, fields: Mapping[str, str]) -> None:
        """Fields by their labels."""
        for label, value in fields.items():
            await self.field(label).fill(value)

    async def press(self, button: str) -> None:
        await self.page.get_by_role("button", name=button, exact=True).click()

    async def confirm(self, act: str) -> None:
        await self.page.get_by_role("dialog").get_by_role("button", name=act, exact=True).click()

    async def follow(self, link: str) -> None:
        await self.page.get_by_role("link", name=link, exact=True).click()

    async def news(self, text: str) -> None:
        await expect(self.page.get_by_role("status")).to_contain_text(text)

    async def alarm(self, text: str) -> None:
        await expect(self.page.get_by_role("alert")).to_contain_text(text)

    async def refused(self, label: str, text: str) -> None:
        """The field has the focus, and its error is read out with it."""
        it = self.field(label)
        await expect(it).to_be_focused()
        await expect(it).to_have_attribute("aria-invalid", "true")
        await expect(it).to_have_accessible_description(re.compile(text))

    async def sign_in(self, email: str = ADA, password: str = PASSWORD) -> None:
        await self.on("Sign in")
        await self.fill({"E-mail address": email, "Password": password})
        await self.press("Sign in")

    async def has_session(self, email: str = ADA, *, user_agent: str = "") -> None:
        """Give the profile a session of somebody who just signed up, unless they had, without the way through pages."""
        client = await self.gatepost.session(email, headers={"user-agent": user_agent} if user_agent else {})
        await self.profile.add_cookies([{"name": COOKIE, "value": client.session or "", "url": self.site.url}])

    async def wait(self, **time: float) -> None:
        """Time passes, for the service and for all pages."""
        before = self.gatepost.clock.now()
        self.gatepost.clock.advance(**time)
        await self.profile.clock.fast_forward(int((self.gatepost.clock.now() - before).total_seconds() * 1000))

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not _REFUSED_CALL.match(message.text):
            self.wrong.append(message.text)

    def _failed(self, error: WebError) -> None:
        self.wrong.append(str(error.error))

    def _requested(self, request: Request) -> None:
        if not request.url.startswith((f"{self.site.url}/", "about:blank")):
            self.wrong.append(f"asked for {request.url}")
        if request.method == "POST":
            self.calls.append((request.frame.page, request.url.rpartition("/")[2]))
