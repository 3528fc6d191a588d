"""RefreshSession: slide the idle end, and rotate the secret when it is old enough."""

from dataclasses import dataclass
from datetime import datetime

from app.accounts import events, store
from app.accounts.models import Session
from app.accounts.sessions import OpenedSession, Secret, Sessions, seconds_until
from app.core import secrets
from app.core.caller import Caller
from app.core.errors import BadCredential


@dataclass(frozen=True, slots=True)
class RefreshSession:
    """Prolong the presented session; the answer's cookie, or None where a newer one may already be on its way.

    The row is held while one refresh decides, so ten tabs that refresh at once cost one rotation: the first rotates,
    the others find that their secret is now the previous one and succeed without a cookie.
    """

    sessions: Sessions

    async def __call__(self, caller: Caller, value: str) -> OpenedSession | None:
        presented = self.sessions.read(value)
        if presented is None:
            raise BadCredential
        async with self.sessions.db.write() as tx:
            session = await store.sessions.by_id(tx, presented.session_id)
            now = self.sessions.clock.now()
            if session is None or now >= session.idle_ends_at:
                raise BadCredential
            secret = presented.secret_of(session, now)
            if secret in (Secret.OLDER, Secret.SPENT):
                raise BadCredential  # rotated twice since the guard looked; the tab has the newer cookie by now
            idle_ends_at = min(now + self.sessions.lifetimes.idle, session.ends_at)
            slid = {"idle_ends_at": idle_ends_at, "last_seen_at": now}
            if not self._rotates(session, secret, now):
                await store.sessions.change(tx, session.id, **slid)
                if secret is Secret.PREVIOUS:
                    return None
                return OpenedSession(value, seconds_until(idle_ends_at, now))
            fresh = secrets.new_secret()
            await store.sessions.change(
                tx,
                session.id,
                secret_digest=secrets.digest(fresh),
                previous_digest=presented.digest,
                rotated_at=now,
                current_seen_at=None,
                **slid,
            )
            await events.record(
                tx,
                session.account_id,
                "session_refreshed",
                caller.client,
                now,
                session_id=session.id,
                token_id=session.token_id,
            )
            return self.sessions.opened(session.id, fresh, idle_ends_at, now)

    def _rotates(self, session: Session, secret: Secret, now: datetime) -> bool:
        """Not within the minimum interval. A previous secret rotates again only if its successor was never seen:
        then that answer was lost, and the successor is dropped."""
        if now - session.rotated_at < self.sessions.lifetimes.min_refresh:
            return False
        return secret is Secret.CURRENT or session.current_seen_at is None
