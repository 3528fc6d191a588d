"""The worker that goes on for as long as the service does, and no longer."""

import asyncio
from contextlib import suppress
from typing import Any

import pytest
from structlog.testing import capture_logs

from app.core.config import Settings
from app.core.db import Database
from app.mail.delivery import Delivery
from app.mail.letter import Letter, ServerAway
from app.mail.render import Renderer
from tests.mail.conftest import CODE, Held, cancel, queue, stored, verify_email
from tests.support.clock import FakeClock


async def test_the_worker_outlives_errors_and_stops_when_cancelled(
    db: Database, clock: FakeClock, settings: Settings
) -> None:
    sender = Held()
    await rename(db, "mail_outbox", "away")
    with capture_logs() as logs:
        worker = asyncio.create_task(Delivery(db, clock, sender, Renderer(settings), pause=0).run())
        await appended(logs)
        await rename(db, "away", "mail_outbox")
        await queue(db, clock, verify_email())
        await sender.holding.wait()
        await cancel(worker)

    assert logs[0] == {"event": "mail_delivery_failed", "error": "Unavailable", "log_level": "error"}
    assert CODE not in str(logs)


@pytest.mark.parametrize("mails", [1, 2])
async def test_a_cancellation_that_gets_lost_in_the_sender_still_ends_the_worker(
    db: Database, clock: FakeClock, settings: Settings, mails: int
) -> None:
    """As in asyncio.wait_for of Python 3.11."""
    sender = Deaf()
    await queue(db, clock, *(verify_email(f"{number}@example.com") for number in range(mails)))
    worker = asyncio.create_task(Delivery(db, clock, sender, Renderer(settings)).run())
    await sender.holding.wait()
    await cancel(worker)
    assert [row.delivered_at is not None for row in await stored(db)].count(True) == 1


async def test_a_server_that_stays_away_is_asked_more_and_more_rarely(
    db: Database, clock: FakeClock, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    sender = Held(ServerAway("gone"))
    sender.go_on.set()

    async def no_time_passes(seconds: float) -> None:
        pauses.append(seconds)
        clock.advance(seconds)
        if len(pauses) == 7:
            sender.error = None
        if len(pauses) == 9:
            raise asyncio.CancelledError

    monkeypatch.setattr("app.mail.delivery.asyncio.sleep", no_time_passes)
    await queue(db, clock, *(verify_email(f"{number}@example.com") for number in range(20)))
    with suppress(asyncio.CancelledError), capture_logs() as logs:
        await Delivery(db, clock, sender, Renderer(settings)).run()

    assert pauses == [4, 8, 16, 32, 60, 60, 60, 1, 1]
    assert {line["why"] for line in logs if line["event"] == "mail_not_sent"} == {"gone"}


async def rename(db: Database, table: str, name: str) -> None:
    async with db.write() as tx:
        await tx.exec_driver_sql(f"ALTER TABLE {table} RENAME TO {name}")


class Deaf(Held):
    async def _send(self, letter: Letter) -> None:
        with suppress(asyncio.CancelledError):
            await super()._send(letter)


async def appended(logs: list[Any]) -> None:
    while not logs:  # noqa: ASYNC110 - structlog's list sets no event
        await asyncio.sleep(0)
