"""Messages as a mail program sees them."""

import re
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import cast
from urllib.parse import parse_qs, quote
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import UndefinedError

import app.mail
from app.core.config import Settings
from app.mail.outbox import ClaimedMail
from app.mail.render import Renderer
from tests.mail.conftest import CODE, VERIFY

IP = {"ip": "192.0.2.7"}
MAILED_CODE = IP | {"code": CODE, "minutes": "10"}
NEW_ADDRESS = IP | {"new_address": "lovelace@example.com"}
CONTEXTS: dict[str, dict[str, str]] = {
    "verify_email": VERIFY,
    "verify_new_address": MAILED_CODE,
    "address_change_requested": NEW_ADDRESS,
    "address_changed": NEW_ADDRESS,
    "reset_password": MAILED_CODE,
    "password_changed": IP,
    "password_reset": IP | {"tokens": "deploy key, backup"},
    "password_disabled": IP,
    "sign_in_after_failures": IP | {"failures": "17"},
    "sign_up_attempt": IP,
    "session_reused": IP,
    "account_deleted": IP,
    "token_created": IP | {"name": "deploy key"},
    "token_expires": {"name": "deploy key", "days": "14", "expires_at": "2026-01-15T12:00:00+00:00"},
}
SUBJECTS_WITH_PASSWORD = {"reset_password", "password_changed", "password_reset", "password_disabled"}
"""The reset and the notices about a password (additions.md, "Codes")."""
WITH_CODE = {"verify_email": "verify-email", "verify_new_address": "verify-email", "reset_password": "new-password"}
"""And the page that takes it."""
NOBODY_DID_IT = {"token_expires"}
FROM_STRANGERS = [("token_created", "name"), ("token_expires", "name"), ("password_reset", "tokens")]
FROM_STRANGERS += [("address_change_requested", "new_address"), ("address_changed", "new_address")]

every_template = pytest.mark.parametrize("template", CONTEXTS)
INJECTIONS = ["\r\nBcc: eve@example.com", "\nBcc: eve@example.com", "\rBcc: eve@example.com", "\r\n\r\nbody"]


def test_every_template_is_tried_here() -> None:
    folder = Path(next(iter(app.mail.__path__))) / "templates"
    assert {path.stem for path in folder.iterdir()} == set(CONTEXTS)


@every_template
def test_a_mail_has_the_headers_it_should(template: str) -> None:
    mail = parsed(template, settings=Settings(public_url="https://accounts.example.com:8443"))

    assert mail["From"] == "Gatepost <gatepost@localhost>"
    assert mail["To"] == "ada@example.com"
    assert mail["Date"].datetime == datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
    assert mail["Message-ID"] == "<01890a5d2c007abc8def0123456789ab@accounts.example.com>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail.get_content_type() == "text/plain"
    assert mail.defects == []


@every_template
def test_a_mail_needs_its_whole_context(template: str) -> None:
    for name in CONTEXTS[template]:
        with pytest.raises(UndefinedError, match=f"'{name}' is undefined"):
            rendered(template, without=name)


@every_template
def test_every_part_of_the_context_is_told(template: str) -> None:
    told = text_of(parsed(template))
    moments = {"signed_up_at": "2026-01-01 12:00:00 UTC", "expires_at": "2026-01-15 12:00:00 UTC"}
    for name, value in CONTEXTS[template].items():
        assert moments.get(name, value) in told


@every_template
def test_only_a_mail_about_a_password_says_so_in_its_subject(template: str) -> None:
    subject = parsed(template)["Subject"]
    assert "Gatepost" in subject
    assert ("password" in subject.lower()) == (template in SUBJECTS_WITH_PASSWORD)


@every_template
def test_no_mail_says_that_an_address_was_verified(template: str) -> None:
    mail = parsed(template)
    assert "verified" not in (mail["Subject"] + text_of(mail)).lower()


@every_template
def test_links_and_names_come_from_the_settings_alone(template: str) -> None:
    forged = {"origin": "https://eve.example", "service_name": "Eve", "password": "x"}
    settings = Settings(public_url="https://accounts.example.com", service_name="Acme")
    mail = parsed(template, forged, settings=settings)

    assert set(re.findall(r"\w+://[^\s/]+", text_of(mail))) == {"https://accounts.example.com"}
    assert "Acme" in mail["Subject"]


@pytest.mark.parametrize("template", CONTEXTS.keys() - NOBODY_DID_IT)
def test_a_mail_says_when_and_from_where(template: str) -> None:
    text = text_of(parsed(template))
    assert "on 2026-01-01 12:00:00 UTC from 192.0.2.7" in text
    assert "from an unknown address" in text_of(parsed(template, {"ip": "", "signed_up_from": ""}))


@pytest.mark.parametrize("template", WITH_CODE)
def test_a_code_comes_first_and_the_link_that_has_it_in_its_fragment_after_it(template: str) -> None:
    text = text_of(parse(rendered(template, to="o'brien+news&co@example.com")))
    assert text.splitlines()[0] == f"Your code is {CODE}. It is good for 10 minutes."
    [link] = [line for line in text.splitlines() if CODE in line and "://" in line]
    page, _, query = link.partition("?")
    assert page == f"http://127.0.0.1:8000/#/{WITH_CODE[template]}"
    assert parse_qs(query, strict_parsing=True) == {"email": ["o'brien+news&co@example.com"], "code": [CODE]}


@every_template
def test_nothing_but_a_code_looks_like_one(template: str) -> None:
    found = re.findall(r"\d{8,}", text_of(parsed(template)))
    assert found == ([CODE, CODE] if template in WITH_CODE else [])


