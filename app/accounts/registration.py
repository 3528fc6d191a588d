"""SignUp: create an account that nobody is signed in to yet."""

from dataclasses import dataclass, replace
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
from app.core.db import Database, Tx
from app.limits import Limit, Limits, network_of
from app.mail.outbox import Outbox

_NAME_LENGTH = 64


@dataclass(frozen=True, slots=True)
class SignUp:
    """Create an account and mail a code to its address.

    With `hides_accounts` a taken address is answered like a free one after the same work (ASVS 6.3.8); else EmailTaken.
    Either way the stored password of an existing account is never touched.
    """

    db: Database
    clock: Clock
    passwords: Passwords
    verification: Verification
    outbox: Outbox
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
        now = self.clock.now()
        account_id = secrets.new_id(now)
        async with self.db.write() as tx:
            created = await store.accounts.add(
                tx, id=account_id, address=address, name=name, password_hash=password_hash, created_at=now
            )
            # If the address was taken, `account_id` is nobody's. What is written for nobody goes again at the end, so
            # that both take the same statements.
            nobody = secrets.new_id(now) if created else account_id
            account = await store.accounts.by_address(tx, address, lock=True)
            await events.record(tx, account_id, "signed_up", client, now)
            if account is not None:
                await self._mail(tx, account, nobody, client)
            await store.events.drop_all(tx, nobody)
            await self.outbox.drop_unsent(tx, nobody)
        if not created and not self.hides_accounts:
            raise EmailTaken

    async def _mail(self, tx: Tx, account: Account, nobody: UUID, client: Client) -> None:
        """An unverified address gets a code, also a new one: its owner may have lost the first. A verified one's owner
        is told, where the answer hides that there is an account. Who is due neither is dealt with as nobody."""
        now = self.clock.now()
        silent = replace(account, id=nobody)
        owner = silent if account.disabled_at is not None else account
        unproven = account.email_verified_at is None
        await self.verification.issue(tx, owner if unproven else silent, now, otherwise=nobody)
        if self.hides_accounts:
            await self.verification.tell_owner(tx, silent if unproven else owner, client, now, otherwise=nobody)
