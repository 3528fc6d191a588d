"""Wrong passwords in a row, counted on the account's row, where no restart and no other process forgets them.

Limits slow a guesser down, this ends it: after 100 the password is disabled until a reset. Whoever makes that happen
shuts the owner out of SignIn alone: sessions, tokens and the reset go on (ASVS 6.1.1).
"""

from dataclasses import dataclass
from uuid import UUID

from app.accounts import events, store
from app.accounts.models import MOST_FAILED_ATTEMPTS, Account
from app.core import secrets
from app.core.caller import Client
from app.core.clock import Clock
from app.core.db import Database, Tx
from app.mail.outbox import Mail, Outbox

TOLD_FROM = 5
"""Failures in a row before a sign-in of which the owner is told."""

_KIND = "sign_in_failed"


@dataclass(frozen=True, slots=True)
class Failures:
    db: Database
    clock: Clock
    outbox: Outbox

    async def count(self, account: Account | None, client: Client, session_id: UUID | None = None) -> None:
        """One more, and its event, in a transaction of its own: both stand whatever becomes of the call."""
        now = self.clock.now()
        account_id = account.id if account else secrets.new_id(now)
        async with self.db.write(spares_credentials=True) as tx:
            failures = await store.accounts.count_failure(tx, account_id)
            event_id = await events.record(tx, account_id, _KIND, client, now, session_id=session_id)
            # Nobody's is written and taken back: a commit waits for the disk, and without that wait the time would tell
            # which addresses have an account (ASVS 6.3.8). An account that was deleted meanwhile is nobody's too.
            await store.events.remove_if_nobodys(tx, event_id)
            if account and failures == MOST_FAILED_ATTEMPTS and account.disabled_at is None:
                mail = Mail("password_disabled", account.address, {"ip": client.ip}, account_id=account.id)
                await self.outbox.queue(tx, mail)

    async def turned_away(self, tx: Tx, account: Account, client: Client) -> None:
        """The password was right, and yet nobody got in."""
        await store.accounts.forget_failures(tx, account.id)
        await events.record(tx, account.id, _KIND, client, self.clock.now())

    async def tell(self, tx: Tx, account: Account, failures: int, client: Client) -> None:
        """Tell the owner that somebody signed in after so many failures, if they are many (ASVS 6.3.5)."""
        if failures >= TOLD_FROM:
            told = {"ip": client.ip, "failures": str(failures)}
            await self.outbox.queue(tx, Mail("sign_in_after_failures", account.address, told, account_id=account.id))
