"""UpdateAccount: another name at once, another address once its code comes back."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from app.accounts import store
from app.accounts.address_mails import AddressMails
from app.accounts.addresses import normalized_field
from app.accounts.models import Account
from app.accounts.owner import hold, own_account
from app.accounts.verification import Verification
from app.core.caller import Caller
from app.core.clock import Clock
from app.core.db import Database, Tx
from app.core.names import clean_name
from app.mail.outbox import Mail, Outbox


@dataclass(frozen=True, slots=True)
class UpdateAccount:
    """Empty fields stay as they are.

    A new address waits, whoever has it, until VerifyEmail gets the code that was mailed to it; of one that is taken the
    answer tells nothing. The account's own address takes back a change that waits.
    """

    db: Database
    clock: Clock
    verification: Verification
    mails: AddressMails
    outbox: Outbox

    async def __call__(self, caller: Caller, name: str, email: str) -> None:
        """Raises InvalidField, SignInNotRecent, Throttled, BadCredential."""
        wanted_name = clean_name(name, field="data.name") if name else None
        wanted = normalized_field(email, "data.email") if email else None
        async with self._counted(caller, wanted), self.db.write() as tx:
            account = await hold(tx, caller)
            if wanted_name is not None:
                await store.accounts.rename(tx, account.id, wanted_name)
            if wanted == account.address:
                await store.accounts.await_address(tx, account.id, None)
            elif wanted is not None:
                await self._ask(tx, account, wanted, caller)

    @asynccontextmanager
    async def _counted(self, caller: Caller, wanted: str | None) -> AsyncIterator[None]:
        """Counts the mail that the block queues, if it is going to: not inside, where a connection is held."""
        if wanted is None or wanted == (await own_account(self.db, caller)).address:
            yield
        else:
            async with self.mails.counted(caller.account_id, wanted):
                yield

    async def _ask(self, tx: Tx, account: Account, address: str, caller: Caller) -> None:
        now = self.clock.now()
        caller.require_recent_sign_in(now)
        await self.verification.require_pause(tx, account, address, now)
        await store.accounts.await_address(tx, account.id, address)
        await self.verification.to_new_address(tx, account, address, caller.client, now)
        told = {"new_address": address, "ip": caller.client.ip}
        await self.outbox.queue(tx, Mail("address_change_requested", account.address, told, account_id=account.id))
