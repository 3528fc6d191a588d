"""What calls ask the database."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, event

from tests.support.service import Gatepost


@dataclass
class Asked:
    """Counts; the workers' statements and those that begin and end transactions are left out."""

    points: int = 0
    """Point reads, of one row each at most."""
    transactions: int = 0
    reads: int = 0
    rows_read: int = 0
    writes: int = 0
    rows_written: int = 0


@contextmanager
def asked(gatepost: Gatepost) -> Iterator[Asked]:
    """What calls that begin meanwhile ask."""
    counts = Asked()
    workers = asyncio.all_tasks()
    db, engines = gatepost.parts.db, _engines(gatepost)

    def begun(_: Any) -> None:
        counts.transactions += asyncio.current_task() not in workers

    def ran(_: Any, cursor: Any, statement: str, *__: Any) -> None:
        verb = statement.split(maxsplit=1)[0].upper()
        aside = verb in ("BEGIN", "PRAGMA", "SET") or "pg_logical_emit_message" in statement  # `core.db.sync_anyway`
        if aside or asyncio.current_task() in workers:
            return
        fetched = len(cursor._rows or ())  # SQLAlchemy's async drivers fetch all there is at once
        if verb in ("INSERT", "UPDATE", "DELETE"):
            counts.writes += 1
            counts.rows_written += max(cursor.rowcount, fetched)
        else:
            counts.reads += 1
            counts.rows_read += fetched

    async def point(*given: Any, **values: Any) -> Any:
        counts.points += asyncio.current_task() not in workers
        return await type(db).point(db, *given, **values)

    for engine in engines:
        event.listen(engine, "begin", begun)
        event.listen(engine, "after_cursor_execute", ran)
    db.point = point  # type: ignore[method-assign]
    try:
        yield counts
    finally:
        del db.point
        for engine in engines:
            event.remove(engine, "begin", begun)
            event.remove(engine, "after_cursor_execute", ran)


@contextmanager
def statements(gatepost: Gatepost) -> Iterator[list[str]]:
    """What calls that begin meanwhile ask the database, in order; not what the workers do."""
    run: list[str] = []
    workers = asyncio.all_tasks()
    engines = _engines(gatepost)

    def note(_: Any, __: Any, statement: str, *___: Any) -> None:
        if asyncio.current_task() not in workers:
            run.append(statement)

    for engine in engines:
        event.listen(engine, "before_cursor_execute", note)
    try:
        yield run
    finally:
        for engine in engines:
            event.remove(engine, "before_cursor_execute", note)


def _engines(gatepost: Gatepost) -> list[Engine]:
    """On a server the readers are the writers with other options, and tell both what happens to them."""
    db = gatepost.parts.db
    return [each.sync_engine for each in ((db._readers, db._writers) if gatepost.on_sqlite else (db._writers,))]
