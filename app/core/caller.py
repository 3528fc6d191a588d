"""Who is at the other end of a call, in the service's own terms."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from app.core.errors import SignInNotRecent

READ_SCOPES = frozenset({"account:read", "tokens:read"})
"""What a token without scopes may do: read (semantics.md, "Scopes of a token")."""

RECENT = timedelta(minutes=10)
"""How long a sign-in counts as recent (semantics.md, additions.md)."""


@dataclass(frozen=True, slots=True)
class Client:
    """Where a call comes from, for limits and for the owner's audit trail; both strings are untrusted."""

    ip: str
    user_agent: str


@dataclass(frozen=True, slots=True)
class Caller:
    """The account behind a credential that was checked, and what the credential may do."""

    account_id: UUID
    client: Client
    session_id: UUID | None = None
    """The session, if a cookie was presented."""
    token_id: UUID | None = None
    """The token, if it was presented as Bearer or the session was made from it; None for an interactive session."""
    scopes: frozenset[str] = frozenset()
    """The effective scopes of the token; an interactive session needs none."""
    signed_in_at: datetime | None = None
    """When the interactive session gave its password; None for tokens, which never count as recent."""
    expires_at: datetime | None = None
    """When the credential ends if nothing else happens."""

    @property
    def interactive(self) -> bool:
        return self.token_id is None

    @property
    def bearer(self) -> bool:
        return self.session_id is None

    def has(self, scope: str) -> bool:
        return self.interactive or scope in self.scopes

    def require_recent_sign_in(self, now: datetime) -> None:
        """Raises SignInNotRecent unless the password was given to this very session within RECENT."""
        if self.signed_in_at is None or now - self.signed_in_at > RECENT:
            raise SignInNotRecent


def effective_scopes(stored: tuple[str, ...]) -> frozenset[str]:
    return frozenset(stored) or READ_SCOPES
