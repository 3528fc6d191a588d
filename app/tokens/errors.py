"""What tokens refuse beside the general refusals.

Refusal
├── CannotManage        permission_denied
├── NameTaken           already_exists
├── QuotaReached        resource_exhausted
└── TokenExpired        failed_precondition
"""

from app.core.errors import Kind, NotForTokens, Refusal


class CannotManage(NotForTokens):
    """One answer for whatever a token may not do with another, so that it does not tell what that one is."""

    sentence = (
        "A token needs the scope tokens:manage for this, and then manages only tokens whose scopes are within its own "
        "and that do not hold tokens:manage. Use a signed-in session, or a token that reaches this far."
    )


class NameTaken(Refusal):
    kind = Kind.ALREADY_EXISTS
    reason = "NAME_TAKEN"
    sentence = "Another live token of the account has this name. Choose another name, or expire that token."


class QuotaReached(Refusal):
    kind = Kind.RESOURCE_EXHAUSTED
    reason = "TOKEN_QUOTA"

    def __init__(self, quota: int) -> None:
        super().__init__(f"The account has {quota} live tokens or more, which is all it may have. Expire one first.")


class TokenExpired(Refusal):
    kind = Kind.FAILED_PRECONDITION
    reason = "TOKEN_EXPIRED"
    sentence = "The end of this token has passed. Move its expires_at into the future with UpdateToken first."
