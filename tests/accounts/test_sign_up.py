"""SignUp: an account that nobody is signed in to."""

import re
from datetime import UTC
from pathlib import Path
from uuid import UUID

import pytest
from connectrpc.code import Code

from gen.test.v1.test_v1_pb import PongRequest
from tests.accounts.calls import ADA, account, codes, mailed, raw, trail
from tests.support.databases import Original
from tests.support.refusals import refused
from tests.support.service import PASSWORD, Gatepost, started

SIGN_UP = "PublicAccountsService/SignUp"


async def test_it_never_signs_in(gatepost: Gatepost) -> None:
    browser = gatepost.browser()
    await browser.sign_up(ADA)
    assert browser.jar.set_cookies == []
    assert await gatepost.fetch("SELECT 1 FROM sessions") == []


async def test_a_session_that_comes_with_it_goes_on(gatepost: Gatepost) -> None:
    ada = await gatepost.session(ADA)
    await ada.sign_up("bob@example.test")
    assert ada.jar.set_cookies == []
    assert (await account(ada)).data.email == ADA  # type: ignore[union-attr]


async def test_the_account_is_new_unverified_and_named_by_the_local_part(gatepost: Gatepost) -> None:
    browser = await gatepost.session("Ada.Lovelace@Example.test")
    told = await account(browser)
    assert told.data is not None
    assert (told.data.name, told.data.email) == ("ada.lovelace", "ada.lovelace@example.test")
    assert told.email_verified is False
    assert told.created_at is not None
    assert told.created_at.to_datetime().replace(tzinfo=UTC) == gatepost.clock.now()
    assert UUID(told.account_id).version == 7


async def test_the_name_of_a_long_local_part_is_cut(gatepost: Gatepost) -> None:
    browser = await gatepost.session("a" * 80 + "@example.test")
    assert (await account(browser)).data.name == "a" * 64  # type: ignore[union-attr]


async def test_every_spelling_of_the_address_signs_in(gatepost: Gatepost) -> None:
    await gatepost.browser().sign_up("  Jose\u0301@BÜCHER.example ")
    for spelling in ("josé@bücher.example", "JOSÉ@xn--bcher-kva.EXAMPLE", "\tjose\u0301@bu\u0308cher.example\n"):
        await gatepost.browser().sign_in(spelling)


async def test_a_code_is_mailed(gatepost: Gatepost) -> None:
    await gatepost.browser(ip="192.0.2.7").sign_up(ADA)
    [mail] = await gatepost.mails()
    [code] = codes(mail)
    assert len(code) == 8
    assert mail["To"] == ADA
    assert "password" not in mail["Subject"].lower()
    assert "from 192.0.2.7" in mail.get_content()
    assert f"{gatepost.clock.now():%Y-%m-%d %H:%M:%S} UTC" in mail.get_content()


async def test_the_code_is_good_for_10_minutes_and_stored_as_a_keyed_digest(gatepost: Gatepost) -> None:
    await gatepost.browser().sign_up(ADA)
    [mail] = await gatepost.mails()
    [row] = await gatepost.fetch("SELECT address, code_digest, tries_left, created_at, expires_at FROM verifications")
    address, digest, tries, created_at, expires_at = row
    assert (address, tries, created_at[11:19], expires_at[11:19]) == (ADA, 5, "12:00:00", "12:10:00")
    assert len(digest) == 32
    [code] = codes(mail)
    assert code not in str(await gatepost.fetch("SELECT * FROM verifications, mail_outbox"))


@pytest.mark.parametrize("table", ["mail_outbox", "verifications", "security_events"])
async def test_account_mail_code_and_trail_are_there_together_or_not_at_all(gatepost: Gatepost, table: str) -> None:
    await gatepost.execute(f"ALTER TABLE {table} RENAME TO away")
    with refused(Code.UNAVAILABLE, "UNAVAILABLE"):
        await gatepost.browser().sign_up(ADA)
    await gatepost.execute(f"ALTER TABLE away RENAME TO {table}")
    for each in ("accounts", "mail_outbox", "verifications", "security_events"):
        assert await gatepost.fetch(f"SELECT 1 FROM {each}") == []  # noqa: S608
    await gatepost.browser().sign_up(ADA)


