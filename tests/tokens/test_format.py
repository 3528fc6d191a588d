"""The spelling of token values, against the sentence in semantics.md and an independent reading of it."""

import re
import string
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.tokens.format import hint, new_value, pattern, well_formed

BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
SECRETS_ALPHABET = re.compile(r"[0-9A-Za-z]+")


def test_a_value_is_prefix_43_characters_of_secret_and_6_of_checksum() -> None:
    value = new_value("gp_")
    secret, checksum = value[3:46], value[46:]
    assert value.startswith("gp_")
    assert len(value) == 3 + 43 + 6
    assert SECRETS_ALPHABET.fullmatch(secret)
    assert number(secret) < 2**256
    assert number(checksum) == zlib.crc32(b"gp_" + secret.encode())


def test_all_256_bits_of_the_secret_vary() -> None:
    seen_set = seen_clear = 0
    for _ in range(64):
        secret = number(new_value("gp_")[3:46])
        seen_set |= secret
        seen_clear |= ~secret
    assert seen_set == 2**256 - 1, "a bit that is never set"
    assert seen_clear & (2**256 - 1) == 2**256 - 1, "a bit that is always set"


def test_values_differ() -> None:
    assert len({new_value("gp_") for _ in range(1000)}) == 1000


@pytest.mark.parametrize("prefix", ["gp_", "a_", "abcdefghij01234_"])
def test_what_is_given_out_is_well_formed_under_its_own_prefix_only(prefix: str):
    value = new_value(prefix)
    assert well_formed(value, prefix)
    assert not well_formed(value, "other_")
    assert re.fullmatch(pattern(prefix), value)


def test_every_change_of_one_character_is_noticed() -> None:
    value = new_value("gp_")
    for place in range(len(value)):
        for other in "0", "z", "é", "-", " ":
            if value[place] != other:
                assert not well_formed(value[:place] + other + value[place + 1 :], "gp_"), place


def test_every_swap_of_two_neighbours_is_noticed() -> None:
    value = new_value("gp_")
    for place in range(len(value) - 1):
        swapped = value[:place] + value[place + 1] + value[place] + value[place + 2 :]
        assert swapped == value or not well_formed(swapped, "gp_"), place


def test_every_cut_is_noticed() -> None:
    value = new_value("gp_")
    for length in range(len(value)):
        assert not well_formed(value[:length], "gp_")
        assert not well_formed(value[length + 1 :], "gp_")


@pytest.mark.parametrize("altered", ["{} ", " {}", "{}\n", "{}0", "GP_{}", "{}\x00", "{0}{0}", "Bearer {}"])
def test_no_other_spelling_of_a_good_value_is_taken(altered: str):
    assert not well_formed(altered.format(new_value("gp_")), "gp_")


@given(st.text(max_size=80))
def test_any_text_is_answered_and_refused(text: str):
    assert not well_formed(text, "gp_")


@given(st.text(alphabet=BASE62, min_size=43, max_size=43))
def test_the_checksum_is_crc_32_in_base62_over_all_before_it(secret: str):
    body = f"gp_{secret}"
    checksum = zlib.crc32(body.encode())
    assert well_formed(body + base62(checksum, 6), "gp_")
    assert not well_formed(body + base62(checksum ^ 1, 6), "gp_")


def test_a_dot_in_a_prefix_is_a_dot() -> None:
    assert not well_formed(new_value("axb_"), "a.b_")


def test_the_hint_is_the_first_8_characters() -> None:
    value = new_value("gp_")
    assert hint(value) == value[:8]


@pytest.mark.parametrize("around", ['token = "{}"', "https://user:{}@example.com", "TOKEN={}\n", "({})"])
def test_a_scanner_finds_a_value_in_text(around: str):
    value = new_value("gp_")
    assert re.findall(rf"\b{pattern('gp_')}\b", around.format(value)) == [value]


def number(base62_text: str) -> int:
    value = 0
    for character in base62_text:
        value = value * 62 + BASE62.index(character)
    return value


def base62(value: int, width: int) -> str:
    text = ""
    while value:
        value, digit = divmod(value, 62)
        text = BASE62[digit] + text
    return text.rjust(width, "0")
