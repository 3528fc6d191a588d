"""What a person may call something: a token, an account."""

import unicodedata

from app.core.errors import InvalidField

LONGEST = 64
"""Characters (code points), after trimming."""

_UNSEEN = {"Cc", "Cf", "Co", "Cs", "Zl", "Zp"}
"""Unicode's controls, format marks, private use, surrogates, line and paragraph separators.

Format marks count, although words and emoji are joined with some: they are invisible or turn the text round, so two
names would look alike. Unassigned characters pass: they are newer than this Python's tables, and people type them.
"""


def clean_name(typed: str, *, field: str) -> str:
    """The name in NFC without white space around it, so that one look is one name. Raises InvalidField at `field`."""
    name = unicodedata.normalize("NFC", typed).strip()
    if not name:
        raise InvalidField(field, "must have at least one character besides white space.")
    if len(name) > LONGEST:
        raise InvalidField(field, f"must have at most {LONGEST} characters.")
    if any(unicodedata.category(character) in _UNSEEN for character in name):
        raise InvalidField(field, "must not hold control characters or invisible formatting characters.")
    return name
