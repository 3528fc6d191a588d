"""How a token's value is spelt: prefix, 43 base62 characters of a random secret, 6 of a checksum.

The prefix and the fixed length let secret scanners find leaked tokens; the checksum lets them, and the service itself,
dismiss what only looks like one without asking the database. It is no protection: anybody can compute it.
"""

import re
import zlib
from functools import lru_cache

from app.core import secrets

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
SECRET_LENGTH = 43
"""What 256 bits need: 62 ** 43 > 2 ** 256 > 62 ** 42."""
CHECKSUM_LENGTH = 6
"""What 32 bits need: 62 ** 6 > 2 ** 32 > 62 ** 5."""
HINT_LENGTH = 8


def new_value(prefix: str) -> str:
    """A value that nobody has seen before: 256 random bits behind `prefix`."""
    body = prefix + _base62(secrets.new_secret_number(), SECRET_LENGTH)
    return body + _checksum(body)


def well_formed(value: str, prefix: str) -> bool:
    """Whether `value` could have been given out here; microseconds, and no more for hostile input of any length."""
    return _compiled(prefix).fullmatch(value) is not None and value.endswith(_checksum(value[:-CHECKSUM_LENGTH]))


def pattern(prefix: str) -> str:
    """The regular expression of all values, as the README publishes it for secret scanners."""
    return rf"{re.escape(prefix)}[0-9A-Za-z]{{{SECRET_LENGTH + CHECKSUM_LENGTH}}}"


@lru_cache(maxsize=8)  # there is one prefix; tests have more
def _compiled(prefix: str) -> re.Pattern[str]:
    return re.compile(pattern(prefix))


def hint(value: str) -> str:
    """What is kept for display, to tell tokens apart: of the 256 bits it shows at most 36."""
    return value[:HINT_LENGTH]


def _checksum(body: str) -> str:
    """CRC-32 (ISO-HDLC, as zlib and gzip have it) over the characters before it, prefix included."""
    return _base62(zlib.crc32(body.encode("ascii")), CHECKSUM_LENGTH)


def _base62(number: int, width: int) -> str:
    digits = []
    for _ in range(width):
        number, digit = divmod(number, 62)
        digits.append(ALPHABET[digit])
    return "".join(reversed(digits))
