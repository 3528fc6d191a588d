"""The outbox and its worker, on a real database, most of them writing real files."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from app.core.config import Settings
from app.core.db import Database
from app.mail.delivery import LEASE, Delivery
from app.mail.outbox import GIVE_UP_AFTER, Mail, Outbox
from app.mail.render import Renderer
from app.mail.senders import sender_of
from tests.mail.conftest import CODE, Held, cancel, queue, stored, verify_email
from tests.support.clock import FakeClock


async def test_a_mail_is_queued_only_if_its_act_commits(db: Database, clock: FakeClock) -> None:
    async def refused_act() -> None:
        async with db.write() as tx:
            await Outbox(clock).queue(tx, verify_email())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await refused_act()
    assert await stored(db) == []


async def test_a_mail_is_delivered_once_and_its_code_is_wiped(
    db: Database, clock: FakeClock, delivery: Delivery, settings: Settings
) -> None:
    await queue(db, clock, verify_email())
    assert CODE in str(await stored(db))

    assert await delivery.deliver_due() == 1
    clock.advance(days=30)
    assert await delivery.deliver_due() == 0

    assert len(written(settings)) == 1
    [row] = await stored(db)
    assert (row.context, row.delivered_at) == ({}, clock.now() - timedelta(days=30))


async def test_an_expired_mail_is_never_sent(
    db: Database, clock: FakeClock, delivery: Delivery, settings: Settings
) -> None:
    minutes10 = clock.now() + timedelta(minutes=10)
    await queue(db, clock, verify_email("early@example.com", valid_until=minutes10 + timedelta(seconds=1)))
    await queue(db, clock, verify_email("late@example.com", valid_until=minutes10))
    clock.advance(minutes=10)

    with capture_logs() as logs:
        assert await delivery.deliver_due() == 1

    assert [mail.recipient for mail in await stored(db)] == ["early@example.com"]
    assert {
        "event": "mail_dropped",
        "template": "verify_email",
        "attempts": 0,
        "why": "too_late",
        "log_level": "warning",
    } in logs
    assert len(written(settings)) == 1


async def test_a_mail_without_an_end_is_given_up_after_days(db: Database, clock: FakeClock, delivery: Delivery) -> None:
    await queue(db, clock, verify_email())
    clock.advance(GIVE_UP_AFTER.total_seconds())
    assert await delivery.deliver_due() == 0
    assert await stored(db) == []


async def test_a_mail_that_cannot_be_sent_is_tried_again_with_growing_delay(
    db: Database, clock: FakeClock, delivery: Delivery, settings: Settings
) -> None:
    settings.mail_folder.write_text("no folder can be made here")
    await queue(db, clock, verify_email())

    delays = []
    for _ in range(12):
        assert await delivery.deliver_due() == 0
        [row] = await stored(db)
        delays.append((row.next_attempt_at - clock.now()).total_seconds())
        clock.advance(delays[-1] - 0.001)
        assert await delivery.deliver_due() == 0, "tried before its time"
        clock.advance(0.001)

    assert delays == [4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 3600, 3600]
    assert delays[0] + delivery.pause <= 5
    settings.mail_folder.unlink()
    assert await delivery.deliver_due() == 1


@pytest.mark.parametrize(
    "bad",
    [
        Mail("no_such_template", "a@example.com", {}),
        Mail("verify_email", "a@example.com", {"code": CODE}),
        verify_email("a@example.com, eve@example.com"),
    ],
    ids=["template", "context", "address"],
)
async def test_a_bad_mail_does_not_hold_up_the_others(
    db: Database, clock: FakeClock, delivery: Delivery, bad: Mail
) -> None:
    await queue(db, clock, bad)
    clock.advance(1)
    await queue(db, clock, verify_email("b@example.com"))

    with capture_logs() as logs:
        assert await delivery.deliver_due() == 1

    assert [row.delivered_at is None for row in await stored(db)] == [True, False]
    [line] = [line for line in logs if line["event"] == "mail_not_sent"]
    assert line["template"] == bad.template
    assert CODE not in str(logs)
    assert "@" not in str(logs)


async def test_two_processes_send_each_mail_once(
    db: Database, other_db: Database, clock: FakeClock, delivery: Delivery, settings: Settings
) -> None:
    await queue(db, clock, *(verify_email(f"{number}@example.com") for number in range(20)))
    other = Delivery(other_db, clock, sender_of(settings), Renderer(settings))

    with capture_logs() as logs:
        sent = await asyncio.gather(delivery.deliver_due(), other.deliver_due())

    assert sum(sent) == 20
    assert len(logs) == len({line["path"] for line in logs}) == 20


async def test_a_mail_in_hand_and_one_already_sent_are_not_taken_again(
    db: Database, other_db: Database, clock: FakeClock, delivery: Delivery, settings: Settings
) -> None:
    await queue(db, clock, *(verify_email(f"{number}@example.com") for number in range(3)))
    slow = Held()
    first = asyncio.create_task(Delivery(other_db, clock, slow, Renderer(settings)).deliver_due())
    await slow.holding.wait()

    assert await delivery.deliver_due() == 2
    slow.go_on.set()

    assert await first == 1, "it had read of all three, and two of them went meanwhile"


async def test_a_mail_of_a_process_that_died_is_sent_after_the_lease(
    db: Database, other_db: Database, clock: FakeClock, delivery: Delivery, settings: Settings
) -> None:
    await queue(db, clock, verify_email())
    slow = Held()
    dying = asyncio.create_task(Delivery(other_db, clock, slow, Renderer(settings)).run())
    await slow.holding.wait()
    await cancel(dying)

    clock.advance(LEASE.total_seconds() - 1)
    assert await delivery.deliver_due() == 0
    clock.advance(1)
    assert await delivery.deliver_due() == 1


async def test_a_process_that_lost_its_lease_does_not_put_a_sent_mail_back(
    db: Database, other_db: Database, clock: FakeClock, delivery: Delivery, settings: Settings
) -> None:
    await queue(db, clock, verify_email())
    slow = Held(ConnectionResetError())
    late = asyncio.create_task(Delivery(other_db, clock, slow, Renderer(settings)).deliver_due())
    await slow.holding.wait()
    clock.advance(LEASE.total_seconds())
    assert await delivery.deliver_due() == 1

    slow.go_on.set()
    assert await late == 0
    [row] = await stored(db)
    assert row.next_attempt_at is None


async def test_nothing_is_locked_while_a_mail_is_sent(db: Database, clock: FakeClock, settings: Settings) -> None:
    await queue(db, clock, verify_email())
    slow = Held()
    sending = asyncio.create_task(Delivery(db, clock, slow, Renderer(settings)).deliver_due())
    await slow.holding.wait()

    async with asyncio.timeout(5):  # a writer who is kept waiting gets no connection for 10 s
        await queue(db, clock, verify_email("other@example.com"))

    slow.go_on.set()
    await sending


async def test_a_sender_that_hangs_is_left(db: Database, clock: FakeClock, settings: Settings) -> None:
    await queue(db, clock, verify_email())
    assert await Delivery(db, clock, Held(), Renderer(settings), send_within=0.01).deliver_due() == 0
    [row] = await stored(db)
    assert row.next_attempt_at == clock.now() + timedelta(seconds=4)


def written(settings: Settings) -> list[Path]:
    return sorted(settings.mail_folder.glob("*"))
