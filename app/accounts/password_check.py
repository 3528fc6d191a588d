"""Whether a typed password is the account's: the one way to it for all that want to know, so that none is uncounted."""

from dataclasses import dataclass
from uuid import UUID

from app.accounts.attempts import Attempts
from app.accounts.failures import Failures
from app.accounts.models import Account
from app.accounts.passwords import Passwords, Verdict
from app.core.caller import Client
from app.core.errors import Busy
from app.limits import Ticket

_WRONG = Verdict(matches=False)


@dataclass(frozen=True, slots=True)
class PasswordCheck:
    passwords: Passwords
    attempts: Attempts
    failures: Failures

    async def reserve(self, address: str, client: Client) -> tuple[Ticket, ...]:
        """Count an attempt, before anything is looked at. Raises Throttled."""
        return await self.attempts.reserve(address, client)

    async def __call__(
        self,
        account: Account | None,
        password: str,
        attempt: tuple[Ticket, ...],
        client: Client,
        session_id: UUID | None = None,
    ) -> Verdict:
        """The verdict on a reserved attempt, which is given back if the password is right. Raises Busy.

        An unknown address, a wrong password and a disabled one cost the same. No connection is held while hashing.
        """
        stored = None if account is None or account.password_disabled else account.password_hash
        try:
            verdict = await self.passwords.verify(password, stored)
        except Busy:
            await self.attempts.give_back(attempt)  # nothing was guessed; kept, an overload would shut owners out
            raise
        if stored is None or not verdict.matches:
            await self.failures.count(account, client, session_id)
            return _WRONG
        await self.attempts.was_right(attempt)
        return verdict
