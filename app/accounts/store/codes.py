"""All SQL about mailed codes. Each function takes the transaction it works in."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select
from sqlmodel import col, insert

from app.accounts.models import VerificationRow
from app.core.db import Tx


async def add(tx: Tx, **values: Any) -> None:
    await tx.execute(insert(VerificationRow).values(**values))


async def latest(tx: Tx, account_id: UUID, purpose: str) -> datetime | None:
    query = (
        select(col(VerificationRow.created_at))
        .where(col(VerificationRow.account_id) == account_id, col(VerificationRow.purpose) == purpose)
        .order_by(col(VerificationRow.created_at).desc())
        .limit(1)
    )
    return (await tx.execute(query)).scalar_one_or_none()


async def end_oldest(tx: Tx, account_id: UUID, purpose: str, keep: int) -> None:
    """Of the codes for one purpose only the newest `keep` stay good (ASVS 6.6.2)."""
    same_kind = (col(VerificationRow.account_id) == account_id, col(VerificationRow.purpose) == purpose)
    newest = (
        select(col(VerificationRow.id))
        .where(*same_kind)
        .order_by(col(VerificationRow.created_at).desc(), col(VerificationRow.id).desc())
        .limit(keep)
    )
    await tx.execute(delete(VerificationRow).where(*same_kind, col(VerificationRow.id).not_in(newest)))
