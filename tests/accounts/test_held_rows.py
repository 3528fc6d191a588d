"""Rows that one transaction holds while another wants several: none that waits holds what somebody before it wants."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from app.accounts.models import SessionRow, VerificationRow
from app.accounts.store import codes, sessions
from app.core.db import Tx
from app.tokens import store as tokens
from app.tokens.models import TokenRow
from tests.accounts.calls import ADA, reset
from tests.support import tables
from tests.support.service import Gatepost
from tests.tokens.calls import create

pytestmark = pytest.mark.only("postgresql")

FIRST, LAST = UUID(int=1), UUID(int=2)


TOUCHED: dict[str, tuple[type[Any], Any, str]] = {
    "sessions": (SessionRow, sessions.touch, "last_seen_at"),
    "tokens": (TokenRow, tokens.touch, "last_used_at"),
}


@pytest.mark.parametrize("table", TOUCHED)
async def test_what_is_in_use_is_noted_of_the_free_ones_without_a_wait(gatepost: Gatepost, table: str) -> None:
    model, touch, column = TOUCHED[table]
    await create((await gatepost.session(ADA)).tokens)
    row, later = await tables.first(gatepost, model), gatepost.clock.now() + timedelta(minutes=5)
    await tables.add(gatepost, model, [{**row, "id": FIRST, **({"value_digest": None} if table == "tokens" else {})}])
    db = gatepost.parts.db
    async with db.write() as holder:
        await holder.exec_driver_sql(f"SELECT 1 FROM {table} WHERE id = $1 FOR UPDATE", (FIRST,))  # noqa: S608
        async with db.write() as tx:
            await touch(tx, [FIRST, row["id"]], later)
    noted = await gatepost.fetch(f"SELECT id FROM {table} WHERE {column} = ?", later)  # noqa: S608
    assert noted == [(row["id"].hex,)]


async def try_codes(tx: Tx, _: UUID, now: datetime) -> None:
    await codes.count_try(tx, "reset_password", ADA, now)


async def end_codes(tx: Tx, account_id: UUID, _: datetime) -> None:
    await codes.end_all(tx, account_id)


async def end_oldest(tx: Tx, account_id: UUID, _: datetime) -> None:
    await codes.end_oldest(tx, account_id, "reset_password", 0)


@pytest.mark.parametrize("take", [try_codes, end_codes, end_oldest])
async def test_codes_are_taken_in_one_order(
    gatepost: Gatepost, take: Callable[[Tx, UUID, datetime], Awaitable[None]]
) -> None:
    await gatepost.browser().sign_up(ADA)
    await reset(gatepost.browser())
    await gatepost.execute("DELETE FROM verifications WHERE purpose <> 'reset_password'")
    code, db = await tables.first(gatepost, VerificationRow), gatepost.parts.db
    await gatepost.execute("DELETE FROM verifications")
    for id_ in (LAST, FIRST):  # as a scan of the table comes by them
        await tables.add(gatepost, VerificationRow, [{**code, "id": id_}])

    async def taking() -> None:
        async with db.write() as tx:
            await take(tx, code["account_id"], gatepost.clock.now())

    async with db.write() as holder:
        await hold(holder, FIRST)
        waits = asyncio.create_task(taking())
        while not await gatepost.fetch("SELECT 1 FROM pg_locks WHERE NOT granted"):
            assert not waits.done()
        await hold(holder, LAST)
    await waits


async def hold(tx: Tx, code_id: UUID) -> None:
    """Or fail at once."""
    await tx.exec_driver_sql("SELECT 1 FROM verifications WHERE id = $1 FOR UPDATE NOWAIT", (code_id,))
