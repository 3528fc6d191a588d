"""Mails that bring the code which proves an address: the account's own, or one that waits to replace it."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from app.accounts import events, store
from app.accounts.codes import LIFE, Codes, Purpose
from app.accounts.models import Account
from app.core.caller import Client
from app.core.db import Tx
from app.core.errors import Throttled
from app.mail.outbox import Mail, Outbox

EVERY = timedelta(minutes=1)
"""At most one mail to an address in this time, or the service could be used to flood a mailbox."""
TELL_EVERY = timedelta(hours=1)
"""How often the owner of an address hears that somebody else typed it."""


@dataclass(frozen=True, slots=True)
class Verification:
    codes: Codes
    outbox: Outbox

    async def issue(self, tx: Tx, account: Account, now: datetime, *, otherwise: UUID | None = None) -> None:
        """Queue a mail with a new code for the account's own address in this transaction, unless one went out within
        the last minute.

        Then it is queued in the name of `otherwise`, an ID that is nobody's, if the caller does so to spend the same
        time and drops it again.
        """
        if await self._wait(tx, account, account.address, now) <= timedelta():
            await self.to_own_address(tx, account, now)
        elif otherwise is not None:
            await self.to_own_address(tx, replace(account, id=otherwise), now)

    async def require_pause(self, tx: Tx, account: Account, address: str, now: datetime) -> None:
        """Raises Throttled within a minute of the account's last mail to the address; the account's row must be held.

        Mails to others do not count: whoever has just signed up, or mistyped the new address, need not wait.
        """
        wait = await self._wait(tx, account, address, now)
        if wait > timedelta():
            raise Throttled(wait.total_seconds())

    async def to_own_address(self, tx: Tx, account: Account, now: datetime) -> None:
        context = {
            # Of the sign-up that set the password, also if it is another call that brings the code: by these the owner
            # of the address knows whose account it is.
            "signed_up_at": account.created_at.isoformat(),
            "signed_up_from": await store.events.signed_up_from(tx, account.id) or "",
        }
        await self._mail(tx, "verify_email", account, account.address, context, now)

    async def to_new_address(self, tx: Tx, account: Account, address: str, client: Client, now: datetime) -> None:
        """A taken address gets no code, and the account that asked is shown no difference."""
        owner = await store.accounts.by_address(tx, address)
        if owner is None:
            await self._mail(tx, "verify_new_address", account, address, {"ip": client.ip}, now)
            return
        await self.codes.issue(tx, account.id, Purpose.VERIFY_EMAIL, address, now)  # mailed to nobody
        if owner.disabled_at is None:
            await self.tell_owner(tx, owner, client, now)

    async def tell_owner(
        self, tx: Tx, owner: Account, client: Client, now: datetime, *, otherwise: UUID | None = None
    ) -> None:
        """That somebody wanted an account with the owner's address; once an hour at most. `otherwise` as in `issue`."""
        lately = await self.outbox.queued_since(tx, owner.id, "sign_up_attempt", now - TELL_EVERY)
        account_id = otherwise if lately else owner.id
        if account_id is not None:
            await self.outbox.queue(tx, Mail("sign_up_attempt", owner.address, {"ip": client.ip}, account_id))

    async def _wait(self, tx: Tx, account: Account, address: str, now: datetime) -> timedelta:
        latest = await store.codes.latest(tx, account.id, Purpose.VERIFY_EMAIL, address)
        return timedelta() if latest is None else latest + EVERY - now

    async def _mail(
        self, tx: Tx, template: str, account: Account, address: str, context: dict[str, str], now: datetime
    ) -> None:
        code = await self.codes.issue(tx, account.id, Purpose.VERIFY_EMAIL, address, now)
        context = {"code": code, "minutes": str(LIFE // timedelta(minutes=1)), **context}
        await self.outbox.queue(tx, Mail(template, address, context, account_id=account.id, valid_until=now + LIFE))


async def mark_proven(tx: Tx, account: Account, client: Client, now: datetime) -> None:
    """The account's address was proven; the first time counts, also when another one replaces it."""
    if account.email_verified_at is None:
        await store.accounts.mark_verified(tx, account.id, now)
        await events.record(tx, account.id, "email_verified", client, now)
