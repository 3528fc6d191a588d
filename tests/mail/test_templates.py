"""What each mail says."""

import re
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from jinja2 import UndefinedError

import app.mail
from app.core.config import Settings
from tests.mail.conftest import CODE
from tests.mail.every_mail import (
    CONTEXTS,
    NOBODY_DID_IT,
    SUBJECTS_WITH_PASSWORD,
    WITH_CODE,
    every_template,
    parsed,
    rendered,
    text_of,
)
from tests.support.letters import parse


def test_every_template_is_tried_here() -> None:
    folder = Path(next(iter(app.mail.__path__))) / "templates"
    assert {path.stem for path in folder.iterdir()} - {"layout.html"} == set(CONTEXTS)


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
