"""VerifyEmail, and SendVerificationEmail, which asks for its code."""

from dataclasses import dataclass
from datetime import datetime

from app.accounts import events, store
from app.accounts.address_mails import AddressMails
from app.accounts.addresses import normalized_field
from app.accounts.attempts import Attempts
from app.accounts.codes import Codes, Purpose
from app.accounts.errors import CodeRefused, EmailAlreadyVerified
from app.accounts.models import Account
from app.accounts.owner import hold, lock, own_account
from app.accounts.verification import Verification, mark_proven
from app.core.caller import Caller, Client
from app.core.clock import Clock
from app.core.db import Database, Tx
from app.mail.outbox import Mail, Outbox


@dataclass(frozen=True, slots=True)
class VerifyEmail:
    """Take a mailed code: the account's address is confirmed, or the one that waits replaces it. Opens no session."""

    db: Database
    clock: Clock
    codes: Codes
    attempts: Attempts
    outbox: Outbox

    async def __call__(self, email: str, typed: str, client: Client) -> None:
        """Raises InvalidField, Throttled, CodeRefused."""
        address = normalized_field(email, "data.email")
        attempt = await self.attempts.reserve(address, client)
        code = await self.codes.check(Purpose.VERIFY_EMAIL, address, typed)
        async with self.db.write() as tx:
            account = await lock(tx, code.account_id)
            now = self.clock.now()
            await self.codes.consume(tx, code)
            if account is None or account.disabled_at is not None:
                raise CodeRefused
            if account.address == address:
                await store.codes.end_all(tx, account.id, Purpose.VERIFY_EMAIL)
            elif account.pending_address == address:
                await self._replace(tx, account, address, client, now)
            else:
                raise CodeRefused
            await mark_proven(tx, account, client, now)
        await self.attempts.was_right(attempt)

    async def _replace(self, tx: Tx, account: Account, address: str, client: Client, now: datetime) -> None:
        if not await store.accounts.swap_address(tx, account.id, address):
            raise CodeRefused  # somebody else's by now, which only its owner is to know
        # A code that lies in the old mailbox would give the account to whoever reads that (NewPassword).
        await store.codes.end_all(tx, account.id)
        await events.record(tx, account.id, "email_changed", client, now)
        for recipient in (account.address, address):
            told = {"new_address": address, "ip": client.ip}
            await self.outbox.queue(tx, Mail("address_changed", recipient, told, account_id=account.id))


@dataclass(frozen=True, slots=True)
class SendVerificationEmail:
    """Mail a new code to the address that waits, else to the account's own."""

    db: Database
    clock: Clock
    verification: Verification
    mails: AddressMails

    async def __call__(self, caller: Caller) -> None:
        """Raises EmailAlreadyVerified, Throttled, BadCredential."""
        account = await own_account(self.db, caller)
        async with self.mails.counted(account.id, _unproven(account)), self.db.write() as tx:
            account, now = await hold(tx, caller), self.clock.now()
            address = _unproven(account)
            await self.verification.require_pause(tx, account, address, now)
            if address == account.address:
                await self.verification.to_own_address(tx, account, now)
            else:
                await self.verification.to_new_address(tx, account, address, caller.client, now)


def _unproven(account: Account) -> str:
    if account.pending_address is None and account.email_verified_at is not None:
        raise EmailAlreadyVerified
    return account.pending_address or account.address
