"""SignUp: create an account that nobody is signed in to yet."""

from dataclasses import dataclass
from uuid import UUID

from app.accounts import events, store
from app.accounts.addresses import normalized_field
from app.accounts.errors import EmailTaken
from app.accounts.models import Account
from app.accounts.password_rules import check_new_password
from app.accounts.passwords import Passwords
from app.accounts.verification import Verification
from app.core import secrets
from app.core.caller import Client
from app.core.clock import Clock
from app.core.db import Database, Tx, sync_anyway
from app.limits import Limit, Limits, network_of

_NAME_LENGTH = 64


@dataclass(frozen=True, slots=True)
class SignUp:
    """Create an account and mail a code to its address.

    With `hides_accounts` a taken address is answered like a free one after the same work; else EmailTaken. Either way
    the stored password of an existing account is never touched.
    """

    db: Database
    clock: Clock
    passwords: Passwords
    verification: Verification
    limits: Limits
    by_client: Limit
    hides_accounts: bool
    shortest_password: int
    service_name: str

    async def __call__(self, email: str, password: str, client: Client) -> None:
        address = normalized_field(email, "email")
        name = address.partition("@")[0][:_NAME_LENGTH]
        check_new_password(
            password,
            field="password",
            minimum=self.shortest_password,
            address=address,
            name=name,
            service_name=self.service_name,
        )
        await self.limits.take(self.by_client, network_of(client.ip))
        password_hash = await self.passwords.hash(password)
        account_id = secrets.new_id(self.clock.now())
        async with self.db.write() as tx:
            created = await store.accounts.add(
                tx,
                id=account_id,
                address=address,
                name=name,
                password_hash=password_hash,
                created_at=self.clock.now(),
            )
            account = await store.accounts.by_address(tx, address)
            if created:
                await self._welcome(tx, account, account_id, client)
            elif account is not None and account.disabled_at is None:
                await self._tell_owner(tx, account, client)
            await sync_anyway(tx)
        if not created and not self.hides_accounts:
            raise EmailTaken

    async def _welcome(self, tx: Tx, account: Account | None, account_id: UUID, client: Client) -> None:
        await events.record(tx, account_id, "signed_up", client, self.clock.now())
        if account is not None:
            await self.verification.issue(tx, account, self.clock.now())

    async def _tell_owner(self, tx: Tx, account: Account, client: Client) -> None:
        """An unverified address gets a new code: its owner may have lost the first. A verified one's owner is told,
        once an hour, where the answer hides that there is an account."""
        now = self.clock.now()
        if account.email_verified_at is None:
            await self.verification.issue(tx, account, now)
        elif self.hides_accounts:
            await self.verification.tell_owner(tx, account, client, now)
