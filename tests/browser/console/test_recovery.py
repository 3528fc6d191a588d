"""A forgotten password, and the code that sets another."""

import pytest
from playwright.async_api import expect

from tests.browser.console.visit import ADA, Visit, link

pytestmark = pytest.mark.only("sqlite")  # the browser sees no database

ANOTHER = "another horse battery"


async def test_a_new_password_by_the_mailed_link(visit: Visit) -> None:
    await visit.gatepost.browser().sign_up(ADA)
    await visit.mailbox.next(ADA, "code")
    await visit.open()
    await visit.follow("Forgotten your password?")
    await visit.on("Forgotten password")
    await visit.fill({"E-mail address": ADA})
    await visit.press("Mail me a code")
    await visit.on("New password")
    await visit.news("If there is an account")

    await visit.page.goto(link(await visit.mailbox.next(ADA, "password")))
    await expect(visit.field("E-mail address")).to_have_value(ADA)
    assert "code=" not in visit.page.url
    await visit.fill({"New password": "password"})
    await visit.press("Set new password")
    await visit.refused("New password", "common")
    await visit.fill({"New password": ANOTHER})
    await visit.press("Set new password")
    await visit.news("The new password is in force")
    await visit.sign_in()
    await visit.alarm("is wrong")
    await visit.sign_in(password=ANOTHER)
    await visit.on("Tokens")


async def test_an_address_without_an_account_is_told_the_same(visit: Visit) -> None:
    await visit.open("forgotten-password")
    await visit.fill({"E-mail address": "nobody@example.test"})
    await visit.press("Mail me a code")
    await visit.on("New password")
    await visit.news("If there is an account")


async def test_whoever_was_signed_in_is_so_no_more(visit: Visit) -> None:
    await visit.has_session()
    await visit.mailbox.next(ADA, "code")
    await visit.open("sessions")
    await visit.on("Sessions")
    other = await visit.tab("forgotten-password")
    await other.fill({"E-mail address": ADA})
    await other.press("Mail me a code")
    await other.fill({"Code": await visit.mailbox.code(ADA, "password"), "New password": ANOTHER})
    await other.press("Set new password")
    await other.on("Sign in")
    await visit.follow("Tokens")
    await visit.on("Sign in")
