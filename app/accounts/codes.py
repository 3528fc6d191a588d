"""Mailed codes: eight digits that prove, within ten minutes, that somebody reads the mail of an address.

A code is good for one purpose, account and address, once, and bears five tries. A try counts on every live code that it
might have hit, before any is compared and in a transaction of its own: what is refused, cut short or rolled back later
has been counted all the same (ASVS 6.6.3).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from app.accounts import store
from app.accounts.errors import CodeRefused
from app.accounts.models import MailedCode
from app.core import secrets
from app.core.clock import Clock
from app.core.db import Database, Tx, sync_anyway
from app.core.secrets import CodeDigests

LIFE = timedelta(minutes=10)
"""ASVS 6.5.5."""
TRIES = 5
LIVE_CODES = 3
"""Of one purpose; the next one ends the oldest (ASVS 6.6.2)."""


class Purpose(StrEnum):
    VERIFY_EMAIL = "verify_email"
    RESET_PASSWORD = "reset_password"  # noqa: S105 - a purpose


@dataclass(frozen=True, slots=True)
class Codes:
    db: Database
    clock: Clock
    digests: CodeDigests

    async def issue(self, tx: Tx, account_id: UUID, purpose: Purpose, address: str, now: datetime) -> str:
        """A new code, for the mail and for nothing else. For an account that is not there it does the same and stores
        nothing."""
        code = secrets.new_code()
        await store.codes.add(
            tx,
            id=secrets.new_id(now),
            account_id=account_id,
            purpose=purpose,
            address=address,
            code_digest=self.digests.digest(code, purpose, account_id.hex, address),
            tries_left=TRIES,
            created_at=now,
            expires_at=now + LIFE,
        )
        await store.codes.end_oldest(tx, account_id, purpose, LIVE_CODES)
        return code

    async def check(self, purpose: Purpose, address: str, typed: str) -> MailedCode:
        """The code that was typed, still to be consumed; only it tells which account is meant.

        Raises CodeRefused for everything wrong alike, after the same statements and one write to the disk
        (ASVS 6.3.8).
        """
        async with self.db.write() as tx:
            tried = await store.codes.count_try(tx, purpose, address, self.clock.now())
            await sync_anyway(tx)
        right = [each for each in tried if secrets.same(self._digest(each, purpose, typed.strip()), each.code_digest)]
        if not right:
            raise CodeRefused
        return right[0]

    async def consume(self, tx: Tx, code: MailedCode) -> None:
        """Raises CodeRefused if the code was used, or died, since it was checked: of any number one comes through."""
        if not await store.codes.spend(tx, code.id):
            raise CodeRefused

    def _digest(self, code: MailedCode, purpose: Purpose, typed: str) -> bytes:
        return self.digests.digest(typed, purpose, code.account_id.hex, code.address)
