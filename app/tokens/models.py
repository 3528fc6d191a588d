"""The table of tokens."""

import json
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, Column, Dialect, Index, TypeDecorator
from sqlmodel import Field

from app.core.db import Table


class ScopeList(TypeDecorator[tuple[str, ...]]):
    """A JSON list that comes back as a tuple: what was read of a token must not change under its readers."""

    impl = JSON
    cache_ok = True

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:
        return _scopes


def _scopes(stored: str | list[str]) -> tuple[str, ...]:
    """`stored` is text, save where SQLAlchemy has asyncpg decode it."""
    return _decoded(stored) if isinstance(stored, str) else tuple(stored)


@lru_cache(1024)
def _decoded(stored: str) -> tuple[str, ...]:
    return tuple(json.loads(stored))  # most tokens have the scopes of others


class TokenRow(Table, table=True):
    __tablename__ = "tokens"
    __table_args__ = (
        # Listing goes backwards through the first; the second finds the live ones among any number of dead ones.
        Index("ix_tokens_account_id", "account_id", "created_at", "id"),
        Index("ix_tokens_account_id_expires_at", "account_id", "expires_at"),
        Index("ix_tokens_expires_at", "expires_at"),
    )

    id: UUID = Field(primary_key=True)
    account_id: UUID = Field(foreign_key="accounts.id", ondelete="CASCADE")
    name: str = Field(max_length=64)
    scopes: tuple[str, ...] = Field(sa_column=Column(ScopeList, nullable=False))
    """As granted; empty is the default role."""
    value_digest: bytes | None = Field(default=None, unique=True)
    """None once expired by force, and from then on until RegenerateToken: a dead value never lives again."""
    value_hint: str = Field(max_length=16)
    """The first characters of the value; a dead token keeps them, one that waits for a value has none."""
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None = None
    regenerated_at: datetime | None = None
    warned_days: int | None = None
    """The last warning of its end that was mailed or says nothing new, by its days; judged anew once the end moves."""
