"""What is dead goes, to the second; what lives stays; nothing grows. On a service without its workers, so that each
step is the test's own."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from connectrpc.code import Code
from sqlalchemy import event
from structlog.testing import capture_logs

from app import main
from app.accounts.models import SecurityEventRow
from app.core.db import Database, Tx
from app.housekeeping import BATCH, Housekeeping
from app.main import create_app
from app.tokens import store as tokens
from app.tokens.token import Token
from tests.accounts.calls import ADA, mailed, refresh, verify_address
from tests.support import tables
from tests.support.clock import FakeClock
from tests.support.databases import Original
from tests.support.refusals import refused
from tests.support.service import Gatepost, settings_for, started
from tests.tokens.calls import create, exchanged, expire, id_of, regenerate, update, value_of, works

KINDS = {
    "sessions": "sessions",
    "codes": "verifications",
    "delivered_mails": "mail_outbox",
    "undeliverable_mails": "mail_outbox",
    "tokens": "tokens",
    "security_events": "security_events",
}
EVENT_DAYS = 60


@pytest.fixture
async def still(tmp_path: Path, migrated: Original) -> AsyncIterator[Gatepost]:
    changes = {"security_event_days": EVENT_DAYS, "sign_up_privacy": "hide"}
    settings = settings_for(tmp_path, database_url=migrated.url_in(tmp_path), **changes)
    clock = FakeClock()
    service = Gatepost(create_app(settings, clock=clock), clock, settings)
    yield service
    service.parts.passwords.close()
    await service.parts.db.close()


@pytest.mark.parametrize(
    ("kind", "life"),
    [
        ("sessions", timedelta(days=7)),
        ("codes", timedelta(minutes=10)),
        ("delivered_mails", timedelta(days=7)),
        ("undeliverable_mails", timedelta(minutes=10)),
        ("tokens", timedelta(days=90 + 90)),
        ("security_events", timedelta(days=EVENT_DAYS)),
    ],
)
async def test_each_kind_goes_when_its_time_is_over_and_not_before(still: Gatepost, kind: str, life: timedelta) -> None:
    ada = await still.session(ADA)
    if kind == "tokens":
        await create(ada.tokens)
    if kind in ("delivered_mails", "tokens"):
        await still.mails()  # or those of this test would be undeliverable ones
    before = await rows(still, KINDS[kind])
    assert before > 0
    still.clock.advance(life.total_seconds())
    assert (await purge(still))[kind] == 0
    assert await rows(still, KINDS[kind]) == before
    still.clock.advance(1)
    assert (await purge(still))[kind] == before
    assert await rows(still, KINDS[kind]) == 0
    assert await rows(still, "accounts") == 1


async def test_a_session_that_is_refreshed_stays_as_long_as_it_lives(still: Gatepost) -> None:
    used, left = await still.session(ADA), await still.session(ADA)
    for _ in range(4):
        still.clock.advance(days=6)
        await refresh(used)
        await purge(still)
        assert await works(used)
    assert not await works(left)
    assert await rows(still, "sessions") == 1
    still.clock.advance(days=6, seconds=1)  # its absolute end
    await purge(still)
    assert await rows(still, "sessions") == 0


async def test_a_token_goes_90_days_after_it_was_expired_by_force_with_what_came_from_it(still: Gatepost) -> None:
    ada = await still.session(ADA)
    forced, moved, live = [await create(ada.tokens, name) for name in ("forced", "moved", "live")]
    await expire(ada.tokens, id_of(forced))
    await expire(ada.tokens, id_of(moved))
    still.clock.advance(days=90)
    await purge(still)
    ada = await still.session(ADA)
    await update(ada.tokens, id_of(moved), expires_at=still.clock.now() + timedelta(days=300))
    value = await regenerate(ada.tokens, id_of(moved))
    still.clock.advance(1)
    browser = await exchanged(still, value)
    await purge(still)
    names = [name for (name,) in await still.fetch("SELECT name FROM tokens ORDER BY name")]
    assert names == ["live", "moved"]
    assert await works(browser)
    still.clock.advance(days=90, seconds=1)  # `live` ended by time the same day as `forced`, 90 days after its start
    await purge(still)
    assert [name for (name,) in await still.fetch("SELECT name FROM tokens")] == ["moved"]
    assert value_of(live) not in str(await still.fetch("SELECT * FROM tokens"))


async def test_deleting_a_token_deletes_its_sessions(still: Gatepost) -> None:
    """They are dead long before; but one that was left must not hold the token."""
    ada = await still.session(ADA)
    await exchanged(still, value_of(await create(ada.tokens)))
    async with still.parts.db.write() as tx:
        assert await tokens.purge(tx, still.clock.now() + timedelta(days=91), 1) == 1
    assert await still.fetch("SELECT token_id FROM sessions") == [(None,)]


async def test_no_update_of_a_token_is_acknowledged_that_a_purge_overtook(
    still: Gatepost, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a server of many writers a purge can come between reading a token and changing it: it holds no account."""
    find = tokens.find

    async def overtaken(tx: Tx, account_id: UUID, token_id: UUID) -> Token | None:
        token = await find(tx, account_id, token_id)
        await tokens.purge(tx, still.clock.now() + timedelta(days=91), 1)
        return token

    ada = await still.session(ADA)
    token = id_of(await create(ada.tokens))
    monkeypatch.setattr(tokens, "find", overtaken)
    with refused(Code.NOT_FOUND, "NOT_FOUND"):
        await update(ada.tokens, token, name="another")


