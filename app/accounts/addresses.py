"""One spelling for every address, so that one mailbox has one account."""

import unicodedata

from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email

from app.core.errors import InvalidField

# Names of intranets and tests (.local, .test) are domains like others: whether mail arrives, the mailed code shows.
SPECIAL_USE_DOMAIN_NAMES.clear()

_LONGEST = 254
"""RFC 5321 4.5.3.1.3 less the angle brackets."""


def normalize(email: str) -> str:
    """Trimmed, NFC, the domain by IDNA (RFC 5891), lower case; no folding of dots or plus signs, which is the
    mailbox's business. Syntax only, no DNS. Raises ValueError for what is no address."""
    try:
        checked = validate_email(email.strip(), check_deliverability=False, globally_deliverable=False)
    except EmailNotValidError as error:
        raise ValueError("not an e-mail address") from error
    domain = checked.ascii_domain or checked.domain
    # NFC again: some letters are one code point in lower case only, and the same address typed small would be another.
    address = unicodedata.normalize("NFC", f"{checked.local_part}@{domain}".lower())
    if len(address) > _LONGEST:
        raise ValueError("too long")
    return address


def normalized_field(email: str, path: str) -> str:
    """The normalised address, or InvalidField at `path`."""
    try:
        return normalize(email)
    except ValueError:
        raise InvalidField(path, f"Give an e-mail address, at most {_LONGEST} characters.") from None


def normalized_or_as_typed(email: str) -> str:
    """For sign-in, which refuses no syntax: what is no address is nobody's, at the same cost as an unknown one."""
    try:
        return normalize(email)
    except ValueError:
        # PostgreSQL takes no NUL, not even to look for it.
        return email.strip().lower().replace("\0", "\ufffd")
