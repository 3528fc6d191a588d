"""The session: an opaque `id.secret`, signed, of which only a digest of the secret is stored.

The secret rotates inside the session. The one before stays good until the new one was seen, and 30 seconds more, so
that a lost answer and ten tabs are harmless. A value that we signed for a session and that is neither is an older one:
somebody kept a copy, so the session ends (RFC 9700 4.14.2 reasons alike about refresh tokens).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from uuid import UUID

import structlog

from app.accounts import events, store
from app.accounts.models import Session
from app.core import secrets
from app.core.activity import Activity
from app.core.caller import Caller, Client
from app.core.clock import Clock
from app.core.db import Database, Tx
from app.core.errors import BadCredential
from app.core.secrets import Signatures
from app.core.verified import Verified
from app.mail.outbox import Mail, Outbox

GRACE = timedelta(seconds=30)
"""How long the previous secret stays good once the current one was seen."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class OpenedSession:
    """What the cookie gets: the value, and for how many seconds."""

    value: str
    max_age: int


@dataclass(frozen=True, slots=True)
class Lifetimes:
    idle: timedelta
    absolute: timedelta
    min_refresh: timedelta
    quota: int
    """Interactive sessions an account may have at a time."""


class Secret(Enum):
    """What a presented secret is to its session."""

    CURRENT = auto()
    PREVIOUS = auto()
    """The one before, still good."""
    SPENT = auto()
    """The one before, past its grace."""
    OLDER = auto()
    """A theft signal."""


@dataclass(frozen=True, slots=True)
class Presented:
    """A cookie value whose signature is ours."""

    session_id: UUID
    digest: bytes

    def secret_of(self, session: Session, now: datetime) -> Secret:
        if secrets.same(self.digest, session.secret_digest):
            return Secret.CURRENT
        if session.previous_digest is None or not secrets.same(self.digest, session.previous_digest):
            return Secret.OLDER
        seen = session.current_seen_at
        return Secret.PREVIOUS if seen is None or now <= seen + GRACE else Secret.SPENT


@dataclass(frozen=True, slots=True)
class Sessions:
    """Opens sessions, and tells who is behind a cookie."""

    db: Database
    clock: Clock
    signatures: Signatures
    lifetimes: Lifetimes
    activity: Activity
    outbox: Outbox
    verified: Verified[tuple[Presented, Session]]

    def read(self, value: str) -> Presented | None:
        """The parts of a cookie value; None unless we signed exactly this spelling."""
        unsigned = self.signatures.unsign(value)
        if unsigned is None:
            return None
        session_id, _, secret = unsigned.partition(".")
        return Presented(UUID(session_id), secrets.digest(secret))

    def write(self, session_id: UUID, secret: str) -> str:
        return self.signatures.sign(f"{session_id.hex}.{secret}")

    async def find(self, presented: Presented) -> Session | None:
        """The hot path's one read of the database."""
        row = await self.db.point(store.sessions.BY_ID, id=presented.session_id)
        return None if row is None else Session(*row)

    async def authenticate(self, value: str, client: Client) -> Caller:
        """The caller behind a cookie value; raises BadCredential for everything wrong alike.

        For a session made from a token the caller's scopes and end are the token's to say, which the guard's next step
        adds.
        """
        page, key = self.verified.page(), secrets.digest(value)
        presented, session = page.get(key) or await self._found(value)
        now = self.clock.now()
        if presented is None or session is None or now >= session.idle_ends_at:
            raise BadCredential
        secret = presented.secret_of(session, now)
        if secret is Secret.OLDER:
            await self.end_stolen(session, client, now)
        if secret in (Secret.OLDER, Secret.SPENT):
            raise BadCredential
        if secret is Secret.CURRENT and session.previous_digest is not None and session.current_seen_at is None:
            async with self.db.write() as tx:
                await store.sessions.mark_current_seen(tx, session.id, session.secret_digest, now)
        page[key] = presented, session
        self.activity.note(session.id, session.last_seen_at, now)
        return Caller(
            account_id=session.account_id,
            client=client,
            session_id=session.id,
            token_id=session.token_id,
            signed_in_at=session.created_at if session.token_id is None else None,
            expires_at=session.idle_ends_at,
        )

    async def _found(self, value: str) -> tuple[Presented | None, Session | None]:
        presented = self.read(value)
        return presented, await self.find(presented) if presented else None

    async def open(self, tx: Tx, account_id: UUID, client: Client) -> OpenedSession:
        """A new interactive session; the oldest beyond the quota end."""
        now, lives = self.clock.now(), self.lifetimes
        return await self.add(tx, account_id, None, client, now, ends_at=now + lives.absolute, quota=lives.quota)

    async def add(
        self,
        tx: Tx,
        account_id: UUID,
        token_id: UUID | None,
        client: Client,
        now: datetime,
        *,
        ends_at: datetime,
        quota: int,
    ) -> OpenedSession:
        await store.sessions.make_room(tx, account_id, token_id, quota, now)
        session_id, secret = secrets.new_id(now), secrets.new_secret()
        idle_ends_at = min(now + self.lifetimes.idle, ends_at)
        await store.sessions.add(
            tx,
            id=session_id,
            account_id=account_id,
            token_id=token_id,
            secret_digest=secrets.digest(secret),
            rotated_at=now,
            created_at=now,
            last_seen_at=now,
            idle_ends_at=idle_ends_at,
            ends_at=ends_at,
            ip_address=client.ip,
            user_agent=client.user_agent,
        )
        kind = "signed_in" if token_id is None else "token_authorized"
        await events.record(tx, account_id, kind, client, now, session_id=session_id, token_id=token_id)
        return self.opened(session_id, secret, idle_ends_at, now)

    def opened(self, session_id: UUID, secret: str, idle_ends_at: datetime, now: datetime) -> OpenedSession:
        return OpenedSession(self.write(session_id, secret), seconds_until(idle_ends_at, now))

    async def end_presented(self, tx: Tx, value: str | None, client: Client) -> None:
        """End the session whose live cookie came with a sign-in: a browser has one session at a time (ASVS 7.2.4)."""
        now = self.clock.now()
        presented = self.read(value) if value else None
        session = await store.sessions.by_id(tx, presented.session_id) if presented else None
        if presented is None or session is None:
            return
        secret = presented.secret_of(session, now)
        if secret is Secret.OLDER:
            await self._end_stolen(tx, session, client, now)
        elif secret is not Secret.SPENT:
            await store.sessions.end(tx, session.id)

    async def end_stolen(self, session: Session, client: Client, now: datetime) -> None:
        """End the session and tell its owner; of two copies used at once only the first is told about."""
        async with self.db.write() as tx:
            await self._end_stolen(tx, session, client, now)

    async def _end_stolen(self, tx: Tx, session: Session, client: Client, now: datetime) -> None:
        _log.warning("session_reused", account=str(session.account_id), session=str(session.id), client=client.ip)
        if not await store.sessions.end(tx, session.id):
            return
        await events.record(
            tx, session.account_id, "session_reused", client, now, session_id=session.id, token_id=session.token_id
        )
        account = await store.accounts.by_id(tx, session.account_id)
        if account is not None:
            mail = Mail("session_reused", account.address, {"ip": client.ip}, account_id=account.id)
            await self.outbox.queue(tx, mail)


def seconds_until(end: datetime, now: datetime) -> int:
    return max(0, int((end - now).total_seconds()))
