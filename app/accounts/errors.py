"""What accounts refuse beside the general refusals.

Refusal
├── WrongEmailOrPassword    unauthenticated
├── AccountDisabled · OtherAddress     permission_denied
├── CodeRefused             invalid_argument
├── EmailNotVerified · EmailAlreadyVerified    failed_precondition
└── EmailTaken              already_exists
"""

from app.core.errors import FieldProblem, Kind, Refusal


class WrongEmailOrPassword(Refusal):
    """One answer for an unknown address and a wrong password (ASVS 6.3.8)."""

    kind = Kind.UNAUTHENTICATED
    reason = "WRONG_EMAIL_OR_PASSWORD"
    sentence = "The address or the password is wrong."


class AccountDisabled(Refusal):
    """Told only after a right password."""

    kind = Kind.PERMISSION_DENIED
    reason = "ACCOUNT_DISABLED"
    sentence = "This account is disabled. Ask whoever runs this service."


class OtherAddress(Refusal):
    """Decided without a lookup, so that it tells nothing about the other address."""

    kind = Kind.PERMISSION_DENIED
    reason = "SCOPE_MISSING"
    sentence = "A credential speaks for its own account's address only."


class CodeRefused(Refusal):
    """One answer for a wrong, used, expired or over-tried code and for an account that is unknown or disabled."""

    kind = Kind.INVALID_ARGUMENT
    reason = "CODE_REFUSED"
    sentence = "This code is not good, or not any more. Look at the newest mail, or ask for another code."

    def __init__(self) -> None:
        super().__init__(fields=(FieldProblem("code", self.sentence),))


class EmailNotVerified(Refusal):
    kind = Kind.FAILED_PRECONDITION
    reason = "EMAIL_NOT_VERIFIED"
    sentence = "Confirm your address first, with the code that was mailed to it."


class EmailAlreadyVerified(Refusal):
    kind = Kind.FAILED_PRECONDITION
    reason = "EMAIL_ALREADY_VERIFIED"
    sentence = "The address is confirmed already, and no other one waits for it."


class EmailTaken(Refusal):
    kind = Kind.ALREADY_EXISTS
    reason = "EMAIL_TAKEN"
    sentence = "There is an account with this address. Sign in, or set a new password."
