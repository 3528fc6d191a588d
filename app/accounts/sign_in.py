"""SignIn: exchange an address and a password for a new session."""

from dataclasses import dataclass

import structlog

from app.accounts import store
from app.accounts.addresses import normalized_or_as_typed
from app.accounts.attempts import Attempts
from app.accounts.errors import AccountDisabled, EmailNotVerified, WrongEmailOrPassword
from app.accounts.models import Account
from app.accounts.passwords import Passwords
from app.accounts.sessions import OpenedSession, Sessions
from app.accounts.verification import Verification
from app.core.caller import Client
from app.core.db import Database
from app.core.errors import Busy

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class SignIn:
    """Open a session; `presented`, the live cookie that came with the request, ends.

    Raises WrongEmailOrPassword, Throttled, Busy; and only after a right password AccountDisabled and EmailNotVerified.
    """

    db: Database
    passwords: Passwords
    sessions: Sessions
    attempts: Attempts
    verification: Verification
    requires_verified_email: bool

    async def __call__(self, email: str, password: str, presented: str | None, client: Client) -> OpenedSession:
        address = normalized_or_as_typed(email)
        attempt = await self.attempts.reserve(address, client)  # stands even if the client hangs up now
        async with self.db.read() as tx:
            account = await store.accounts.by_address(tx, address)
        # No connection is held while hashing, and an unknown address takes as long (ASVS 6.3.8).
        try:
            verdict = await self.passwords.verify(password, account.password_hash if account else None)
        except Busy:
            await self.attempts.give_back(attempt)  # nothing was guessed; kept, an overload would shut owners out
            raise
        if account is None or not verdict.matches:
            _log.info("sign_in_failed", client=client.ip, account=str(account.id) if account else None)
            raise WrongEmailOrPassword
        await self.attempts.give_back(attempt)
        if account.disabled_at is not None:
            raise AccountDisabled
        if self.requires_verified_email and account.email_verified_at is None:
            await self._mail_code(account)
            raise EmailNotVerified
        return await self._open(account, verdict.upgraded or account.password_hash, presented, client)

    async def _open(self, account: Account, password_hash: str, presented: str | None, client: Client) -> OpenedSession:
        async with self.db.write() as tx:
            if not await store.accounts.swap_hash(tx, account, password_hash):
                raise WrongEmailOrPassword  # the password changed, or the account was disabled, while we were hashing
            await self.sessions.end_presented(tx, presented, client)
            opened = await self.sessions.open(tx, account.id, client)
        _log.info("signed_in", client=client.ip, account=str(account.id))
        return opened

    async def _mail_code(self, account: Account) -> None:
        async with self.db.write() as tx:
            await self.verification.issue(tx, account, self.sessions.clock.now())
