"""Mailed codes that prove an address."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from app.accounts import store
from app.accounts.models import Account
from app.core import secrets
from app.core.db import Tx
from app.core.secrets import CodeDigests
from app.mail.outbox import Mail, Outbox

PURPOSE = "verify_email"
LIFE = timedelta(minutes=10)
"""ASVS 6.5.5."""
TRIES = 5
LIVE_CODES = 3
EVERY = timedelta(minutes=1)
"""At most one mail in this time, or the service could be used to flood a mailbox."""


@dataclass(frozen=True, slots=True)
class Verification:
    digests: CodeDigests
    outbox: Outbox

    async def issue(self, tx: Tx, account: Account, now: datetime) -> None:
        """Queue a mail with a new code in this transaction, unless one went out within the last minute."""
        latest = await store.codes.latest(tx, account.id, PURPOSE)
        if latest is not None and now - latest < EVERY:
            return
        code = secrets.new_code()
        await store.codes.add(
            tx,
            id=secrets.new_id(now),
            account_id=account.id,
            purpose=PURPOSE,
            address=account.address,
            code_digest=self.digests.digest(code, PURPOSE, account.id.hex, account.address),
            tries_left=TRIES,
            created_at=now,
            expires_at=now + LIFE,
        )
        await store.codes.end_oldest(tx, account.id, PURPOSE, LIVE_CODES)
        context = {
            "code": code,
            "minutes": str(LIFE // timedelta(minutes=1)),
            # Of the sign-up that set the password, also if it is another call that brings the code: by these the owner
            # of the address knows whose account it is.
            "signed_up_at": account.created_at.isoformat(),
            "signed_up_from": await store.events.signed_up_from(tx, account.id) or "",
        }
        mail = Mail("verify_email", account.address, context, account_id=account.id, valid_until=now + LIFE)
        await self.outbox.queue(tx, mail)
