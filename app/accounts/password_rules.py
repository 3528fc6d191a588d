"""What a new password must satisfy. A stored one is never judged again: nobody is made to rotate (ASVS 6.2.10)."""

import gzip
import re
import unicodedata
from functools import cache
from pathlib import Path

from app.core.errors import InvalidField

SHORTEST = 8
LONGEST = 256

_COMMON = Path(__file__).with_name("common_passwords.txt.gz")
_CONTEXT = Path(__file__).with_name("context_words.txt")
_YEAR_OR_COUNTER = re.compile("[0-9]{0,4}")


def check_new_password(
    password: str, *, field: str, minimum: int, address: str, name: str = "", service_name: str = ""
) -> None:
    """Raise InvalidField for the path `field` unless the password may be set (ASVS 6.2.1, .4, .9, .11, .12).

    Lengths are counted in code points of the normalised password; `minimum` is a setting that cannot go below SHORTEST.
    There are no rules about which characters it is made of (ASVS 6.2.5), and no sentence repeats what was typed.
    """
    password, shortest = normalized(password), max(minimum, SHORTEST)
    if len(password) < shortest:
        raise InvalidField(field, f"Use at least {shortest} characters; 15 or more are better, four random words say.")
    if len(password) > LONGEST:
        raise InvalidField(field, f"Use at most {LONGEST} characters.")
    folded = _folded(password)
    if folded in common_passwords():
        raise InvalidField(field, "This password is on public lists of common and breached ones. Choose another.")
    local_part = address.rpartition("@")[0]
    if any(_derived(folded, _folded(word)) for word in (address, local_part, name, service_name, *context_words())):
        raise InvalidField(
            field, "This password is easy to guess from the address, a name or the service. Choose another."
        )


def normalized(password: str) -> str:
    """The password in Unicode NFC, for setting and checking alike, and otherwise as typed (ASVS 6.2.8).

    Keyboards send an é as one code point or as two: without this an owner could not sign in from another machine.
    """
    return unicodedata.normalize("NFC", password)


@cache
def common_passwords() -> frozenset[str]:
    """Common and breached passwords, case folded; common_passwords.md beside the file names the sources.

    Read at the first sign-up (10 ms, then 4 MiB), so that a start and the processes of the command line do without.
    """
    return frozenset(gzip.decompress(_COMMON.read_bytes()).decode().splitlines())


@cache
def context_words() -> tuple[str, ...]:
    """Names of the service, its makers and its parts (ASVS 6.1.2)."""
    return tuple(line for line in _CONTEXT.read_text("utf-8").splitlines() if line and not line.startswith("#"))


def _derived(folded: str, word: str) -> bool:
    """Whether the password is the word, or the word with a year or a counter behind it.

    NIST SP 800-63B wants "derivatives" refused. Any looser likeness would refuse long passphrases that hold the word.
    """
    return folded.startswith(word) and _YEAR_OR_COUNTER.fullmatch(folded, len(word)) is not None


def _folded(text: str) -> str:
    return normalized(normalized(text).casefold())