async def test_it_is_in_the_audit_trail(gatepost: Gatepost) -> None:
    await gatepost.browser(ip="192.0.2.7", headers={"user-agent": "a browser"}).sign_up(ADA)
    assert await trail(gatepost) == ["signed_up"]
    query = "SELECT account_id = (SELECT id FROM accounts), ip_address, user_agent FROM security_events"
    assert await gatepost.fetch(query) == [(1, "192.0.2.7", "a browser")]


async def test_the_password_is_hashed_with_argon2id(gatepost: Gatepost) -> None:
    await gatepost.browser().sign_up(ADA)
    [(stored,)] = await gatepost.fetch("SELECT password_hash FROM accounts")
    assert re.match(r"\$argon2id\$v=19\$m=19456,t=2,p=1\$", stored)


@pytest.mark.parametrize(
    ("email", "password", "field"),
    [
        ("", PASSWORD, "email"),
        ("ada", PASSWORD, "email"),
        ("ada@[127.0.0.1]", PASSWORD, "email"),
        ("a" * 64 + "@" + "d" * 63 + "." + "d" * 63 + "." + "d" * 62 + ".test", PASSWORD, "email"),
        ("a" * 321, PASSWORD, "email"),
        (ADA, "", "password"),
        (ADA, "7 chars", "password"),
        (ADA, "k" * 257, "password"),
        (ADA, "iloveyou", "password"),
        ("ada.lovelace@example.test", "Ada.Lovelace@example.test", "password"),
        ("ada.lovelace@example.test", "ada.lovelace", "password"),
        (ADA, "Gatepost", "password"),
    ],
)
async def test_a_refused_field_is_named(gatepost: Gatepost, email: str, password: str, field: str) -> None:
    with refused(Code.INVALID_ARGUMENT, "INVALID_FIELD", fields=[field]) as told:
        await gatepost.browser().sign_up(email, password)
    assert not password or password not in told.sentence
    assert await gatepost.fetch("SELECT 1 FROM accounts") == []


@pytest.mark.parametrize("password", ["k 8 char", "🔑" * 256, "lower case only"])
async def test_an_accepted_password(gatepost: Gatepost, password: str) -> None:
    await gatepost.session(ADA, password=password)


async def test_the_shortest_password_and_the_name_of_the_service_are_settings(
    tmp_path: Path, migrated: Original
) -> None:
    name = "Turnstile and Sons"
    async with started(tmp_path, migrated, password_min_length=15, service_name=name) as gatepost:
        for password in ("k 14 character", name.lower()):
            with refused(Code.INVALID_ARGUMENT, "INVALID_FIELD", fields=["password"]):
                await gatepost.browser().sign_up(ADA, password)
        await gatepost.browser().sign_up(ADA, "k 15 characters")


@pytest.mark.parametrize(
    ("client", "same", "another"),
    [("192.0.2.1", "192.0.2.1", "192.0.2.2"), ("2001:db8::1", "2001:db8::2:1", "2001:db8:0:1::1")],
    ids=["IPv4", "IPv6 by /64"],
)
async def test_ten_an_hour_from_one_client(
    gatepost: Gatepost, computed: list[str], client: str, same: str, another: str
) -> None:
    for number in range(10):
        await gatepost.browser(ip=client).sign_up(f"ada{number}@example.test")
    gatepost.clock.advance(minutes=10)
    computed.clear()
    with refused(Code.RESOURCE_EXHAUSTED, "THROTTLED") as told:
        await gatepost.browser(ip=same).sign_up(ADA)
    assert told.retry_after == 3000
    assert computed == []
    answer = await raw(gatepost, SIGN_UP, {"email": ADA, "password": PASSWORD}, ip=same)
    assert (answer.status, answer["retry-after"]) == (429, "3000")

    await gatepost.browser(ip=another).sign_up("bob@example.test")
    gatepost.clock.advance(minutes=50)
    await gatepost.browser(ip=same).sign_up(ADA)


async def test_what_is_not_well_formed_counts_for_nothing(gatepost: Gatepost) -> None:
    browser = gatepost.browser()
    for _ in range(11):
        with refused(Code.INVALID_ARGUMENT, "INVALID_FIELD"):
            await browser.sign_up(ADA, "password")
    await browser.sign_up(ADA)
    assert await mailed(gatepost, "verify_email") == 1


async def test_no_credential_is_looked_at(gatepost: Gatepost) -> None:
    browser = gatepost.bearer("gp_wrong")
    browser.session = "wrong"
    await browser.sign_up(ADA)
    with refused(Code.UNAUTHENTICATED, "BAD_CREDENTIAL"):
        await browser.pong.pong(PongRequest())
