"""Long lists, newest first: each read is a transaction of its own, over before anything is handed on.

A slow reader therefore holds nothing, neither memory nor an old state of the data. What is made meanwhile may be
missing, and nothing comes twice.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import Select, literal, tuple_
from sqlmodel import UTCDateTime, col

from app.core.db import Database, Tx

_FIRST_READ = 20
"""Few, so that the first of a long list leave at once."""
_EACH_READ = 250
"""How many a stream holds in memory, and how long it keeps other calls waiting while it converts them."""

Position = tuple[datetime, UUID]
"""Where something stands in a list: its time, and its UUID."""
T = TypeVar("T")


async def pages(
    db: Database, read: Callable[[Tx, Position | None, int], Awaitable[list[T]]], place: Callable[[T], Position]
) -> AsyncIterator[list[T]]:
    """The list piece by piece. `read` gets what follows a position, `newest_first` makes its query."""
    after, limit = None, _FIRST_READ
    while True:
        async with db.read() as tx:
            page = await read(tx, after, limit)
        yield page
        if len(page) < limit:
            return
        after, limit = place(page[-1]), _EACH_READ


def newest_first(query: Select[Any], at: Any, id_: Any, after: Position | None, limit: int) -> Select[Any]:
    """The query for up to `limit` rows, by the columns `at` and `id_`, from the one that follows `after` on."""
    if after is not None:
        # Typed like the column: by itself a datetime is bound as one without a time zone, which PostgreSQL refuses.
        query = query.where(tuple_(col(at), col(id_)) < tuple_(literal(after[0], UTCDateTime()), literal(after[1])))
    return query.order_by(col(at).desc(), col(id_).desc()).limit(limit)
