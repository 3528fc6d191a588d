"""ResetPassword and NewPassword: an owner who lost the password gets the account back by mail, and everybody else out.

Whoever reads the mail of an address owns its account, also one that somebody else signed up with it.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from app.accounts import events, store
from app.accounts.addresses import normalized_field
from app.accounts.attempts import Attempts, ResetMails
from app.accounts.codes import LIFE, Codes, Purpose
from app.accounts.errors import CodeRefused
from app.accounts.models import Account, MailedCode
from app.accounts.owner import lock
from app.accounts.password_rules import check_new_password
from app.accounts.passwords import Passwords
from app.accounts.verification import mark_proven
from app.core import secrets
from app.core.caller import Client
from app.core.clock import Clock
from app.core.db import Database, Tx
from app.mail.outbox import Mail, Outbox

ExpireUnproven = Callable[[Tx, UUID, datetime | None, datetime], Awaitable[list[str]]]
"""Ends the account's tokens that were made before its address was proven (None: all), and tells the names of those that
stay good. Tokens belong to a domain that builds on this one, so `domains` passes the function in."""


@dataclass(frozen=True, slots=True)
class ResetPassword:
    """Mail a code to the account's own address. Nobody is told whether there is an account, or whether mail went."""

    db: Database
    clock: Clock
    codes: Codes
    mails: ResetMails
    outbox: Outbox

    async def __call__(self, email: str, client: Client) -> None:
        """Raises InvalidField for what is no address at all.

        Without an account the same statements run, for an account that is made up, and end in nothing: time must not
        tell (ASVS 6.3.8).
        """
        address = normalized_field(email, "data.email")
        if not await self.mails.may_go(address, client):
            return
        now = self.clock.now()
        nobody = secrets.new_id(now)
        async with self.db.write() as tx:
            # Held, so that of many at once each sees the codes of those before.
            account = await store.accounts.by_address(tx, address, lock=True)
            account_id = nobody if account is None or account.disabled_at is not None else account.id
            code = await self.codes.issue(tx, account_id, Purpose.RESET_PASSWORD, address, now)
            told = {"code": code, "minutes": str(LIFE // timedelta(minutes=1)), "ip": client.ip}
            mail = Mail("reset_password", address, told, account_id=account_id, valid_until=now + LIFE)
            await self.outbox.queue(tx, mail)
            await self.outbox.drop_unsent(tx, nobody)


@dataclass(frozen=True, slots=True)
class NewPassword:
    """Set a password by a mailed code, which proves the address too. Opens no session.

    The code is looked at, and the try counted, before the costly hash; it is consumed in the transaction of the change.
    So a process that dies in between has changed nothing and the code is still good, and of calls at once with the same
    code one comes through.
    """

    db: Database
    clock: Clock
    codes: Codes
    attempts: Attempts
    at_password: Attempts
    passwords: Passwords
    outbox: Outbox
    expire_unproven: ExpireUnproven
    shortest_password: int
    service_name: str

    async def __call__(self, email: str, password: str, typed: str, client: Client) -> None:
        """Raises InvalidField, Throttled, CodeRefused, Busy."""
        address = normalized_field(email, "data.email")
        self._check_password(password, address)
        attempt = await self.attempts.reserve(address, client)
        code = await self.codes.check(Purpose.RESET_PASSWORD, address, typed)
        row = await self.db.point(store.accounts.BY_ID, id=code.account_id)
        account = _redeemable(None if row is None else Account(*row), code)
        await self.attempts.was_right(attempt)
        self._check_password(password, address, account.name)  # only now: the refusal tells the name
        password_hash = await self.passwords.hash(password)  # no connection is held meanwhile
        async with self.db.write() as tx:
            account = _redeemable(await lock(tx, code.account_id), code)
            await self._change(tx, account, code, password_hash, client)
        # Guesses at the old password, the owner's own or a stranger's, must not keep the owner from using the new one.
        await self.at_password.forget(address, client)

    async def _change(self, tx: Tx, account: Account, code: MailedCode, password_hash: str, client: Client) -> None:
        now = self.clock.now()
        await self.codes.consume(tx, code)
        await store.accounts.reset_password(tx, account.id, password_hash)
        await store.codes.end_all(tx, account.id)
        await store.sessions.end_all_of_account(tx, account.id)
        tokens = await self.expire_unproven(tx, account.id, account.email_verified_at, now)
        await mark_proven(tx, account, client, now)
        await events.record(tx, account.id, "password_reset", client, now)
        told = {"ip": client.ip, "tokens": ", ".join(tokens)}
        await self.outbox.queue(tx, Mail("password_reset", account.address, told, account_id=account.id))

    def _check_password(self, password: str, address: str, name: str = "") -> None:
        check_new_password(
            password,
            field="password",
            minimum=self.shortest_password,
            address=address,
            name=name,
            service_name=self.service_name,
        )


def _redeemable(account: Account | None, code: MailedCode) -> Account:
    """The account, if the code may still change it: mailed to an address that it has left, it may not."""
    if account is None or account.disabled_at is not None or account.address != code.address:
        raise CodeRefused
    return account
