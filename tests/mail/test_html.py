"""The HTML of mails: says what the text says, fetches nothing, and takes no markup from strangers."""

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.config import Settings
from tests.mail.every_mail import FROM_STRANGERS, every_template, parsed, text_of
from tests.support.letters import html_of

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src="https://eve.example/x.gif">',
    "</p><p>Your account is locked.<br>",
    '<a href="https://eve.example">Sign in</a>',
    "x\n\n<h1>Locked</h1>",
    "&lt;b&gt; & <!-- ",
    "{{ 7 * 7 }}{% raw %}",
]


@every_template
def test_text_and_html_say_the_same(template: str) -> None:
    mail = parsed(template)
    assert read(html_of(mail)).said.split() == [*mail["Subject"].split(), *text_of(mail).split()]


@every_template
def test_nothing_is_fetched_and_nobody_tracked(template: str) -> None:
    page = read(html_of(parsed(template)))
    assert set(page.tags) <= {"html", "head", "meta", "title", "body", "p", "a", "strong"}
    assert not re.search(r"url\(|@import", html_of(parsed(template)))
    assert all(link.startswith("http://127.0.0.1:8000/#/") for link in page.links)


@every_template
def test_dark_mode_has_no_colour_to_fight(template: str) -> None:
    html = html_of(parsed(template))
    assert '<meta name="color-scheme" content="light dark">' in html
    assert not re.search(r"[^-]color:|background", html)


@pytest.mark.parametrize(("template", "name"), FROM_STRANGERS)
@pytest.mark.parametrize("value", HOSTILE)
def test_a_hostile_value_is_shown_and_not_obeyed(template: str, name: str, value: str) -> None:
    page, plain = read(html_of(parsed(template, {name: value}))), read(html_of(parsed(template)))
    assert (page.tags, page.links) == (plain.tags, plain.links)
    assert " ".join(value.split()) in " ".join(page.said.split())


@settings(max_examples=50, deadline=None)
@given(value=st.text())
def test_no_value_adds_a_tag(value: str) -> None:
    poisoned = read(html_of(parsed("token_created", {"name": value, "ip": value})))
    plain = read(html_of(parsed("token_created")))
    assert (poisoned.tags, poisoned.links) == (plain.tags, plain.links)


def test_the_name_of_the_service_is_text_too() -> None:
    page = read(html_of(parsed("verify_email", settings=Settings(service_name="<b>Ada & Co</b>"))))
    assert page.tags == read(html_of(parsed("verify_email"))).tags
    assert "<b>Ada & Co</b>" in page.said


class Read(HTMLParser):
    """What a reader sees of a page, a link as its address."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.said = ""
        self._in_link = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self._in_link = tag == "a"
        if self._in_link:
            self.links.append(dict(attrs)["href"] or "")
            self.said += self.links[-1]

    def handle_data(self, data: str) -> None:
        if not self._in_link:
            self.said += data

    def handle_endtag(self, tag: str) -> None:
        self._in_link = False


def read(html: str) -> Read:
    page = Read()
    page.feed(html)
    page.close()
    return page
