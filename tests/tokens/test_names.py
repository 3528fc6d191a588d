"""Names of tokens."""

import pytest

from app.core.errors import InvalidField
from app.tokens.names import clean_name


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("ci", "ci"),
        ("  deploy key \t\r\n", "deploy key"),
        ("\u2003wide\u3000", "wide"),
        ("a", "a"),
        ("n" * 64, "n" * 64),
        (" " * 90 + "n" * 64 + " " * 90, "n" * 64),
        ("e\u0301" * 64, "\u00e9" * 64),  # 128 characters as typed, 64 in NFC
        ("Łódź 東京 مفتاح", "Łódź 東京 مفتاح"),
        ("🚀" * 64, "🚀" * 64),
        ("\U0001fae9 newer than Python's tables", "\U0001fae9 newer than Python's tables"),
        ("'; drop table tokens; --", "'; drop table tokens; --"),
    ],
    ids=lambda text: ascii(text[:12]),
)
def test_a_name_is_kept_in_nfc_without_space_around_it(typed: str, kept: str):
    assert clean_name(typed) == kept


@pytest.mark.parametrize("typed", ["", " ", "\t\n", "\u3000\u2003", "\x1f"])
def test_a_name_needs_a_character_that_is_no_space(typed: str):
    with pytest.raises(InvalidField, match=r"^token_metadata\.name: must have at least one"):
        clean_name(typed)


@pytest.mark.parametrize("typed", ["n" * 65, "🚀" * 65, "\u0958" * 33], ids=["ascii", "astral", "longer in NFC"])
def test_a_name_has_at_most_64_characters(typed: str):
    with pytest.raises(InvalidField, match=r"^token_metadata\.name: must have at most 64"):
        clean_name(typed)


CONTROLS = ["\x00", "\x1b", "\n", "\x7f", "\x85"]
INVISIBLE = ["\u200b", "\u200d", "\u202e", "\u2066", "\ufeff", "\u2028", "\u2029", "\U000e0041"]
WITHOUT_MEANING = ["\ue000", "\ud800"]


@pytest.mark.parametrize("character", [*CONTROLS, *INVISIBLE, *WITHOUT_MEANING], ids=ascii)
def test_a_name_shows_every_character_it_has(character: str):
    with pytest.raises(InvalidField, match=r"^token_metadata\.name: must not hold control"):
        clean_name(f"a{character}b")
