"""A whole visit without a mouse."""

import pytest
from playwright.async_api import Locator, expect

from tests.browser.console.visit import ADA, Visit
from tests.support.service import PASSWORD
from tests.tokens.calls import works

pytestmark = pytest.mark.only("sqlite")  # the browser sees no database

FURTHEST = 40
"""Presses of Tab between any two places of a page."""


async def test_signing_in_and_a_token_from_making_to_end(visit: Visit) -> None:
    await visit.profile.grant_permissions(["clipboard-read", "clipboard-write"])
    await visit.gatepost.browser().sign_up(ADA)
    page, press = visit.page, visit.page.keyboard.press
    link, button = (
        (lambda name: page.get_by_role("link", name=name)),
        (lambda name: page.get_by_role("button", name=name)),
    )

    await visit.open()
    await visit.on("Sign in")
    await _tab_to(visit, visit.field("E-mail address"))
    await page.keyboard.type(ADA)
    await _tab_to(visit, visit.field("Password"))
    await page.keyboard.type(PASSWORD)
    await press("Enter")

    await visit.on("Tokens")
    await expect(page.get_by_role("heading", level=1)).to_be_focused()
    await _tab_to(visit, link(name="Create a token"))
    await press("Enter")
    await visit.on("New token")
    await _tab_to(visit, visit.field("Name"))
    await page.keyboard.type("ci")
    await _tab_to(visit, page.get_by_role("radio", name="in 30 days"))
    await press("ArrowUp")
    await expect(page.get_by_role("radio", name="in 7 days")).to_be_checked()
    await _tab_to(visit, page.get_by_role("checkbox", name="list your tokens"))
    await press("Space")
    await _tab_to(visit, button(name="Create token"))
    await press("Enter")

    await visit.on("ci")
    await expect(visit.field("Token value")).to_be_focused()
    value = await visit.field("Token value").input_value()
    await _tab_to(visit, button(name="Copy"))
    await press("Enter")
    await visit.news("Copied")
    assert await page.evaluate("navigator.clipboard.readText()") == value
    await _tab_to(visit, link(name="Done"))
    await press("Enter")
    await visit.on("Tokens")
    await _tab_to(visit, link(name="ci"))
    await press("Enter")

    await visit.on("ci")
    await _tab_to(visit, button(name="Expire now"))
    await press("Enter")
    dialog = page.get_by_role("dialog")
    await expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
    await press("Escape")
    await expect(dialog).to_have_count(0)
    await expect(button(name="Expire now")).to_be_focused()
    assert await works(visit.gatepost.bearer(value))
    await press("Enter")
    await _tab_to(visit, dialog.get_by_role("button", name="Expire now"))
    await press("Enter")
    await visit.news("The token is expired")
    assert not await works(visit.gatepost.bearer(value))
    await _tab_to(visit, button(name="Sign out"))
    await press("Enter")
    await visit.on("Sign in")


async def test_what_all_pages_have_can_be_skipped(visit: Visit) -> None:
    await visit.has_session()
    await visit.open("account")
    await visit.on("Account")
    skip = visit.page.get_by_role("link", name="Skip to content")
    await _tab_to(visit, skip, key="Shift+Tab")
    await expect(skip).to_be_in_viewport()
    await visit.page.keyboard.press("Enter")
    await visit.page.keyboard.press("Tab")
    await expect(visit.field("Name")).to_be_focused()


async def _tab_to(visit: Visit, place: Locator, *, key: str = "Tab") -> None:
    """Press it until the place has the focus, which has to be seen there."""
    await expect(place).to_be_visible()
    for _ in range(FURTHEST):
        if await place.evaluate("element => element === document.activeElement"):
            break
        await visit.page.keyboard.press(key)
    await expect(place).to_be_focused()
    shown = "element => element.matches(':focus-visible') && getComputedStyle(element).outlineStyle !== 'none'"
    assert await place.evaluate(shown), "nobody sees where the focus is"
