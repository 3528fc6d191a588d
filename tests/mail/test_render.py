"""Messages on their way: headers, encodings, and what strangers would like to put there."""

from datetime import UTC, datetime
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.config import Settings
from tests.mail.conftest import CODE
from tests.mail.every_mail import CONTEXTS, FROM_STRANGERS, every_template, parsed, rendered, text_of
from tests.support.letters import parse

INJECTIONS = ["\r\nBcc: eve@example.com", "\nBcc: eve@example.com", "\rBcc: eve@example.com", "\r\n\r\nbody"]


@every_template
def test_a_mail_has_the_headers_it_should(template: str) -> None:
    mail = parsed(template, settings=Settings(public_url="https://accounts.example.com:8443"))

    assert mail["From"] == "Gatepost <gatepost@localhost>"
    assert mail["To"] == "ada@example.com"
    assert mail["Date"].datetime == datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
    assert mail["Message-ID"] == "<01890a5d2c007abc8def0123456789ab@accounts.example.com>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]  # the best one last
    assert mail.defects == []


def test_the_same_mail_is_the_same_letter() -> None:
    assert rendered("reset_password") == rendered("reset_password")


def test_a_code_and_its_link_can_be_read_in_the_file() -> None:
    lines = rendered("reset_password", to=f"{'a' * 64}@{'b' * 60}.example").decode().splitlines()
    assert f"Your code is {CODE}. It is good for 10 minutes." in lines
    assert [line for line in lines if line.startswith("http") and line.endswith(f"&code={CODE}")]


@pytest.mark.parametrize("service", ["Bücher", "x" * 64])
def test_no_line_is_longer_than_mail_may_have(service: str) -> None:
    """RFC 5322, section 2.1.1."""
    long = Settings(public_url=f"https://{'accounts.' * 26}example.com", service_name=service)
    for address in ("ada@example.com", f"{'ü' * 100}@{'ü' * 22}.example"):
        content = rendered("reset_password", to=address, settings=long)
        assert max(map(len, content.split(b"\r\n"))) <= 998
        assert f"&code={CODE}\r\n" in text_of(parse(content))


def test_the_name_of_a_token_cannot_forge_lines() -> None:
    lines = text_of(parsed("token_created")).splitlines()
    name = "x\r\n\r\nYour account is locked.\u2028Call\x85us\x0b\x1b[2J\u202eten.elpmaxe"
    forged = text_of(parsed("token_created", {"name": name})).splitlines()

    assert len(forged) == len(lines)
    assert [line for line in forged if line not in lines] == ["    x Your account is locked. Call us [2J ten.elpmaxe"]


def test_the_token_that_made_another_is_named() -> None:
    named = "\n".join(text_of(parsed("token_created", {"by": "terraform\nx"})).splitlines())
    assert "\n\nIt was created with the token\n\n    terraform x\n\nWhoever holds" in named
    assert "created with" not in text_of(parsed("token_created"))


@pytest.mark.parametrize(("template", "name"), FROM_STRANGERS)
@settings(max_examples=50, deadline=None)
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
