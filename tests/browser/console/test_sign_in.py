"""In, and out again, and what may come between."""

import re

import pytest
from playwright.async_api import expect

from tests.browser.console.conftest import Visiting
from tests.browser.console.visit import ADA, Visit

pytestmark = pytest.mark.only("sqlite")  # the browser sees no database


async def test_a_wrong_password_is_told_and_the_right_one_lets_in(visit: Visit) -> None:
    await visit.gatepost.browser().sign_up(ADA)
    await visit.open()
    await visit.sign_in(password="not this one")
    await visit.alarm("password")
    assert await visit.profile.cookies() == []
    await visit.sign_in()
    await visit.on("Tokens")
    await expect(visit.page.get_by_role("heading", level=1)).to_be_focused()
    assert await visit.page.evaluate("document.cookie") == ""


async def test_signing_out(visit: Visit) -> None:
    await visit.has_session()
    await visit.open()
    await visit.on("Tokens")
    await visit.press("Sign out")
    await visit.on("Sign in")
    await visit.news("signed out")
    assert await visit.profile.cookies() == []
    assert await visit.gatepost.fetch("SELECT count(*) FROM sessions") == [(0,)]


async def test_how_long_to_wait_is_told_and_counted_down(visit: Visit) -> None:
    await visit.gatepost.browser().sign_up(ADA)
    await visit.open()
    for _ in range(5):
        await visit.sign_in(password="not this one")
        await visit.alarm("is wrong")
        await visit.fill({"Password": ""})
    await visit.sign_in()
    await visit.alarm("Too many attempts. Wait 5 minutes")
    timer = visit.page.get_by_role("timer")
    await expect(timer).to_have_text(re.compile("4:|5:00"))
    await visit.wait(minutes=4)
    await expect(timer).to_have_text(re.compile("0:|1:00"))
    await visit.wait(minutes=1)
    await visit.news("You can try again now.")
    await visit.sign_in()
    await visit.on("Tokens")


async def test_an_address_that_must_be_confirmed_first(visiting: Visiting) -> None:
    async with visiting(sign_in_requires_verified_email=True) as visit:
        await visit.gatepost.browser().sign_up(ADA)
        await visit.mailbox.next(ADA, "code")
        await visit.wait(minutes=2)
        await visit.open()
        await visit.sign_in()
        await visit.on("Confirm your address")
        await expect(visit.field("E-mail address")).to_have_value(ADA)
        await visit.fill({"Code": await visit.mailbox.code(ADA)})
        await visit.press("Confirm")
        await visit.sign_in()
        await visit.on("Tokens")


async def test_who_is_not_signed_in_gets_to_the_page_by_way_of_the_sign_in(visit: Visit) -> None:
    await visit.gatepost.browser().sign_up(ADA)
    await visit.open("sessions")
    await visit.sign_in()
    await visit.on("Sessions")
    await visit.page.go_back()
    assert visit.page.url == "about:blank", "the sign-in is not among the pages to go back to"


async def test_a_link_to_the_sign_in_leads_to_no_other_site(visit: Visit) -> None:
    await visit.gatepost.browser().sign_up(ADA)
    for elsewhere in ("https://evil.example/", "//evil.example/", "javascript:alert(1)"):
        await visit.open(f"sign-in?to={elsewhere}")
        await visit.sign_in()
        await expect(visit.page.get_by_role("button", name="Sign out")).to_be_visible()
        assert visit.page.url.startswith(f"{visit.site.url}/")
        await visit.press("Sign out")
        await visit.on("Sign in")
