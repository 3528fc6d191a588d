"""When sessions and tokens were last used: noted at most once a minute, and written in batches."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import text

from app.core.activity import AT_ONCE, Activity
from app.core.db import Database, Tx

NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
ONE, TWO = UUID(int=1), UUID(int=2)


@pytest.mark.parametrize(
    ("stored", "noted"),
    [
        (None, True),
        (NOW, False),
        (NOW - timedelta(seconds=59), False),
        (NOW - timedelta(seconds=60), True),
        (NOW + timedelta(hours=1), False),  # the clock was set back: that is no news
    ],
)
async def test_a_use_is_noted_once_a_minute(stored: datetime | None, noted: bool, db: Database) -> None:
    touched = Touched()
    activity = Activity(db, touched)
    activity.note(ONE, stored, NOW)
    await activity.flush()
    assert touched.uses == ([([ONE], NOW)] if noted else [])


async def test_uses_are_written_together_and_once(db: Database) -> None:
    touched = Touched()
    activity = Activity(db, touched)
    activity.note(ONE, None, NOW)
    activity.note(ONE, None, NOW + timedelta(seconds=1))  # the row says so until the flush
    activity.note(TWO, None, NOW)
    await activity.flush()
    await activity.flush()
    assert touched.uses == [([ONE, TWO], NOW)]


async def test_those_of_one_second_are_written_as_of_the_last(db: Database) -> None:
    """None is noted as of a time before it, and none more than a second late."""
    touched = Touched()
    activity = Activity(db, touched)
    late = NOW + timedelta(seconds=0.9)
    three, four = UUID(int=3), UUID(int=4)
    for used, at in ((ONE, NOW), (TWO, late), (three, NOW + timedelta(seconds=1)), (four, NOW)):
        activity.note(used, None, at)
    await activity.flush()
    assert touched.uses == [([ONE, TWO, four], late), ([three], NOW + timedelta(seconds=1))]


async def test_so_many_at_once_as_a_statement_may_have_values(db: Database) -> None:
    touched = Touched()
    activity = Activity(db, touched)
    for number in range(AT_ONCE + 1):
        activity.note(UUID(int=number), None, NOW)
    await activity.flush()
    assert [len(used) for used, _ in touched.uses] == [AT_ONCE, 1]


async def test_what_could_not_be_written_is_written_later(db: Database) -> None:
    touched = Touched(fails=True)
    activity = Activity(db, touched)
    activity.note(ONE, None, NOW)
    with pytest.raises(LookupError):
        await activity.flush()
    touched.fails = False
    activity.note(TWO, None, NOW)
    await activity.flush()
    assert touched.uses == [([ONE, TWO], NOW)]


async def test_a_use_during_a_flush_is_kept(db: Database) -> None:
    async def touch(tx: Tx, used: Sequence[UUID], at: datetime) -> None:
        await touched(tx, used, at)
        activity.note(TWO, None, NOW)

    touched, activity = Touched(), Activity(db, touch)
    activity.note(ONE, None, NOW)
    await activity.flush()
    await activity.flush()
    assert touched.uses == [([ONE], NOW), ([TWO], NOW)]


async def test_a_flush_commits(db: Database) -> None:
    async def touch(tx: Tx, used: Sequence[UUID], _: datetime) -> None:
        await tx.execute(text("UPDATE counter SET n = :uses"), {"uses": len(used)})

    activity = Activity(db, touch)
    activity.note(ONE, None, NOW)
    await activity.flush()
    async with db.read() as tx:
        assert (await tx.exec_driver_sql("SELECT n FROM counter")).scalar_one() == 1


@dataclass
class Touched:
    """Stands for a store: remembers what it was given to write."""

    fails: bool = False
    uses: list[tuple[list[UUID], datetime]] = field(default_factory=list)

    async def __call__(self, tx: Tx, used: Sequence[UUID], at: datetime) -> None:
        if self.fails:
            raise LookupError
        self.uses.append((list(used), at))
