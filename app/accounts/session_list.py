"""ListSessions and RevokeSession: what an owner sees of the account's sessions, and how to end one (ASVS 7.5.2)."""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.accounts import events, owner, store
from app.accounts.models import ListedSession
from app.core.caller import Caller
from app.core.clock import Clock
from app.core.db import Database, Tx
from app.core.errors import NotFound
from app.core.listing import Position, pages

LiveTokens = Callable[[Tx, Collection[UUID], datetime], Awaitable[Mapping[UUID, datetime]]]
"""The ends of those tokens that are good. Tokens belong to a domain that builds on this one, so `domains` passes the
function in."""


@dataclass(frozen=True, slots=True)
class LiveSession:
    session: ListedSession
    expires_at: datetime
    """Unless it is refreshed; that of its token, if that comes first."""
    current: bool


@dataclass(frozen=True, slots=True)
class ListSessions:
    """Live sessions, newest first. One that was made from a token lives only while that is good."""

    db: Database
    clock: Clock
    live_tokens: LiveTokens

    async def __call__(self, caller: Caller) -> AsyncIterator[LiveSession]:
        async def read(tx: Tx, after: Position | None, limit: int) -> list[ListedSession]:
            return await store.sessions.newest(tx, caller.account_id, self.clock.now(), after, limit)

        async for page in pages(self.db, read, _place):
            ends = await self._ends(page)
            for session in page:
                if session.id in ends:
                    yield LiveSession(session, ends[session.id], current=session.id == caller.session_id)

    async def _ends(self, page: list[ListedSession]) -> Mapping[UUID, datetime]:
        """When those end that live."""
        made_from = {each.token_id for each in page if each.token_id is not None}
        tokens: Mapping[UUID, datetime] = {}
        if made_from:
            async with self.db.read() as tx:
                tokens = await self.live_tokens(tx, made_from, self.clock.now())
        return {
            each.id: min(each.idle_ends_at, tokens[each.token_id]) if each.token_id else each.idle_ends_at
            for each in page
            if each.token_id is None or each.token_id in tokens
        }


def _place(session: ListedSession) -> Position:
    return session.created_at, session.id


@dataclass(frozen=True, slots=True)
class RevokeSession:
    """End a session of the caller's account, its own too, at once and for good."""

    db: Database
    clock: Clock
    live_tokens: LiveTokens

    async def __call__(self, caller: Caller, session_id: UUID) -> None:
        """Raises BadCredential; NotFound alike for another account's session, a dead one and none (ASVS 8.2.2)."""
        async with self.db.write() as tx:
            await owner.hold(tx, caller)
            now = self.clock.now()
            session = await store.sessions.by_id(tx, session_id)
            if session is None or session.account_id != caller.account_id or now >= session.idle_ends_at:
                raise NotFound
            if session.token_id and not await self.live_tokens(tx, {session.token_id}, now):
                raise NotFound
            await store.sessions.end(tx, session.id)
            await events.record(
                tx,
                caller.account_id,
                "session_revoked",
                caller.client,
                now,
                session_id=session.id,
                token_id=session.token_id,
            )
