"""DeleteAccount: the account and all that belongs to it go in one transaction."""

from dataclasses import dataclass

from app.accounts import events, owner, store
from app.accounts.password_check import PasswordCheck
from app.core.caller import Caller, Client
from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import InvalidField, LostRace
from app.mail.outbox import Mail, Outbox

_NOBODY = Client(ip="", user_agent="")


@dataclass(frozen=True, slots=True)
class DeleteAccount:
    """Wants the password, since nothing brings the account back (ASVS 7.5.3).

    Sessions, tokens and codes go by their foreign keys. The trail stays under the bare ID and tells of no client.
    """

    db: Database
    clock: Clock
    check: PasswordCheck
    outbox: Outbox

    async def __call__(self, caller: Caller, password: str) -> None:
        """Raises InvalidField, Throttled, Busy, BadCredential, and LostRace if the password changed meanwhile."""
        seen = await owner.own_account(self.db, caller)
        attempt = await self.check.reserve(seen.address, caller.client)
        verdict = await self.check(seen, password, attempt, caller.client, caller.session_id)
        if not verdict.matches:
            raise InvalidField("password", "This is not the password in force.")
        async with self.db.write() as tx:
            account = await owner.hold(tx, caller)
            if account.password_hash != seen.password_hash or account.password_disabled:
                raise LostRace
            await self.outbox.drop_all(tx, account.id)
            await store.accounts.remove(tx, account.id)
            await store.events.blank_clients(tx, account.id)
            now = self.clock.now()
            await events.record(tx, account.id, "account_deleted", _NOBODY, now, session_id=caller.session_id)
            # Under no account, or it would have gone with the rest.
            await self.outbox.queue(tx, Mail("account_deleted", account.address, {"ip": caller.client.ip}))
