"""Where the account is signed in, and what happened to it."""

import pytest
from playwright.async_api import expect

from tests.accounts.calls import refresh
from tests.browser.console.visit import ADA, Visit
from tests.tokens.calls import create, value_of, works

pytestmark = pytest.mark.only("sqlite")  # the browser sees no database


async def test_a_session_that_is_not_this_one_can_be_ended(visit: Visit) -> None:
    phone = await visit.gatepost.session(headers={"user-agent": "curl/8.1"})
    await visit.has_session()
    await visit.open("sessions")
    sessions = visit.page.get_by_role("main").get_by_role("listitem")
    await expect(sessions).to_have_count(2)
    mine, other = sessions.filter(has_text="this one"), sessions.filter(has_text="curl")
    await expect(mine.get_by_role("button")).to_have_text(["Sign out of this session"])
    await visit.wait(minutes=1)
    await other.get_by_role("button", name="End session").click()
    await visit.confirm("End session")
    await expect(sessions).to_have_count(1)
    assert not await works(phone)
    await visit.follow("Activity")
    await expect(visit.page.get_by_role("main").get_by_role("listitem").first).to_contain_text("Session ended")


async def test_signing_out_everywhere(visit: Visit) -> None:
    phone = await visit.gatepost.session()
    token = value_of(await create(phone.tokens, "ci"))
    await visit.has_session()
    await visit.open("sessions")
    await visit.press("Sign out everywhere")
    await visit.confirm("Sign out everywhere")
    await visit.on("Sign in")
    await visit.news("You are signed out everywhere.")
    assert not await works(phone)
    assert await works(visit.gatepost.bearer(token))
    assert await visit.profile.cookies() == []


async def test_what_happened_is_told_newest_first_and_by_pages(visit: Visit) -> None:
    await visit.gatepost.browser().sign_up(ADA)
    visit.gatepost.clock.advance(minutes=1)
    client = await visit.gatepost.session()
    await create(client.tokens, "ci")
    for _ in range(50):
        visit.gatepost.clock.advance(minutes=6)
        await refresh(client)
    visit.gatepost.clock.advance(minutes=6)
    await visit.has_session()
    await visit.open("activity")
    events = visit.page.get_by_role("main").get_by_role("listitem")
    await expect(events).to_have_count(50)
    await expect(events.first).to_contain_text("Signed in")
    await visit.press("Show more")
    await expect(events.last).to_contain_text("Account created")
    await expect(events.nth(50)).to_be_focused()
    await events.filter(has_text="Token created").get_by_role("link").click()
    await visit.on("ci")
