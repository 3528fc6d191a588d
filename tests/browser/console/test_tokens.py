"""What people do with tokens."""

from datetime import UTC, datetime, timedelta

import pytest
from playwright.async_api import Locator, expect

from tests.browser.console.visit import Visit
from tests.tokens.calls import create, works

pytestmark = pytest.mark.only("sqlite")  # the browser sees no database

SHOWN = "Token value"


async def test_a_token_from_its_making_to_its_end(visit: Visit) -> None:
    await visit.profile.grant_permissions(["clipboard-read", "clipboard-write"])
    await visit.has_session()
    await visit.open()
    await visit.follow("Create a token")
    await visit.on("New token")
    await visit.fill({"Name": "ci"})
    await visit.page.get_by_label("in 7 days").check()
    await visit.page.get_by_label("read your name and address").uncheck()
    await visit.fill({"Further scopes": "orders:read orders:write"})
    await visit.press("Create token")

    # The value is shown once, works, and can be copied.
    await visit.on("ci")
    await expect(visit.page.get_by_text("It is shown this once.")).to_be_visible()
    value = await visit.field(SHOWN).input_value()
    await expect(visit.field(SHOWN)).to_be_focused()
    assert await works(visit.gatepost.bearer(value))
    await visit.gatepost.parts.activities[1].flush()
    await visit.press("Copy")
    await visit.news("Copied")
    assert await visit.page.evaluate("navigator.clipboard.readText()") == value
    await visit.follow("Done")
    assert await visit.gatepost.fetch("SELECT name, scopes FROM tokens") == [
        ("ci", '["tokens:read", "orders:read", "orders:write"]')
    ]

    # It is listed, with what it may and how it does.
    listed = visit.page.get_by_role("main").get_by_role("listitem")
    await expect(listed).to_contain_text(["live"])
    for told in ("in 7 days", value[:8], "last used just now", "orders:read", "tokens:read"):
        await expect(listed).to_contain_text(told)

    # Another name and a later end.
    await visit.follow("ci")
    await expect(visit.page.get_by_role("textbox", name=SHOWN)).to_have_count(0)
    await visit.fill({"Name": "deployment"})
    await visit.page.get_by_label("in 90 days").check()
    await visit.press("Save changes")
    await visit.news("The token is changed")
    await visit.on("deployment")
    assert await _lives(visit) == pytest.approx(90, abs=0.001)
    assert await works(visit.gatepost.bearer(value))

    # Another value: the old one is refused.
    await visit.press("Regenerate")
    await visit.confirm("Regenerate")
    await expect(visit.field(SHOWN)).not_to_have_value(value)
    renewed = await visit.field(SHOWN).input_value()
    assert not await works(visit.gatepost.bearer(value))
    assert await works(visit.gatepost.bearer(renewed))

    # Its end.
    await visit.press("Expire now")
    await visit.confirm("Cancel")
    assert await works(visit.gatepost.bearer(renewed))
    await visit.press("Expire now")
    await visit.confirm("Expire now")
    await visit.news("The token is expired")
    assert not await works(visit.gatepost.bearer(renewed))
    await visit.follow("All tokens")
    await expect(listed).to_contain_text(["ended"])


async def test_a_value_is_shown_once(visit: Visit) -> None:
    await visit.has_session()
    await visit.open("new-token")
    await visit.fill({"Name": "ci"})
    await visit.press("Create token")
    value = await visit.field(SHOWN).input_value()
    await visit.follow("Done")
    await visit.page.go_back()
    await visit.on("New token")
    await expect(visit.field(SHOWN)).to_have_count(0)
    kept = "JSON.stringify([{...localStorage}, {...sessionStorage}, document.documentElement.outerHTML])"
    assert value not in await visit.page.evaluate(kept)


@pytest.mark.parametrize("days", [7, 30, 90])
async def test_presets_of_the_end(days: int, visit: Visit) -> None:
    await visit.has_session()
    await visit.open("new-token")
    await visit.fill({"Name": "ci"})
    await visit.page.get_by_label(f"in {days} days").check()
    await visit.press("Create token")
    await visit.on("ci")
    assert await _lives(visit) == pytest.approx(days, abs=0.001)


async def test_a_date_for_the_end(visit: Visit) -> None:
    await visit.has_session()
    await visit.open("new-token")
    await visit.fill({"Name": "ci"})
    await visit.page.get_by_label("on a date").check()
    await visit.press("Create token")
    await _refused_end(visit, "future")
    await visit.fill({"Date": "2036-01-01"})
    await visit.press("Create token")
    await _refused_end(visit, "366 days")
    await visit.fill({"Date": "2026-02-01"})
    await visit.press("Create token")
    await visit.on("ci")
    [(end,)] = await visit.gatepost.fetch("SELECT expires_at FROM tokens")
    assert end.startswith("2026-02-01 23:59:59")


async def test_a_name_that_is_taken_and_a_scope_that_is_none(visit: Visit) -> None:
    await create((await visit.gatepost.session()).tokens, "ci")
    await visit.has_session()
    await visit.open("new-token")
    await visit.fill({"Name": "ci"})
    await visit.press("Create token")
    await visit.refused("Name", "token")
    await visit.fill({"Name": "other", "Further scopes": "Everything"})
    await visit.press("Create token")
    await visit.refused("Further scopes", "resource:action")


async def test_what_has_ended_lives_again_by_a_later_end_and_a_new_value(visit: Visit) -> None:
    await create((await visit.gatepost.session()).tokens, "ci")
    await visit.has_session()
    await visit.open()
    await visit.follow("ci")
    await visit.press("Expire now")
    await visit.confirm("Expire now")
    await expect(visit.page.get_by_role("button", name="Regenerate")).to_be_disabled()
    await visit.page.get_by_label("in 30 days").check()
    await visit.press("Save changes")
    await expect(visit.page.get_by_text("needs a new value")).to_be_visible()
    await visit.press("Regenerate")
    await visit.confirm("Regenerate")
    assert await works(visit.gatepost.bearer(await visit.field(SHOWN).input_value()))


async def test_tokens_that_manage_tokens_want_a_sign_in_of_late(visit: Visit) -> None:
    await visit.has_session()
    await visit.open("new-token")
    await visit.wait(minutes=11)
    await visit.fill({"Name": "terraform"})
    await visit.page.get_by_label("create, change and end tokens").check()
    await visit.press("Create token")
    await visit.sign_in()
    await visit.on("New token")
    await expect(visit.field("Name")).to_have_value("terraform")
    await expect(visit.page.get_by_label("create, change and end tokens")).to_be_checked()
    await visit.press("Create token")
    await visit.on("terraform")
    await expect(visit.field(SHOWN)).to_be_visible()


async def _refused_end(visit: Visit, text: str) -> None:
    group: Locator = visit.page.get_by_role("group", name="Ends")
    await expect(group).to_contain_text(text)


async def _lives(visit: Visit) -> float:
    """For how many days from now on. The console leaves a minute between its clock and the service's."""
    [(end,)] = await visit.gatepost.fetch("SELECT expires_at FROM tokens")
    left = datetime.fromisoformat(end).replace(tzinfo=UTC) - visit.gatepost.clock.now()
    return left / timedelta(days=1)
