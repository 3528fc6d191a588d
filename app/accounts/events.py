"""The audit trail: each security act of an account is one row in the act's own transaction."""

from datetime import datetime
from uuid import UUID

from app.accounts import store
from app.core import secrets
from app.core.caller import Client
from app.core.db import Tx


async def record(
    tx: Tx,
    account_id: UUID,
    kind: str,
    client: Client,
    now: datetime,
    *,
    session_id: UUID | None = None,
    token_id: UUID | None = None,
) -> UUID:
    """`kind` is a word of the contract: signed_up, signed_in, token_created and the like. Returns the event's ID."""
    event_id = secrets.new_id(now)
    await store.events.add(
        tx,
        id=event_id,
        account_id=account_id,
        occurred_at=now,
        kind=kind,
        ip_address=client.ip,
        user_agent=client.user_agent,
        session_id=session_id,
        token_id=token_id,
    )
    return event_id