def test_a_notice_names_the_tokens_that_stay_good_or_says_that_there_are_none() -> None:
    assert "    deploy key, backup" in text_of(parsed("password_reset")).partition("stay good:")[2].splitlines()
    without = text_of(parsed("password_reset", {"tokens": ""}))
    assert "No token of the account is good any longer." in without
    assert "stay good" not in without


def test_a_sign_up_is_told_in_utc() -> None:
    mail = parsed("verify_email", {"signed_up_at": "2026-03-01T01:30:00.123456+02:00"})
    assert "on 2026-02-28 23:30:00 UTC" in text_of(mail)


def test_the_name_of_a_token_cannot_forge_lines() -> None:
    lines = text_of(parsed("token_created")).splitlines()
    name = "x\r\n\r\nYour account is locked.\u2028Call\x85us\x0b\x1b[2J\u202eten.elpmaxe"
    forged = text_of(parsed("token_created", {"name": name})).splitlines()

    assert len(forged) == len(lines)
    assert [line for line in forged if line not in lines] == ["    x Your account is locked. Call us [2J ten.elpmaxe"]


@pytest.mark.parametrize(("template", "name"), FROM_STRANGERS)
@given(value=st.text())
def test_no_text_of_strangers_changes_more_than_its_own_line(template: str, name: str, value: str) -> None:
    lines = text_of(parsed(template)).splitlines()
    forged = text_of(parsed(template, {name: f"x{value}"})).splitlines()
    assert len(forged) == len(lines)
    assert sum(one != other for one, other in zip(lines, forged, strict=True)) <= 1


@pytest.mark.parametrize("injection", INJECTIONS)
def test_no_context_adds_a_header(injection: str) -> None:
    for template, context in CONTEXTS.items():
        poisoned = {name: value + injection for name, value in context.items() if not name.endswith("_at")}
        assert parsed(template, poisoned).keys() == parsed(template).keys()


@pytest.mark.parametrize("injection", INJECTIONS)
def test_no_setting_adds_a_header(injection: str) -> None:
    named = parsed("verify_email", settings=Settings(service_name="Acme" + injection))
    assert named.keys() == parsed("verify_email").keys()
    with pytest.raises(ValueError, match="must be one mailbox"):
        Settings(mail_from="ops@example.com" + injection)


@pytest.mark.parametrize(
    "address",
    [
        *("ada@example.com" + injection for injection in INJECTIONS),
        *("ada" + injection + "@example.com" for injection in INJECTIONS),
        "ada@example.com, eve@example.com",
        "ada@example.com,eve",
        "friends: ada@example.com, eve@example.com;",
        "Ada <ada@example.com>",
        "ada@example.com (Ada)",
        "ada@eve@example.com",
        "ada\x00@example.com",
        "ada\x85@example.com",
        "ada\u202e@example.com",
        " ada@example.com",
        "",
    ],
)
def test_an_address_is_one_mailbox_and_no_more(address: str) -> None:
    with pytest.raises(ValueError, match="not a bare mail address"):
        rendered("verify_email", to=address)


@pytest.mark.parametrize(
    "address",
    [
        "o'brien+news@example.com",
        "ada@xn--bcher-kva.example",
        "ada@[192.0.2.1]",
        f"{'a' * 64}@{'b' * 60}.{'c' * 60}.com",
    ],
)
def test_an_ascii_address_needs_no_special_server(address: str) -> None:
    content = rendered(
        "verify_email", to=address, settings=Settings(service_name="Bücher", mail_from="Bücher <b@c.de>")
    )
    assert content.isascii()
    assert f"\r\nTo: {address}\r\n".encode() in content
    assert parse(content)["Subject"] == "Your code for Bücher"


@pytest.mark.parametrize("address", ["jürgen@bücher.example", "юзер@пример.example", "用户@例子.example"])
def test_addresses_beyond_ascii_are_written_as_they_are(address: str) -> None:
    content = rendered("verify_email", to=address)
    assert f"\r\nTo: {address}\r\n".encode() in content
    assert f"?email={quote(address, safe='')}&code={CODE}" in text_of(parse(content))


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://127.0.0.1:8000", "127.0.0.1"),
        ("http://[::1]:8000", "[::1]"),
        (f"https://{'accounts.' * 10}example.com", f"{'accounts.' * 10}example.com"),
    ],
)
def test_the_message_id_names_the_host_unbroken(origin: str, host: str) -> None:
    content = rendered("verify_email", settings=Settings(public_url=origin))
    assert f"\r\nMessage-ID: <01890a5d2c007abc8def0123456789ab@{host}>\r\n".encode() in content


def rendered(
    template: str,
    context: dict[str, str] | None = None,
    *,
    to: str = "ada@example.com",
    without: str = "",
    settings: Settings | None = None,
) -> bytes:
    now = datetime(2026, 1, 1, 12, 0, 0, 500, tzinfo=UTC)
    mail_id = UUID("01890a5d-2c00-7abc-8def-0123456789ab")
    context = {name: value for name, value in (CONTEXTS[template] | (context or {})).items() if name != without}
    mail = ClaimedMail(mail_id, template, to, context, now, now, attempts=1)
    return Renderer(settings or Settings()).render(mail).message.as_bytes()


def parse(content: bytes) -> EmailMessage:
    return cast(EmailMessage, message_from_bytes(content, policy=policy.default))


def parsed(template: str, context: dict[str, str] | None = None, *, settings: Settings | None = None) -> EmailMessage:
    return parse(rendered(template, context, settings=settings))


def text_of(mail: EmailMessage) -> str:
    return cast(str, mail.get_content())
