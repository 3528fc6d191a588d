"""Tables of accounts, and what the rest of the domain sees of their rows."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Index
from sqlmodel import Field

from app.core.db import Table

MOST_FAILED_ATTEMPTS = 100
"""Wrong passwords in a row after which the password is disabled until a reset (NIST SP 800-63B-4, section 3.2.2)."""


class AccountRow(Table, table=True):
    __tablename__ = "accounts"

    id: UUID = Field(primary_key=True)
    address: str = Field(max_length=254, unique=True)
    """Normalised (`accounts.addresses`), so that the constraint sees every spelling as one."""
    name: str = Field(max_length=64)
    password_hash: str = Field(max_length=255)
    created_at: datetime
    email_verified_at: datetime | None = None
    """When an address of the account was first proven; a new one replaces it only proven, and leaves this as it is."""
    disabled_at: datetime | None = None
    pending_address: str | None = Field(default=None, max_length=254)
    """Normalised; replaces `address` once its code comes back. Not unique: anybody may name any address here."""
    failed_attempts: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    """Wrong passwords in a row, zero after a right one or a reset."""


class SessionRow(Table, table=True):
    """A session that lives; ending one deletes its row, so that nothing can bring it back."""

    __tablename__ = "sessions"
    __table_args__ = (
        Index("ix_sessions_account_id", "account_id", "created_at"),
        Index("ix_sessions_token_id", "token_id"),
        Index("ix_sessions_idle_ends_at", "idle_ends_at"),
    )

    id: UUID = Field(primary_key=True)
    account_id: UUID = Field(foreign_key="accounts.id", ondelete="CASCADE")
    token_id: UUID | None = Field(default=None, foreign_key="tokens.id", ondelete="CASCADE")
    """The token that it was made from; None for an interactive session."""
    secret_digest: bytes
    previous_digest: bytes | None = None
    rotated_at: datetime
    current_seen_at: datetime | None = None
    """When the current secret first came back; None while its answer may still be under way or lost."""
    created_at: datetime
    last_seen_at: datetime
    idle_ends_at: datetime
    """The end if nothing refreshes it; never past `ends_at`."""
    ends_at: datetime
    ip_address: str = Field(max_length=45)
    user_agent: str = Field(max_length=256)


class VerificationRow(Table, table=True):
    """A mailed code, as a keyed digest bound to its account, purpose and address."""

    __tablename__ = "verifications"
    __table_args__ = (
        Index("ix_verifications_account_id", "account_id", "purpose", "created_at"),
        Index("ix_verifications_address", "address", "purpose"),
        Index("ix_verifications_expires_at", "expires_at"),
    )

    id: UUID = Field(primary_key=True)
    account_id: UUID = Field(foreign_key="accounts.id", ondelete="CASCADE")
    purpose: str = Field(max_length=32)
    address: str = Field(max_length=254)
    code_digest: bytes
    tries_left: int
    """-1 once it was used or ended."""
    created_at: datetime
    expires_at: datetime


class SecurityEventRow(Table, table=True):
    """One line of the audit trail. No foreign key: the trail outlives the account."""

    __tablename__ = "security_events"
    __table_args__ = (
        Index("ix_security_events_account_id", "account_id", "occurred_at"),
        Index("ix_security_events_occurred_at", "occurred_at"),
    )

    id: UUID = Field(primary_key=True)
    account_id: UUID
    occurred_at: datetime
    kind: str = Field(max_length=32)
    ip_address: str = Field(max_length=45)
    user_agent: str = Field(max_length=256)
    session_id: UUID | None = None
    token_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Account:
    id: UUID
    address: str
    name: str
    password_hash: str
    created_at: datetime
    email_verified_at: datetime | None
    disabled_at: datetime | None
    pending_address: str | None
    failed_attempts: int

    @property
    def password_disabled(self) -> bool:
        return self.failed_attempts >= MOST_FAILED_ATTEMPTS


@dataclass(frozen=True, slots=True)
class Session:
    id: UUID
    account_id: UUID
    token_id: UUID | None
    secret_digest: bytes
    previous_digest: bytes | None
    rotated_at: datetime
    current_seen_at: datetime | None
    created_at: datetime
    last_seen_at: datetime
    idle_ends_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class MailedCode:
    id: UUID
    account_id: UUID
    address: str
    code_digest: bytes


@dataclass(frozen=True, slots=True)
class ListedSession:
    """What its owner is told of a session."""

    id: UUID
    token_id: UUID | None
    created_at: datetime
    last_seen_at: datetime
    idle_ends_at: datetime
    ip_address: str
    user_agent: str


@dataclass(frozen=True, slots=True)
class SecurityEvent:
    id: UUID
    occurred_at: datetime
    kind: str
    ip_address: str
    user_agent: str
    session_id: UUID | None
    token_id: UUID | None
