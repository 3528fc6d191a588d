"""A session that ends while its pages are open, and how they keep it from ending."""

import pytest
from playwright.async_api import expect

from tests.browser.console.visit import Visit
from tests.support.service import PASSWORD

pytestmark = pytest.mark.only("sqlite")  # the browser sees no database


async def test_who_was_signed_out_meanwhile_signs_in_and_is_back(visit: Visit) -> None:
    await visit.has_session()
    await visit.open("account")
    await visit.on("Account")
    await visit.gatepost.execute("DELETE FROM sessions")
    await visit.fill({"Name": "Ada Lovelace"})
    await visit.press("Save name")
    await visit.on("Sign in")
    await expect(visit.page.get_by_text("Your session has ended.")).to_be_visible()
    await visit.sign_in()
    await visit.on("Account")
    await expect(visit.field("Name")).to_have_value("Ada Lovelace")
    await visit.press("Save name")
    await visit.news("Your name is changed")


async def test_passwords_are_not_kept_over_a_sign_in(visit: Visit) -> None:
    await visit.has_session()
    await visit.open("account")
    await visit.on("Account")
    await visit.gatepost.execute("DELETE FROM sessions")
    await visit.fill({"Current password": PASSWORD, "New password": "another horse battery"})
    await visit.press("Change password")
    await visit.sign_in()
    await visit.on("Account")
    await expect(visit.field("Current password")).to_have_value("")
    await expect(visit.field("New password")).to_have_value("")


async def test_a_page_left_open_keeps_its_session(visit: Visit) -> None:
    await visit.has_session()
    await visit.open("sessions")
    await visit.on("Sessions")
    for _ in range(2):
        await visit.follow("Sessions")
        await _refreshed_within_a_week(visit)
    await visit.follow("Sessions")
    await expect(visit.page.get_by_text("this one")).to_be_visible()


async def test_of_several_tabs_one_refreshes_for_all(visit: Visit) -> None:
    await visit.has_session()
    await visit.open("sessions")
    await visit.on("Sessions")
    tabs = [await visit.tab(name) for name in ("account", "activity")]
    for tab, heading in zip(tabs, ("Account", "Activity"), strict=True):
        await tab.on(heading)
    visit.calls.clear()
    await _refreshed_within_a_week(visit)
    await visit.wait(days=2)  # past the end that the session had
    for tab in (visit, *tabs):
        await tab.follow("Sessions")
        await expect(tab.page.get_by_text("this one")).to_be_visible()
    assert [rpc for _, rpc in visit.calls].count("RefreshSession") == 1


async def test_the_next_tab_takes_over_when_the_first_is_closed(visit: Visit) -> None:
    await visit.has_session()
    await visit.open("sessions")
    await visit.on("Sessions")
    other = await visit.tab("account")
    await other.on("Account")
    await visit.page.close()
    await _refreshed_within_a_week(other)
    await other.wait(days=2)
    await other.follow("Sessions")
    await expect(other.page.get_by_text("this one")).to_be_visible()


async def test_signing_out_and_in_reaches_the_other_tabs(visit: Visit) -> None:
    await visit.has_session()
    await visit.open("sessions")
    await visit.on("Sessions")
    other = await visit.tab("account")
    await other.on("Account")
    await visit.press("Sign out")
    await visit.on("Sign in")
    await other.on("Sign in")
    await visit.sign_in()
    await visit.on("Tokens")
    await other.on("Account")


async def _refreshed_within_a_week(visit: Visit) -> None:
    """Day by day, as timers of pages run."""
    async with visit.page.expect_response("**/GetAccount"), visit.page.expect_response("**/RefreshSession"):
        for _ in range(6):
            await visit.wait(days=1)
    # What came is taken in before what comes of a click.
    await visit.follow("Tokens")
    await expect(visit.page.get_by_role("heading", name="No tokens yet")).to_be_visible()
