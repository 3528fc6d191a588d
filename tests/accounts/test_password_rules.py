"""New passwords: length by code point, no composition, common ones and words of the context refused."""

import functools
import unicodedata

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from app.accounts import password_rules
from app.accounts.password_rules import common_passwords, context_words
from app.core.errors import InvalidField

check_new_password = functools.partial(
    password_rules.check_new_password,
    field="password",
    minimum=8,
    address="anna.bauer@example.com",
    name="Anna-Maria B",
    service_name="Turnstile Inc",
)

FAMILY = "👩‍👩‍👧‍👦"
"""One picture, seven code points."""


@pytest.mark.parametrize(
    "password",
    [
        "x7 kqvwz",
        "x" * 64 + "kq",
        "kq" * 128,
        "🔑🚪" * 128,
        FAMILY + "🔑",
        "пароль-мой",
        "quick\x00brown",
        "nothing but lower case letters",
        "90310482771",
    ],
    ids=lambda password: f"{len(password)} characters",
)
def test_accepts(password: str) -> None:
    check_new_password(password)


@pytest.mark.parametrize(
    ("password", "sentence"),
    [
        ("x7 kqvw", "at least 8"),
        (FAMILY, "at least 8"),
        ("", "at least 8"),
        ("x7 kqve\u0301", "at least 8"),  # eight code points as typed, seven in NFC
        ("kq" * 128 + "k", "at most 256"),
        ("password", "common"),
        ("PassWord", "common"),
        ("qwertyuiop", "common"),
        ("anna.bauer@example.com", "easy to guess"),
        ("Anna.Bauer@Example.COM", "easy to guess"),
        ("ANNA.BAUER", "easy to guess"),
        ("anna-maria b", "easy to guess"),
        ("turnstile inc", "easy to guess"),
        ("Turnstile Inc2026", "easy to guess"),
        ("GatePost", "easy to guess"),
        ("gatepost1", "easy to guess"),
        ("gate-post1234", "easy to guess"),
    ],
)
def test_refuses(password: str, sentence: str) -> None:
    with pytest.raises(InvalidField, match=sentence):
        check_new_password(password)


@pytest.mark.parametrize("password", ["x7 kqvw", "kq" * 129, "qwertyuiop", "anna.bauer", "gatepost77"])
def test_no_refusal_repeats_what_was_typed(password: str) -> None:
    with pytest.raises(InvalidField) as refused:
        check_new_password(password)
    assert password not in str(refused.value)


@pytest.mark.parametrize("password", ["gatepost12345", "my gatepost", "anna.bauer-at-work", "kq turnstile inc"])
def test_a_word_of_the_context_may_be_part_of_a_longer_password(password: str) -> None:
    check_new_password(password)


def test_no_name_and_no_service_name_refuse_nothing() -> None:
    check_new_password("x7 kqvwz", name="", service_name="", address="@")


def test_the_refusal_names_the_field_of_the_request_and_recommends_15_characters() -> None:
    with pytest.raises(InvalidField, match="15") as refused:
        check_new_password("short", field="new_password.password")
    assert [problem.path for problem in refused.value.fields] == ["new_password.password"]


def test_the_minimum_is_a_setting_with_a_floor_of_8() -> None:
    check_new_password("fifteen letters", minimum=15)
    with pytest.raises(InvalidField, match="at least 15"):
        check_new_password("14 letters, no", minimum=15)
    with pytest.raises(InvalidField, match="at least 8"):
        check_new_password("x7 kqvw", minimum=1)


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=8, max_size=64))
@example("        ")
@example("\x00\x01\x02\x03\x04\x05\x06\x07")
def test_any_characters_make_a_password(password: str) -> None:
    """ASVS 6.2.5: at least 8 of whatever there is, unless it is known or near the context."""
    assume(len(unicodedata.normalize("NFC", password)) >= 8)
    assume(password.casefold() not in common_passwords())
    assume(not password.casefold().startswith(tuple(map(str.casefold, context_words()))))
    check_new_password(password, address="q@example.com", name="q", service_name="q")


def test_every_common_password_is_refused_in_any_case() -> None:
    """ASVS 6.2.4 asks for the 3,000 most common ones that fit the policy."""
    for password in common_passwords():
        with pytest.raises(InvalidField):
            check_new_password(password.upper() if password.isascii() else password)


def test_the_list_is_long_enough_and_in_the_spelling_that_is_looked_up() -> None:
    words = common_passwords()
    assert len(words) >= 10_000
    assert all(len(word) >= 8 for word in words)
    assert all(unicodedata.normalize("NFC", word.casefold()) == word for word in words)


def test_the_most_common_passwords_of_eight_characters_are_on_the_list() -> None:
    """Known from every published ranking: whoever remakes the list must not lose its head."""
    head = "password 12345678 123456789 1234567890 qwertyuiop iloveyou sunshine princess football baseball trustno1"
    assert common_passwords().issuperset(head.split())


def test_the_names_of_the_service_are_on_the_list_of_context_words() -> None:
    """ASVS 6.1.2."""
    assert "gatepost" in context_words()
    assert not [word for word in context_words() if word != word.strip().casefold()]
