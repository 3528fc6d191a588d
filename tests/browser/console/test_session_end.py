"""A session that ends while its pages are open, and how they keep it from ending."""

from playwright.async_api import expect

from tests.browser.console.visit import Visit

ALMOST_A_WEEK = {"days": 6, "hours": 23}
"""A session ends a week after it was refreshed."""


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


async def test_a_page_left_open_keeps_its_session(visit: Visit) -> None:
    await visit.has_session()
    await visit.open("sessions")
    await visit.on("Sessions")
    for _ in range(3):
        async with visit.page.expect_response("**/RefreshSession"):
            await visit.wait(**ALMOST_A_WEEK)
        await _settled(visit)
    await visit.follow("Account")
    await visit.on("Account")
    [expires] = await visit.gatepost.fetch("SELECT count(*) FROM security_events WHERE kind = 'session_refreshed'")
    assert expires >= (3,)


async def test_of_several_tabs_one_refreshes_for_all(visit: Visit) -> None:
    await visit.has_session()
    await visit.open("sessions")
    await visit.on("Sessions")
    tabs = [visit, *[await visit.tab(name) for name in ("tokens", "account", "activity")]]
    for tab, heading in zip(tabs, ("Sessions", "Tokens", "Account", "Activity"), strict=True):
        await tab.on(heading)
    visit.calls.clear()
    async with visit.profile.expect_event("response", lambda each: each.url.endswith("/RefreshSession")):
        await visit.wait(**ALMOST_A_WEEK)
    await _settled(visit)
    assert [rpc for _, rpc in visit.calls].count("RefreshSession") == 1
    await visit.wait(hours=23)  # past the end that the session had
    for tab in tabs:
        await tab.follow("Tokens")
        await tab.on("Tokens")


async def test_the_next_tab_takes_over_when_the_first_is_closed(visit: Visit) -> None:
    await visit.has_session()
    await visit.open("sessions")
    await visit.on("Sessions")
    other = await visit.tab("account")
    await other.on("Account")
    await visit.page.close()
    async with visit.profile.expect_event("response", lambda each: each.url.endswith("/RefreshSession")):
        await visit.wait(**ALMOST_A_WEEK)
    await other.follow("Tokens")
    await other.on("Tokens")


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
