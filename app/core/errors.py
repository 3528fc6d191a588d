"""Everything Gatepost refuses, as exceptions that carry their public answer.

    Refusal
    ├── NoCredential · BadCredential                        unauthenticated
    ├── ScopeMissing · OnlyForPeople · NotForTokens
    │   OriginNotAllowed · SignInNotRecent                  permission_denied
    ├── NotFound                                            not_found
    ├── InvalidField · Undecodable                          invalid_argument
    ├── LostRace                                            aborted
    ├── Throttled · Busy · TooLarge                         resource_exhausted
    ├── Unavailable · DeadlinePassed                        unavailable · deadline_exceeded
    ├── Unimplemented                                       unimplemented
    ├── EncodingMissing · Unforeseen                        internal
    └── each domain's own, in <domain>/errors.py

The reason is the contract, the sentence is help for a person. Neither may hold a secret, SQL, a path or input.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar
from uuid import UUID


class Kind(StrEnum):
    """What went wrong in the terms of the Connect protocol; the values are its code names."""

    INVALID_ARGUMENT = "invalid_argument"
    UNAUTHENTICATED = "unauthenticated"
    PERMISSION_DENIED = "permission_denied"
    NOT_FOUND = "not_found"
    FAILED_PRECONDITION = "failed_precondition"
    ALREADY_EXISTS = "already_exists"
    ABORTED = "aborted"
    RESOURCE_EXHAUSTED = "resource_exhausted"
    UNAVAILABLE = "unavailable"
    DEADLINE_EXCEEDED = "deadline_exceeded"
    UNIMPLEMENTED = "unimplemented"
    INTERNAL = "internal"


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """One field that was refused: its path in the request (`token_metadata.name`) and what to do about it."""

    path: str
    sentence: str


class Refusal(Exception):
    """An answer other than success; subclasses say which."""

    kind: ClassVar[Kind]
    reason: ClassVar[str]
    sentence: str

    def __init__(
        self,
        sentence: str | None = None,
        *,
        fields: tuple[FieldProblem, ...] = (),
        retry_after: float | None = None,
        account_id: UUID | None = None,
    ) -> None:
        if sentence is not None:
            self.sentence = sentence
        super().__init__(self.sentence)
        self.fields = fields
        self.retry_after = retry_after
        """Seconds after which another try makes sense, where that is known."""
        self.account_id = account_id
        """Whose account was meant, for the log alone, where the credential does not say it."""


class NoCredential(Refusal):
    kind = Kind.UNAUTHENTICATED
    reason = "NO_CREDENTIAL"
    sentence = "Sign in first: send the session cookie, or `Authorization: Bearer <token>`."


class BadCredential(Refusal):
    """Wrong, expired and revoked are one answer: the difference would help only somebody who guesses."""

    kind = Kind.UNAUTHENTICATED
    reason = "BAD_CREDENTIAL"
    sentence = "The session or token is wrong, has expired or was revoked. Sign in again, or use a live token."


class BadToken(BadCredential):
    """Told like any other. The guard has logged it, unless there were too many."""


class ScopeMissing(Refusal):
    kind = Kind.PERMISSION_DENIED
    reason = "SCOPE_MISSING"

    def __init__(self, scope: str) -> None:
        super().__init__(f"This token lacks the scope {scope}. Use a token that has it, or a signed-in session.")


class OnlyForPeople(Refusal):
    """No scope opens these methods: a token that leaks must not be able to take the account."""

    kind = Kind.PERMISSION_DENIED
    reason = ScopeMissing.reason
    sentence = "No token may do this, whatever its scopes. Use a signed-in session."


class SignInNotRecent(Refusal):
    """ASVS 7.5.1 and 7.5.3: a session that was left open must not be enough for what cannot be taken back."""

    kind = Kind.PERMISSION_DENIED
    reason = "SIGN_IN_NOT_RECENT"
    sentence = "This needs a sign-in at most 10 minutes ago. Sign in again, then repeat it."


class NotForTokens(Refusal):
    kind = Kind.PERMISSION_DENIED
    reason = "TOKEN_CANNOT_MANAGE_TOKENS"
    sentence = "A token may not do this. Use a signed-in session."


class OriginNotAllowed(Refusal):
    kind = Kind.PERMISSION_DENIED
    reason = "ORIGIN_NOT_ALLOWED"
    sentence = "Calls from this web origin are not allowed. The operator can list it in ALLOWED_ORIGINS."


class NotFound(Refusal):
    """Another account's object and no object at all are the same answer (ASVS 8.2.2)."""

    kind = Kind.NOT_FOUND
    reason = "NOT_FOUND"
    sentence = "There is nothing with this ID in the account."


