"""What is remembered of good credentials: for how long, and what makes it forgotten. Nothing here is a credential."""

import asyncio
from pathlib import Path
from uuid import UUID

import pytest

from app.core.db import Database
from app.core.verified import LIFE, LOOK_EVERY, MOST, Verified
from tests.core.test_point_reads import spoilt
from tests.support.clock import FakeClock

KEY = b"key"


async def test_a_page_lasts_a_second_of_the_monotonic_clock(verified: Verified[str], clock: FakeClock) -> None:
    verified.page()[KEY] = "row"
    clock.advance(LIFE - 0.001)
    assert verified.page() == {KEY: "row"}
    clock.advance(0.001)
    assert verified.page() == {}


async def test_every_write_of_this_process_turns_the_page(verified: Verified[str], db: Database) -> None:
    """Whatever it wrote: here nothing, so that the database itself has no change to tell of."""
    verified.page()[KEY] = "row"
    async with db.write():
        assert verified.page() == {KEY: "row"}
    assert verified.page() == {}


async def test_so_does_a_write_of_which_nobody_knows_what_became(verified: Verified[str], db: Database) -> None:
    verified.page()[KEY] = "row"
    with pytest.raises(LookupError):
        await fail_in_a_write(db)
    assert verified.page() == {}
    verified.page()[KEY] = "row"
    begun = asyncio.Event()
    writing = asyncio.ensure_future(hang_in_a_write(db, begun))
    await begun.wait()
    writing.cancel()
    await asyncio.gather(writing, return_exceptions=True)
    assert verified.page() == {}


async def test_a_write_that_spares_credentials_leaves_the_page(verified: Verified[str], db: Database) -> None:
    verified.page()[KEY] = "row"
    async with db.write(spares_credentials=True):
        pass
    assert verified.page() == {KEY: "row"}


@pytest.mark.only("sqlite")
async def test_a_commit_by_another_process_turns_the_page(
    verified: Verified[str], clock: FakeClock, other: Database
) -> None:
    verified.page()[KEY] = "row"
    async with other.write() as tx:
        await tx.exec_driver_sql("UPDATE counter SET n = 1")
        clock.advance(LOOK_EVERY)
        assert verified.page() == {KEY: "row"}
    clock.advance(LOOK_EVERY)
    assert verified.page() == {}


async def test_what_was_read_before_a_commit_is_not_known_after_it(verified: Verified[str], db: Database) -> None:
    """On a server the read takes its time, and the commit may be faster."""
    page = verified.page()
    async with db.write():
        pass
    page[KEY] = "as it was"
    assert verified.page() == {}


async def test_nor_is_what_was_read_more_than_a_second_ago(verified: Verified[str], clock: FakeClock) -> None:
    page = verified.page()
    clock.advance(LIFE)
    verified.page()
    page[KEY] = "as it was"
    assert verified.page() == {}


async def test_a_page_is_bounded(verified: Verified[str]) -> None:
    most = 0
    for number in range(3 * MOST):
        verified.page()[UUID(int=number).bytes] = "row"
        most = max(most, len(verified.page()))
    assert most == MOST - 1  # the full page is turned by who asks next


@pytest.mark.only("sqlite")
async def test_nothing_is_known_of_a_database_that_does_not_answer(db: Database, file: Path, clock: FakeClock) -> None:
    spoilt(file, "garbage")
    verified = Verified[str](db, clock)
    assert verified.page() == {}


async def fail_in_a_write(db: Database) -> None:
    async with db.write():
        raise LookupError


async def hang_in_a_write(db: Database, begun: asyncio.Event) -> None:
    async with db.write():
        begun.set()
        await asyncio.Event().wait()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def verified(db: Database, clock: FakeClock) -> Verified[str]:
    return Verified(db, clock)
