"""The outbox: mail is a row written in the transaction of its act, so that neither is ever there without the other.

The worker (`mail.delivery`) claims a row by moving its next attempt forward, as a lease: a process that dies with the
mail in hand lets go of it by itself, and no lock or connection is held while a mail server takes its time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, Column, Index, bindparam, delete, insert, select, update
from sqlmodel import Field, col

from app.core.clock import Clock
from app.core.db import Table, Tx, columns
from app.core.purge import delete_older
from app.core.secrets import new_id

GIVE_UP_AFTER = timedelta(days=5)
"""How long a mail without a `valid_until` is tried: the 4-5 days of RFC 5321, section 4.5.4.1."""
KEEP_DELIVERED = timedelta(days=7)
"""How long the trace of a mail stays: far longer than any `queued_since` looks back, for who asks where a mail is."""


class MailRow(Table, table=True):
    """A mail to be sent, or the trace of one that was. No foreign key: some notices outlive their account."""

    __tablename__ = "mail_outbox"
    __table_args__ = (
        Index("ix_mail_outbox_account_id", "account_id"),
        Index("ix_mail_outbox_next_attempt_at", "next_attempt_at"),
        Index("ix_mail_outbox_delivered_at", "delivered_at"),
    )

    id: UUID = Field(primary_key=True)
    account_id: UUID | None = None
    recipient: str = Field(max_length=254)
    template: str = Field(max_length=64)
    context: dict[str, str] = Field(sa_column=Column(JSON, nullable=False))
    """May hold a code; empty once delivered."""
    created_at: datetime
    valid_until: datetime
    attempts: int = 0
    next_attempt_at: datetime | None
    """None once delivered, so that what is due is one range of its index."""
    delivered_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Mail:
    """What a flow wants said, to whom."""

    template: str
    """The stem of a file in `templates/`; its first lines say which context it needs."""
    to: str
    context: Mapping[str, str]
    """Values may come from strangers: each is put on one line before it is shown."""
    account_id: UUID | None = None
    """Whose mail it is: unsent, it goes when the account goes. None for what must be sent all the same."""
    valid_until: datetime | None = None
    """From then on it is not sent: a code that no longer works would only puzzle."""


@dataclass(frozen=True, slots=True)
class ClaimedMail:
    id: UUID
    template: str
    recipient: str
    context: dict[str, str]
    created_at: datetime
    valid_until: datetime
    attempts: int
    """Those begun, this one among them."""


_QUEUE = insert(MailRow)
_OF_ACCOUNT = col(MailRow.account_id) == bindparam("account_id")
_DROP_ALL = delete(MailRow).where(_OF_ACCOUNT)
_DROP_UNSENT = _DROP_ALL.where(col(MailRow.delivered_at).is_(None))
_DUE = (
    select(col(MailRow.id))
    .where(col(MailRow.next_attempt_at) <= bindparam("now"))
    .order_by(col(MailRow.next_attempt_at))
    .limit(bindparam("limit"))
)
_CHANGE = update(MailRow).where(col(MailRow.id) == bindparam("mail"))
"""Sets what columns it is given."""
_CLAIM = (
    _CHANGE.where(col(MailRow.next_attempt_at) <= bindparam("now"))
    .values(next_attempt_at=bindparam("leased_until"), attempts=MailRow.attempts + 1)
    .returning(*columns(MailRow, ClaimedMail))
)
_PUT_OFF = _CHANGE.where(col(MailRow.attempts) == bindparam("begun"))
_DROP = delete(MailRow).where(col(MailRow.id) == bindparam("id"))


@dataclass(frozen=True, slots=True)
class Outbox:
    clock: Clock

    async def queue(self, tx: Tx, mail: Mail) -> None:
        """Have the mail sent if `tx` commits; the worker finds it within a second."""
        await self.queue_all(tx, [mail])

    async def queue_all(self, tx: Tx, mails: Sequence[Mail]) -> None:
        """The same for many at once."""
        if mails:
            await tx.execute(_QUEUE, [self._row(mail) for mail in mails])

    def _row(self, mail: Mail) -> dict[str, Any]:
        now = self.clock.now()
        return {
            "id": new_id(now),
            "account_id": mail.account_id,
            "recipient": mail.to,
            "template": mail.template,
            "context": dict(mail.context),
            "created_at": now,
            "valid_until": mail.valid_until or now + GIVE_UP_AFTER,
            "attempts": 0,
            "next_attempt_at": now,
        }

    async def drop_unsent(self, tx: Tx, account_id: UUID) -> None:
        """Nothing more is sent about the account, save what was queued without its ID."""
        await tx.execute(_DROP_UNSENT, {"account_id": account_id})

    async def drop_all(self, tx: Tx, account_id: UUID) -> None:
        """The same, and the traces of what was sent: they hold the address of somebody who has left."""
        await tx.execute(_DROP_ALL, {"account_id": account_id})

    async def queued_since(self, tx: Tx, account_id: UUID, template: str, since: datetime) -> bool:
        """Whether the account was sent such a mail lately: what strangers can set off must not flood a mailbox."""
        statement = select(col(MailRow.id)).where(
            col(MailRow.account_id) == account_id, col(MailRow.template) == template, col(MailRow.created_at) > since
        )
        return (await tx.execute(statement.limit(1))).first() is not None


async def due(tx: Tx, now: datetime, limit: int) -> list[UUID]:
    """Mails whose time has come, the longest waiting first."""
    return list((await tx.execute(_DUE, {"now": now, "limit": limit})).scalars())


async def claim(tx: Tx, mail_id: UUID, now: datetime, lease: timedelta) -> ClaimedMail | None:
    """The mail, nobody else's for the length of the lease; None if another process was faster."""
    row = (await tx.execute(_CLAIM, {"mail": mail_id, "now": now, "leased_until": now + lease})).one_or_none()
    return None if row is None else ClaimedMail(*row)


async def mark_delivered(tx: Tx, mail: ClaimedMail, now: datetime) -> None:
    """Keep that it was sent, not what it said: codes have no business in the table any longer."""
    await tx.execute(_CHANGE, {"mail": mail.id, "delivered_at": now, "next_attempt_at": None, "context": {}})


async def put_off(tx: Tx, mail: ClaimedMail, until: datetime) -> None:
    """Try again then, unless the lease ran out and another process has begun an attempt, or sent the mail, since."""
    await tx.execute(_PUT_OFF, {"mail": mail.id, "begun": mail.attempts, "next_attempt_at": until})


async def drop(tx: Tx, mail: ClaimedMail) -> None:
    await tx.execute(_DROP, {"id": mail.id})


async def purge_delivered(tx: Tx, before: datetime, limit: int) -> int:
    """Delete traces of mails that were sent before then."""
    return await delete_older(tx, MailRow, MailRow.delivered_at, before, limit)


async def purge_undeliverable(tx: Tx, before: datetime, limit: int) -> int:
    """Delete mails that were not to be sent any more by then; one under way is left to its sender, and its lease."""
    expired = col(MailRow.valid_until) < before
    return await delete_older(tx, MailRow, MailRow.next_attempt_at, before, limit, expired)
