"""TokenAuthorization: exchange a Bearer token for a session cookie that lives no longer than the token."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from app.accounts import store
from app.accounts.sessions import OpenedSession, Secret, Sessions, seconds_until
from app.core.caller import Caller
from app.core.db import Tx
from app.core.errors import BadCredential

LIFE = timedelta(hours=1)
"""The longest that a session made from a token lives."""
QUOTA = 10
"""Sessions a token may have at a time; the oldest end."""

HoldToken = Callable[[Tx, Caller, datetime], Awaitable[datetime]]
"""Holds the caller's token until the transaction ends, and tells its end; raises BadCredential if what was presented is
good no more. Tokens belong to a domain that builds on this one, so `main` passes the function in."""


@dataclass(frozen=True, slots=True)
class AuthorizeByToken:
    sessions: Sessions
    hold_token: HoldToken

    async def __call__(self, caller: Caller, cookie: str | None) -> OpenedSession:
        async with self.sessions.db.write() as tx:
            now = self.sessions.clock.now()  # not earlier: the token may end while we wait for our turn
            # Held, so that an expiry at the same time waits and then ends the session too.
            token_ends_at = await self.hold_token(tx, caller, now)
            if caller.token_id is None:
                raise BadCredential
            # The token's end is not stored: it may move, and the guard looks at it in each call.
            opened = await self._live_session(tx, caller.token_id, cookie, now) or await self.sessions.add(
                tx, caller.account_id, caller.token_id, caller.client, now, ends_at=now + LIFE, quota=QUOTA
            )
        return replace(opened, max_age=min(opened.max_age, seconds_until(token_ends_at, now)))

    async def _live_session(self, tx: Tx, token_id: UUID, cookie: str | None, now: datetime) -> OpenedSession | None:
        """The presented cookie again, if it is a live session of this very token; any other is ignored."""
        presented = self.sessions.read(cookie) if cookie else None
        session = await store.sessions.by_id(tx, presented.session_id) if presented else None
        if cookie is None or presented is None or session is None or session.token_id != token_id:
            return None
        good = presented.secret_of(session, now) in (Secret.CURRENT, Secret.PREVIOUS)
        if not good or now >= session.idle_ends_at:
            return None
        return OpenedSession(cookie, seconds_until(session.idle_ends_at, now))
