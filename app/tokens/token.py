"""A token, as the rest of the domain sees it."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Self
from uuid import UUID

from app.core.caller import Caller

WARNINGS = (14, 3)
"""Days before its end at which a token's owner is told."""


@dataclass(frozen=True, slots=True)
class Token:
    id: UUID
    account_id: UUID
    name: str
    scopes: tuple[str, ...]
    value_digest: bytes | None
    value_hint: str
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None
    regenerated_at: datetime | None

    def live_at(self, now: datetime) -> bool:
        return now < self.expires_at

    def expired(self, now: datetime) -> Self:
        """The token ended by force. Without the digest its value is dead even if the clock is set back, or the end
        moved later."""
        return replace(self, expires_at=min(now, self.expires_at), value_digest=None)

    def needless_warning(self, set_at: datetime) -> int | None:
        """The last warning that says nothing new to who chose the token's end at that time, in days before the end.

        A token that is made for a week needs no word after a minute that it ends within 14 days.
        """
        passed = [days for days in WARNINGS if self.expires_at - set_at <= timedelta(days=days)]
        return min(passed, default=None)


@dataclass(frozen=True, slots=True)
class Bearer(Caller):
    """A caller that presented a token's value, with the digest of that very value.

    The guard runs before the body is read, and a client may take its time over the body. By then the value may have
    been superseded, and only the digest still tells who came with the old one.
    """

    value_digest: bytes = b""