class InvalidField(Refusal):
    kind = Kind.INVALID_ARGUMENT
    reason = "INVALID_FIELD"
    sentence = "The request has a field that cannot be accepted."

    def __init__(self, path: str, sentence: str) -> None:
        super().__init__(f"{path}: {sentence}", fields=(FieldProblem(path, sentence),))


class InvalidFields(Refusal):
    """Several fields at once, as the rules in the protos find them."""

    kind = Kind.INVALID_ARGUMENT
    reason = "INVALID_FIELD"

    def __init__(self, fields: tuple[FieldProblem, ...]) -> None:
        super().__init__("; ".join(f"{each.path}: {each.sentence}" for each in fields), fields=fields)


class Undecodable(Refusal):
    """The decoder's own text is dropped: it echoes the input, which may be a password."""

    kind = Kind.INVALID_ARGUMENT
    reason = "UNDECODABLE"
    sentence = "The body is not a valid message of this method in the declared content type."


class LostRace(Refusal):
    kind = Kind.ABORTED
    reason = "LOST_RACE"
    sentence = "Another call changed the same object at the same moment. Read it again, then decide."


class Throttled(Refusal):
    kind = Kind.RESOURCE_EXHAUSTED
    reason = "THROTTLED"
    sentence = "Too many attempts. Wait as long as Retry-After says."

    def __init__(self, retry_after: float) -> None:
        super().__init__(retry_after=retry_after)


class Busy(Refusal):
    kind = Kind.RESOURCE_EXHAUSTED
    reason = "BUSY"
    sentence = "The service is busy checking passwords. Try again in a moment."

    def __init__(self) -> None:
        super().__init__(retry_after=1.0)


class TooLarge(Refusal):
    kind = Kind.RESOURCE_EXHAUSTED
    reason = "TOO_LARGE"
    sentence = "The request body is larger than this service accepts."


class Unavailable(Refusal):
    kind = Kind.UNAVAILABLE
    reason = "UNAVAILABLE"
    sentence = "Something this service depends on does not answer. Nothing was lost; try again shortly."

    def __init__(self) -> None:
        super().__init__(retry_after=1.0)


class DeadlinePassed(Refusal):
    kind = Kind.DEADLINE_EXCEEDED
    reason = "DEADLINE"
    sentence = (
        "The deadline passed before the answer was ready. A write may still have happened; look before repeating."
    )


class Unimplemented(Refusal):
    kind = Kind.UNIMPLEMENTED
    reason = "UNIMPLEMENTED"
    sentence = "There is no such method here."


class EncodingMissing(Refusal):
    """The caller's fault, but gRPC demands `internal` and words that say why (its doc/compression.md, test case 6)."""

    kind = Kind.INTERNAL
    reason = Undecodable.reason
    sentence = "A message is flagged as compressed, but no Grpc-Encoding or Connect-Content-Encoding header says how."


class Unforeseen(Refusal):
    """The last resort. `error_id` stands in the answer and in the log, and nothing else of the failure does."""

    kind = Kind.INTERNAL
    reason = "INTERNAL"

    def __init__(self, error_id: str) -> None:
        super().__init__(f"An unforeseen failure. Tell the operator the error id {error_id}.")
        self.error_id = error_id
