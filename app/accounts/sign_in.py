"""SignIn: exchange an address and a password for a new session."""

from dataclasses import dataclass

import structlog

from app.accounts import store
from app.accounts.addresses import normalized_or_as_typed
from app.accounts.errors import AccountDisabled, EmailNotVerified, WrongEmailOrPassword
from app.accounts.failures import Failures
from app.accounts.models import Account
from app.accounts.password_check import PasswordCheck
from app.accounts.sessions import OpenedSession, Sessions
from app.accounts.verification import Verification
from app.core.caller import Client
from app.core.db import Database

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class SignIn:
    """Open a session; `presented`, the live cookie that came with the request, ends.

    Raises WrongEmailOrPassword, Throttled, Busy; and only after a right password AccountDisabled and EmailNotVerified.
    """

    db: Database
    check: PasswordCheck
    failures: Failures
    sessions: Sessions
    verification: Verification
    requires_verified_email: bool

    async def __call__(self, email: str, password: str, presented: str | None, client: Client) -> OpenedSession:
        address = normalized_or_as_typed(email)
        attempt = await self.check.reserve(address, client)  # stands even if the client hangs up now
        row = await self.db.point(store.accounts.BY_ADDRESS, address=address)
        account = None if row is None else Account(*row)
        verdict = await self.check(account, password, attempt, client)
        if account is None or not verdict.matches:
            raise WrongEmailOrPassword(account_id=account.id if account else None)
        if account.disabled_at is not None:
            await self._turn_away(account, client)
            raise AccountDisabled(account_id=account.id)
        if self.requires_verified_email and account.email_verified_at is None:
            await self._turn_away(account, client, mail_code=True)
            raise EmailNotVerified(account_id=account.id)
        opened = await self._open(account, verdict.upgraded or account.password_hash, presented, client)
        if opened is None:  # the password changed, or the account was disabled, while we were hashing
            await self.failures.count(account, client)
            raise WrongEmailOrPassword(account_id=account.id)
        _log.info("signed_in", client=client.ip, account=str(account.id))
        return opened

    async def _open(
        self, account: Account, password_hash: str, presented: str | None, client: Client
    ) -> OpenedSession | None:
        async with self.db.write() as tx:
            failures = await store.accounts.swap_hash(tx, account, password_hash)
            if failures is None:
                return None
            await self.sessions.end_presented(tx, presented, client)
            opened = await self.sessions.open(tx, account.id, client)
            await self.failures.tell(tx, account, failures, client)
        return opened

    async def _turn_away(self, account: Account, client: Client, *, mail_code: bool = False) -> None:
        async with self.db.write() as tx:
            await self.failures.turned_away(tx, account, client)
            if mail_code:
                await self.verification.issue(tx, account, self.sessions.clock.now())
