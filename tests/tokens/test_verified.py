"""Credentials that were found good a moment ago: who calls again costs no read, and is judged anew all the same."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from connectrpc.code import Code

from app import domains
from app.accounts.sessions import GRACE, Sessions
from app.core.caller import Caller, Client
from app.core.db import Database
from app.core.errors import BadCredential
from app.core.points import PointRead
from app.core.secrets import Signatures
from app.core.verified import LIFE, Verified
from app.mail.outbox import Outbox
from app.tokens.verify import TokenCredentials
from tests.accounts.calls import ADA, authorize, refresh, tab
from tests.support.refusals import refused
from tests.support.service import Browser, Gatepost
from tests.tokens.calls import create, expire, id_of, page, regenerate, update, value_of, works

NOBODY = Client(ip="", user_agent="")
WEEK = timedelta(days=7)
MOMENT = 0.25
"""Seconds; several fit into the life of a page."""

Check = Callable[[], Awaitable[Any]]


async def test_a_second_call_reads_nothing(stage: "Stage") -> None:
    for check in (stage.session, stage.token, stage.scopes):
        await check()
        before = stage.db.reads
        for _ in range(3):
            await check()
        assert stage.db.reads == before
        stage.gatepost.clock.advance(LIFE)
        await check()
        assert stage.db.reads == before + 1


async def test_it_is_the_same_caller(stage: "Stage") -> None:
    first, again = await stage.session(), await stage.session()
    assert first == again
    assert first.session_id is not None
    first, again = await stage.token(), await stage.token()
    assert first == again
    assert first.token_id is not None
    assert await stage.scopes() == await stage.scopes()


async def test_the_caller_of_each_call_is_its_own(stage: "Stage") -> None:
    """Of one credential, used from two places."""
    await stage.session()
    elsewhere = Client(ip="192.0.2.1", user_agent="another")
    assert (await stage.sessions.authenticate(stage.cookie, elsewhere)).client == elsewhere
    await stage.token()
    assert (await stage.credentials.authenticate(stage.value, elsewhere)).client == elsewhere


async def test_the_idle_end_is_judged_in_each_call(stage: "Stage") -> None:
    stage.gatepost.clock.advance(WEEK.total_seconds() - MOMENT)
    await stage.session()
    stage.gatepost.clock.advance(MOMENT)
    await stage.refused(stage.session)


async def test_the_end_of_a_token_is_judged_in_each_call(stage: "Stage") -> None:
    expires_at = stage.gatepost.clock.now() + timedelta(days=1)
    await update(stage.ada.tokens, stage.token_id, expires_at=expires_at)
    stage.gatepost.clock.advance(days=1, seconds=-MOMENT)
    await stage.token()
    assert await stage.scopes() is not None
    stage.gatepost.clock.advance(MOMENT)
    await stage.refused(stage.token)
    assert await stage.scopes() is None


async def test_the_grace_of_the_previous_secret_is_judged_in_each_call(stage: "Stage") -> None:
    stage.gatepost.clock.advance(300)
    await refresh(stage.ada)
    assert await works(stage.ada)  # the new one is seen
    stage.gatepost.clock.advance(GRACE.total_seconds() - MOMENT)
    await stage.session()
    stage.gatepost.clock.advance(MOMENT)
    await stage.session()
    stage.gatepost.clock.advance(MOMENT)
    reads = stage.db.reads
    await stage.refused(stage.session)
    assert stage.db.reads == reads


async def test_a_new_secret_is_marked_as_seen_although_its_row_was_just_read(stage: "Stage") -> None:
    stage.gatepost.clock.advance(300)
    await refresh(stage.ada)
    for _ in range(3):
        await stage.sessions.authenticate(str(stage.ada.session), NOBODY)
    [[seen]] = await stage.gatepost.fetch("SELECT current_seen_at FROM sessions WHERE token_id IS NULL")
    assert seen is not None


async def test_nothing_refused_is_remembered(stage: "Stage") -> None:
    other = await create(stage.ada.tokens, "other")
    await expire(stage.ada.tokens, id_of(other))
    spent = str(stage.ada.session)
    for _ in range(2):  # afterwards it is an older secret
        stage.gatepost.clock.advance(300)
        await refresh(stage.ada)
    before = stage.db.reads
    for check in (
        lambda: stage.credentials.authenticate(value_of(other), NOBODY),
        lambda: stage.credentials.authenticate("gp_nonsense", NOBODY),
        lambda: stage.sessions.authenticate(spent, NOBODY),
        lambda: stage.sessions.authenticate("nonsense", NOBODY),
    ):
        await stage.refused(check)
        assert stage.pages == [{}, {}, {}]
    assert await stage.credentials.scopes_of(UUID(int=1)) is None
    assert await stage.credentials.scopes_of(UUID(id_of(other))) is None
    assert stage.db.reads == before + 4
    assert stage.pages == [{}, {}, {}]


@pytest.mark.parametrize("kill", [expire, regenerate])
async def test_what_ends_ends_at_once(stage: "Stage", kill: Callable[..., Awaitable[Any]]) -> None:
    await stage.token()
    await stage.scopes()
    holder = stage.gatepost.bearer(stage.value)
    await authorize(holder)
    made_from_it = tab(stage.gatepost, holder.session)
    assert (await works(holder), await works(made_from_it)) == (True, True)
    await kill(stage.ada.tokens, stage.token_id)
    assert (await works(holder), await works(made_from_it)) == (False, False)
    stage.gatepost.clock.advance(LIFE)  # the stage is to the service as another process
    await stage.refused(stage.token)


async def test_scopes_change_at_once(stage: "Stage") -> None:
    await stage.token()
    await stage.scopes()
    holder = stage.gatepost.bearer(stage.value)
    await authorize(holder)
    made_from_it = tab(stage.gatepost, holder.session)
    for reader in (holder, made_from_it):
        await page(reader.tokens)
    await update(stage.ada.tokens, stage.token_id, scopes=["builds:start"])
    for reader in (holder, made_from_it):
        with refused(Code.PERMISSION_DENIED, "SCOPE_MISSING"):
            await page(reader.tokens)
    stage.gatepost.clock.advance(LIFE)
    assert (await stage.token()).scopes == {"builds:start"}
    told = await stage.scopes()
    assert told is not None
    assert told[0] == {"builds:start"}


class Counting(Database):
    """Counts its point reads."""

    reads = 0

    async def point(self, read: PointRead, **values: Any) -> tuple[Any, ...] | None:
        self.reads += 1
        return await super().point(read, **values)


class Stage:
    """A session and a token, and both checks apart from the guard, on connections of their own."""

    def __init__(self, gatepost: Gatepost, ada: Browser, token_id: str, value: str) -> None:
        self.gatepost, self.ada, self.token_id, self.value = gatepost, ada, token_id, value
        self.cookie = str(ada.session)
        parts, settings = gatepost.parts, gatepost.settings
        self.db = db = Counting(settings.database_url)
        self.credentials = TokenCredentials(
            db,
            parts.clock,
            parts.activities[1],
            settings.token_prefix,
            Verified(db, parts.clock),
            Verified(db, parts.clock),
        )
        self.sessions = Sessions(
            db,
            parts.clock,
            Signatures(settings.keys, "session"),
            domains.lifetimes(settings),
            parts.activities[0],
            Outbox(parts.clock),
            Verified(db, parts.clock),
        )

    @property
    def pages(self) -> list[Any]:
        return [each.page() for each in (self.sessions.verified, self.credentials.by_value, self.credentials.by_id)]

    async def session(self) -> Caller:
        return await self.sessions.authenticate(self.cookie, NOBODY)

    async def token(self) -> Caller:
        return await self.credentials.authenticate(self.value, NOBODY)

    async def scopes(self) -> Any:
        return await self.credentials.scopes_of(UUID(self.token_id))

    async def refused(self, check: Check) -> None:
        with pytest.raises(BadCredential):
            await check()


@pytest.fixture
async def stage(gatepost: Gatepost) -> AsyncIterator[Stage]:
    ada = await gatepost.session(ADA)
    created = await create(ada.tokens, scopes=["tokens:read"])
    stage = Stage(gatepost, ada, id_of(created), value_of(created))
    yield stage
    await stage.db.close()