async def test_a_mail_that_holds_back_others_does_so_across_purges(still: Gatepost) -> None:
    """One mail an hour at most says that somebody tried to sign up (semantics.md, "SignUp")."""
    await still.browser().sign_up(ADA)
    await verify_address(still)
    for minutes, told in ((0, 1), (59, 1), (2, 2)):
        still.clock.advance(minutes=minutes)
        await still.mails()
        await purge(still)
        await still.browser().sign_up(ADA)
        assert await mailed(still, "sign_up_attempt") == told


async def test_everything_goes_in_batches_with_nothing_held_between_them(still: Gatepost) -> None:
    await seed_events(still, 2 * BATCH + 7)
    deleted: list[int] = []
    told: list[tuple[str, int]] = []

    @event.listens_for(still.parts.db._writers.sync_engine, "after_cursor_execute")
    def count(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        if "security_events" in statement:
            deleted.append(cursor.rowcount)

    def progress(kind: str, removed: int) -> None:
        told.append((kind, removed))
        assert still.parts.db._writers.pool.checkedout() == 0  # type: ignore[attr-defined]  # somebody else's turn

    removed = await Housekeeping(still.parts.db, still.clock, timedelta(EVENT_DAYS), pause=0).purge(progress)
    assert removed["security_events"] == 2 * BATCH + 7
    assert deleted == [BATCH, BATCH, 7]
    assert told == [("security_events", BATCH), ("security_events", 2 * BATCH)]
    assert set((await purge(still)).values()) == {0}


async def test_two_processes_at_once_do_no_harm(still: Gatepost) -> None:
    await seed_events(still, 3 * BATCH)
    other = Database(still.settings.database_url)
    both = [Housekeeping(db, still.clock, timedelta(EVENT_DAYS), pause=0) for db in (still.parts.db, other)]
    one, another = await asyncio.gather(*(each.purge() for each in both))
    await other.close()
    assert one["security_events"] + another["security_events"] == 3 * BATCH
    assert await rows(still, "security_events") == 0


async def test_a_long_life_leaves_tables_of_the_same_size(still: Gatepost) -> None:
    sizes = []
    for day in range(0, 400, 10):
        ada = await still.session(ADA)
        await create(ada.tokens, f"of day {day}", expires_at=still.clock.now() + timedelta(days=30))
        await still.mails()
        await purge(still)
        sizes.append([await rows(still, table) for table in ("accounts", *sorted(set(KINDS.values())))])
        still.clock.advance(days=10)
    settled = sizes[20:]  # tokens take longest: 30 days of life and 90 of death
    assert settled == [settled[0]] * 20
    assert max(settled[0]) < 40


@pytest.mark.only("sqlite")
async def test_each_deletion_finds_its_rows_by_an_index(still: Gatepost) -> None:
    deletions: list[tuple[str, Any]] = []

    @event.listens_for(still.parts.db._writers.sync_engine, "before_cursor_execute")
    def note(connection: Any, cursor: Any, statement: str, values: Any, *_: Any) -> None:
        deletions.append((statement, values))

    await purge(still)
    assert len(deletions) == len(KINDS)
    for statement, values in deletions:
        plan = [line for _, _, _, line in await still.fetch(f"EXPLAIN QUERY PLAN {statement}", *values)]
        looked_up = [line for line in plan if line.startswith(("SCAN", "SEARCH"))]
        assert looked_up
        assert all(line.startswith("SEARCH") and "INDEX" in line for line in looked_up), plan
        assert not any("TEMP B-TREE" in line for line in plan), plan


async def test_the_service_does_it_by_itself_and_says_so(
    still: Gatepost, migrated: Original, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    swept, sweep = asyncio.Event(), Housekeeping.sweep

    async def noted(housekeeping: Housekeeping) -> None:
        await sweep(housekeeping)
        swept.set()

    monkeypatch.setattr(Housekeeping, "sweep", noted)
    monkeypatch.setattr(main, "SWEEP_FIRST_AFTER", 0)
    await seed_events(still, 3)
    still.clock.advance(days=400)
    with capture_logs() as logs:
        async with started(tmp_path, migrated, clock=still.clock) as service:
            await swept.wait()
            assert await rows(service, "security_events") == 0
    assert [line["security_events"] for line in logs if line["event"] == "purged"] == [3]


async def purge(service: Gatepost) -> dict[str, int]:
    return await service.parts.housekeeping.purge()


async def rows(service: Gatepost, table: str) -> int:
    [(count,)] = await service.fetch(f"SELECT count(*) FROM {table}")  # noqa: S608
    return int(count)


async def seed_events(service: Gatepost, count: int) -> None:
    """Events of nobody, a second too old to stay after EVENT_DAYS."""
    at = service.clock.now() - timedelta(days=EVENT_DAYS, seconds=1)
    event = {"occurred_at": at, "kind": "signed_in", "ip_address": "", "user_agent": ""}
    rows = [{**event, "id": uuid4(), "account_id": uuid4()} for _ in range(count)]
    await tables.add(service, SecurityEventRow, rows)
