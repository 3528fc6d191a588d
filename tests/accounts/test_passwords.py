"""Passwords: what matches, what it costs, and what becomes of outdated and odd hashes."""

import asyncio
import traceback
import unicodedata
from collections.abc import AsyncIterator
from typing import Any

import argon2.low_level
import bcrypt
import pytest
from argon2.exceptions import VerificationError
from hypothesis import given, settings
from hypothesis import strategies as st
from passlib.context import CryptContext

from app.accounts.passwords import NOBODY, Passwords, Verdict, current_scheme

RIGHT = "correct horse battery staple"
OLD_BCRYPT = bcrypt.hashpw(RIGHT.encode(), bcrypt.gensalt(4)).decode()


def argon2_hash(password: str, **weaker: Any) -> str:
    parameters = {"type": "ID", "memory_cost": 19456, "time_cost": 2, "parallelism": 1} | weaker
    return str(CryptContext(["argon2"]).handler("argon2").using(**parameters).hash(password))


async def test_hashes_with_argon2id_at_the_current_strength(passwords: Passwords) -> None:
    """ASVS 11.4.2."""
    assert (await passwords.hash(RIGHT)).startswith("$argon2id$v=19$m=19456,t=2,p=1$")


async def test_two_hashes_of_one_password_differ_and_both_match(passwords: Passwords) -> None:
    one, other = await passwords.hash(RIGHT), await passwords.hash(RIGHT)
    assert one != other
    assert await passwords.verify(RIGHT, one) == await passwords.verify(RIGHT, other) == Verdict(matches=True)


@pytest.mark.parametrize(
    ("password", "attempt"),
    [
        (RIGHT, RIGHT + " "),
        (RIGHT, " " + RIGHT),
        (RIGHT, RIGHT.title()),
        (RIGHT, RIGHT + "\x00"),
        (RIGHT, ""),
        ("k" * 72 + "one tail", "k" * 72 + "another!"),
        ("before\x00after", "before\x00other"),
        ("ﬁve dozen", "five dozen"),  # a ligature: NFKC would make them one, NFC does not
    ],
)
async def test_a_password_is_checked_exactly_as_typed(passwords: Passwords, password: str, attempt: str) -> None:
    """ASVS 6.2.8."""
    stored = await passwords.hash(password)
    assert (await passwords.verify(password, stored)).matches
    assert await passwords.verify(attempt, stored) == Verdict(matches=False)


@pytest.mark.parametrize("form_set", ["NFC", "NFD"])
@pytest.mark.parametrize("form_typed", ["NFC", "NFD"])
async def test_composed_and_decomposed_letters_are_one(passwords: Passwords, form_set: str, form_typed: str) -> None:
    stored = await passwords.hash(unicodedata.normalize(form_set, "crème brûlée, Ångström"))  # type: ignore[arg-type]
    verdict = await passwords.verify(unicodedata.normalize(form_typed, "crème brûlée, Ångström"), stored)  # type: ignore[arg-type]
    assert verdict.matches


@pytest.mark.parametrize(
    "outdated",
    [
        OLD_BCRYPT,
        argon2_hash(RIGHT, memory_cost=8192),
        argon2_hash(RIGHT, time_cost=1),
        argon2_hash(RIGHT, parallelism=4),
        argon2_hash(RIGHT, type="I"),
    ],
    ids=["bcrypt", "less memory", "fewer passes", "more lanes", "argon2i"],
)
async def test_an_outdated_hash_is_upgraded_when_the_password_is_right(passwords: Passwords, outdated: str) -> None:
    """ASVS 11.2.2."""
    assert await passwords.verify("wrong", outdated) == Verdict(matches=False)
    verdict = await passwords.verify(RIGHT, outdated)
    assert verdict.matches
    assert verdict.upgraded
    assert verdict.upgraded.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert await passwords.verify(RIGHT, verdict.upgraded) == Verdict(matches=True)


CURRENT = argon2_hash(RIGHT)
ODD = {
    "no account": ("any password", None),
    "no hash": ("any password", ""),
    "NUL for bcrypt": (RIGHT + "\x00", OLD_BCRYPT),
    "73 bytes for bcrypt": ("k" * 73, OLD_BCRYPT),
    "more than libpass takes": ("k" * 5000, CURRENT),
    "half a surrogate pair": ("\ud83d password", CURRENT),
    "no scheme": (RIGHT, RIGHT),
    "another scheme": (RIGHT, "$6$rounds=5000$saltsalt$digest"),
    "cut short": (RIGHT, CURRENT[:40]),
    "without salt": (RIGHT, "$argon2id$v=19$m=19456,t=2,p=1"),
    "bad base64": (RIGHT, CURRENT[:35] + "$" + CURRENT[35:]),
    "an argon2 key id": (RIGHT, CURRENT.replace("p=1$", "p=1,keyid=abcd$")),
    "broken bcrypt": (RIGHT, OLD_BCRYPT[:30]),
}


@pytest.mark.parametrize(("password", "stored"), ODD.values(), ids=ODD.keys())
async def test_no_match_costs_one_verification_whatever_the_reason(
    passwords: Passwords, computed: list[str], password: str, stored: str | None
) -> None:
    """ASVS 6.3.8, and 11.2.5: it fails closed."""
    computed.clear()
    assert await passwords.verify(password, stored) == Verdict(matches=False)
    assert len(computed) == 1


@pytest.mark.parametrize("password", [RIGHT, "wrong"])
async def test_a_known_account_costs_one_verification_as_well(
    passwords: Passwords, computed: list[str], password: str
) -> None:
    stored = await passwords.hash(RIGHT)
    computed.clear()
    assert (await passwords.verify(password, stored)).matches is (password == RIGHT)
    assert computed == ["argon2"]


@settings(max_examples=50, deadline=None)
@given(cut=st.integers(0, 90), inserted=st.text("$,=+/.Aa \n\x00é", max_size=3))
def test_no_stored_hash_makes_it_raise(cut: int, inserted: str) -> None:
    cheap = argon2_hash(RIGHT, memory_cost=8, time_cost=1)
    passwords = Passwords(threads=1, queue=0)
    try:
        verdict = asyncio.run(passwords.verify("wrong", cheap[:cut] + inserted))
    finally:
        passwords.close()
    assert verdict == Verdict(matches=False)


async def test_want_of_memory_is_a_failure_that_holds_no_hash(
    passwords: Passwords, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It must not pass for a wrong password; and whoever logs the traceback must not log what is stored."""

    def out_of_memory(*_: Any) -> None:
        raise VerificationError("Memory allocation error")

    monkeypatch.setattr(argon2.low_level, "verify_secret", out_of_memory)
    with pytest.raises(ValueError, match="Memory allocation error") as raised:
        await passwords.verify(RIGHT, CURRENT)
    assert CURRENT not in "".join(traceback.format_exception(raised.value))


def test_what_stands_in_for_a_missing_hash_has_the_current_parameters() -> None:
    assert not current_scheme().needs_update(NOBODY)


@pytest.fixture
async def passwords() -> AsyncIterator[Passwords]:
    made = Passwords(threads=2, queue=8)
    yield made
    made.close()
