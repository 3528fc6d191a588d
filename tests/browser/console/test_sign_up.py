"""From nothing to a confirmed account."""

import re
from typing import Any

import pytest
from playwright.async_api import expect

from tests.browser.console.visit import ADA, Visit, link
from tests.support.service import PASSWORD

pytestmark = pytest.mark.only("sqlite")  # the browser sees no database


async def test_sign_up_confirm_by_the_mailed_link_and_sign_in(visit: Visit) -> None:
    await visit.open()
    await visit.on("Sign in")
    await visit.follow("Create an account")
    await visit.on("Create an account")
    await visit.fill({"E-mail address": ADA, "Password": PASSWORD})
    await visit.press("Create account")
    await visit.on("Confirm your address")
    await visit.news("A code was mailed to your address")

    await visit.page.goto(link(await visit.mailbox.next(ADA, "code")))
    await expect(visit.field("E-mail address")).to_have_value(ADA)
    await expect(visit.field("Code")).to_have_value(re.compile(r"\d{8}"))
    assert await _confirmed(visit) == [(0,)], "opening the link is not enough"
    assert "code=" not in visit.page.url, "whoever uses this browser next finds no code in its history"
    await visit.press("Confirm")
    await visit.news(f"{ADA} is confirmed")
    assert await _confirmed(visit) == [(1,)]

    await visit.sign_in()
    await visit.on("Tokens")
    await expect(visit.page.get_by_role("heading", name="No tokens yet")).to_be_visible()


async def test_the_code_can_be_typed_and_a_wrong_one_is_told_at_its_field(visit: Visit) -> None:
    await visit.gatepost.browser().sign_up(ADA)
    code = await visit.mailbox.code(ADA)
    await visit.open("verify-email")
    await visit.fill({"E-mail address": ADA, "Code": "00000000"})
    await visit.press("Confirm")
    await visit.refused("Code", "not good")
    await visit.fill({"Code": f"{code[:4]} {code[4:]}"})
    await visit.press("Confirm")
    await visit.on("Sign in")
    assert await _confirmed(visit) == [(1,)]


async def test_what_is_missing_or_refused_is_told_at_its_field(visit: Visit) -> None:
    await visit.gatepost.browser().sign_up(ADA)
    await visit.open("sign-up")
    await visit.press("Create account")
    await visit.refused("E-mail address", "fill this in")
    await visit.fill({"E-mail address": "ada", "Password": PASSWORD})
    await visit.press("Create account")
    await visit.refused("E-mail address", "address")
    await visit.fill({"E-mail address": "bob@example.test", "Password": "password"})
    await visit.press("Create account")
    await visit.refused("Password", "common")
    await visit.fill({"E-mail address": ADA, "Password": PASSWORD})
    await visit.press("Create account")
    await visit.refused("E-mail address", "There is an account")
    assert await visit.gatepost.fetch("SELECT count(*) FROM accounts") == [(1,)]


async def _confirmed(visit: Visit) -> list[Any]:
    """How many accounts have an address that was confirmed."""
    return await visit.gatepost.fetch("SELECT count(*) FROM accounts WHERE email_verified_at IS NOT NULL")
