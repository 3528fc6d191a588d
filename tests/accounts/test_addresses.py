"""One spelling for every address."""

import unicodedata

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from app.accounts.addresses import normalize, normalized_field, normalized_or_as_typed
from app.core.errors import InvalidField

LONGEST_DOMAIN = ".".join(["d" * 61] * 3) + ".exa"
"""189 characters: with "@" and a local part of 64 they are the 254 of RFC 5321."""


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("ada@example.test", "ada@example.test"),
        (" \t Ada.Lovelace@Example.TEST\n", "ada.lovelace@example.test"),
        ("ADA@BÜCHER.example", "ada@xn--bcher-kva.example"),
        ("ada@XN--BCHER-KVA.example", "ada@xn--bcher-kva.example"),
        ("ada@bu\u0308cher.example", "ada@xn--bcher-kva.example"),
        ("Jose\u0301@example.test", "josé@example.test"),
        ("J\u030c@example.test", "\u01f0@example.test"),  # composed only in lower case
        ("a.d.a+news@example.test", "a.d.a+news@example.test"),
        ("o'hara@example.test", "o'hara@example.test"),
        ("ada@localhost", "ada@localhost"),
        ("ada@intranet.local", "ada@intranet.local"),
        ("a" * 64 + "@" + LONGEST_DOMAIN, "a" * 64 + "@" + LONGEST_DOMAIN),
    ],
)
def test_spellings(typed: str, stored: str) -> None:
    assert normalize(typed) == stored


NO_ADDRESS = [
    "",
    "   ",
    "ada",
    "@example.test",
    "ada@",
    "ada@@example.test",
    "ada@example..test",
    ".ada@example.test",
    "ada@-example.test",
    "ada@[127.0.0.1]",
    "ada lovelace@example.test",
    "Ada <ada@example.test>",
    "ada@example.test, bob@example.test",
    "ada\r\nBcc: bob@example.test",
    "ada\x00@example.test",
    "a" * 64 + "@d" + LONGEST_DOMAIN,
    "ada@" + ".".join(["ü" * 50] * 4) + ".example",  # within 254 as typed, not in IDNA
]


@pytest.mark.parametrize("typed", NO_ADDRESS, ids=repr)
def test_what_is_no_address(typed: str) -> None:
    with pytest.raises(InvalidField, match="254") as refused:
        normalized_field(typed, "data.email")
    assert [problem.path for problem in refused.value.fields] == ["data.email"]
    assert not typed.strip() or typed not in str(refused.value)


@pytest.mark.parametrize("typed", NO_ADDRESS, ids=repr)
def test_sign_in_takes_what_is_no_address_in_one_spelling_too(typed: str) -> None:
    assert normalized_or_as_typed(f" {typed.upper()} ") == normalized_or_as_typed(typed)


LETTERS = st.text(st.one_of(st.characters(categories=["L", "Mn", "Nd"]), st.sampled_from("Jj.+-\u030c\u0301")))


@given(local=LETTERS, domain=st.sampled_from(["example.test", "BÜCHER.example"]))
@example(local="J\u030c", domain="example.test")
def test_a_stored_address_is_its_own_spelling_and_that_of_all_others(local: str, domain: str) -> None:
    """Otherwise one mailbox would have two accounts, or an owner could not sign in with what GetAccount shows."""
    typed = f"{local}@{domain}"
    try:
        stored = normalize(typed)
    except ValueError:
        assume(False)
    assert normalize(stored) == stored
    for form in ("NFC", "NFD"):
        assert normalize(f" {unicodedata.normalize(form, typed)} ") == stored
