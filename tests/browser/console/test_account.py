"""What people change about their account."""

import pytest
from playwright.async_api import expect

from tests.accounts.calls import codes
from tests.browser.console.visit import ADA, Visit
from tests.support.service import PASSWORD
from tests.tokens.calls import works

pytestmark = pytest.mark.only("sqlite")  # the browser sees no database

COUNTESS = "countess@example.test"
ANOTHER = "another horse battery"


async def test_the_name(visit: Visit) -> None:
    await visit.has_session()
    await visit.open("account")
    await expect(visit.field("Name")).to_have_value("ada")
    await visit.fill({"Name": "Ada Lovelace"})
    await visit.press("Save name")
    await visit.news("Your name is changed")
    assert await visit.gatepost.fetch("SELECT name FROM accounts") == [("Ada Lovelace",)]
    await visit.fill({"Name": "x" * 65})
    await visit.press("Save name")
    await visit.refused("Name", "64")


async def test_a_new_address_once_its_code_comes_back(visit: Visit) -> None:
    await visit.has_session()
    await visit.mailbox.next(ADA, "code")
    await visit.wait(minutes=2)
    await visit.open("account")
    await visit.fill({"New address": COUNTESS})
    await visit.press("Change address")
    await visit.news(f"A code is on its way to {COUNTESS}")
    await expect(visit.page.get_by_role("listitem")).to_contain_text([ADA, f"{COUNTESS} waits for its code"])
    mails = {mail["To"]: mail for mail in [await visit.mailbox.any(), await visit.mailbox.any()]}
    assert mails.keys() == {ADA, COUNTESS}
    [code] = codes(mails[COUNTESS])
    await visit.follow("Enter the code")
    await visit.on("Confirm your address")
    await expect(visit.field("E-mail address")).to_have_value(COUNTESS)
    await visit.fill({"Code": code})
    await visit.press("Confirm")
    await visit.on("Account")
    await expect(visit.page.get_by_role("listitem")).to_have_text([f"{COUNTESS} confirmed"])
    assert await visit.gatepost.fetch("SELECT address FROM accounts") == [(COUNTESS,)]


async def test_another_code_for_the_address(visit: Visit) -> None:
    await visit.has_session()
    await visit.mailbox.next(ADA, "code")
    await visit.open("account")
    await visit.press("Mail another code")
    await visit.alarm("Wait")
    await visit.wait(minutes=1)
    await visit.press("Mail another code")
    await visit.news("A code is on its way")
    await visit.mailbox.code(ADA)


async def test_a_new_address_wants_a_sign_in_of_late_and_forgets_nothing(visit: Visit) -> None:
    await visit.has_session()
    await visit.mailbox.next(ADA, "code")
    await visit.open("account")
    await visit.wait(minutes=11)
    await visit.fill({"New address": COUNTESS})
    await visit.press("Change address")
    await visit.on("Sign in")
    await expect(visit.page.get_by_text("For this you have to sign in again.")).to_be_visible()
    assert await visit.gatepost.fetch("SELECT pending_address FROM accounts") == [(None,)]
    await visit.sign_in()
    await visit.on("Account")
    await expect(visit.field("New address")).to_have_value(COUNTESS)
    await visit.press("Change address")
    await visit.news("A code is on its way")
    assert await visit.gatepost.fetch("SELECT pending_address FROM accounts") == [(COUNTESS,)]


async def test_the_password(visit: Visit) -> None:
    phone = await visit.gatepost.session()
    await visit.has_session()
    await visit.open("account")
    await visit.fill({"Current password": "not this one", "New password": ANOTHER})
    await visit.press("Change password")
    await visit.refused("Current password", "not the password")
    await visit.fill({"Current password": PASSWORD, "New password": "password"})
    await visit.press("Change password")
    await visit.refused("New password", "common")
    await visit.fill({"New password": ANOTHER})
    await visit.press("Change password")
    await visit.news("Your password is changed")
    await expect(visit.field("New password")).to_have_value("")
    assert not await works(phone)
    await visit.press("Sign out")
    await visit.sign_in(password=ANOTHER)
    await visit.on("Tokens")


async def test_deletion_wants_the_password_and_a_second_thought(visit: Visit) -> None:
    await visit.has_session()
    await visit.open("account")
    label = "Password, to delete the account"
    await visit.fill({label: "not this one"})
    await visit.press("Delete account")
    await visit.confirm("Delete it for good")
    await visit.refused(label, "not the password")
    await visit.fill({label: PASSWORD})
    await visit.press("Delete account")
    await visit.confirm("Cancel")
    await expect(visit.page.get_by_role("dialog")).to_have_count(0)
    assert await visit.gatepost.fetch("SELECT count(*) FROM accounts") == [(1,)]
    await visit.press("Delete account")
    await visit.confirm("Delete it for good")
    await visit.on("Sign in")
    await visit.news("Your account is deleted.")
    assert await visit.gatepost.fetch("SELECT count(*) FROM accounts") == [(0,)]
    assert await visit.profile.cookies() == []
