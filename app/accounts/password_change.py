"""ChangePassword: the owner replaces the password, and whoever got in by the old one is out."""

from dataclasses import dataclass

from app.accounts import events, owner, store
from app.accounts.models import Account
from app.accounts.password_check import PasswordCheck
from app.accounts.password_rules import check_new_password
from app.accounts.passwords import Passwords
from app.core.caller import Caller
from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import InvalidField, LostRace
from app.mail.outbox import Mail, Outbox

_RESET = "reset_password"


@dataclass(frozen=True, slots=True)
class ChangePassword:
    """Every other session ends, those made from tokens too (ASVS 7.4.3); tokens stay.

    The session that asks goes on with the secret it has: that changes by RefreshSession alone, and an answer that was
    lost here would otherwise sign the owner out.
    """

    db: Database
    clock: Clock
    passwords: Passwords
    check: PasswordCheck
    outbox: Outbox
    shortest_password: int
    service_name: str

    async def __call__(self, caller: Caller, current: str, new: str) -> None:
        """Raises InvalidField, Throttled, Busy, BadCredential, and LostRace if the password changed meanwhile."""
        account = await owner.own_account(self.db, caller)
        check_new_password(
            new,
            field="new_password",
            minimum=self.shortest_password,
            address=account.address,
            name=account.name,
            service_name=self.service_name,
        )
        attempt = await self.check.reserve(account.address, caller.client)
        verdict = await self.check(account, current, attempt, caller.client, caller.session_id)
        if not verdict.matches:
            raise InvalidField("current_password", "This is not the password in force.")
        await self._change(caller, account, await self.passwords.hash(new))

    async def _change(self, caller: Caller, seen: Account, password_hash: str) -> None:
        async with self.db.write() as tx:
            account = await owner.hold(tx, caller)
            if await store.accounts.swap_hash(tx, seen, password_hash) is None:
                raise LostRace
            await store.sessions.end_all_of_account(tx, account.id, but=caller.session_id)
            await store.codes.end_all(tx, account.id, _RESET)
            now = self.clock.now()
            await events.record(tx, account.id, "password_changed", caller.client, now, session_id=caller.session_id)
            mail = Mail("password_changed", account.address, {"ip": caller.client.ip}, account_id=account.id)
            await self.outbox.queue(tx, mail)
