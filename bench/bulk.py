"""Rows by the million, as fast as each database takes them: prepared statements on SQLite, COPY on PostgreSQL."""

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from itertools import islice
from typing import Any

import asyncpg
from sqlalchemy import Dialect
from sqlalchemy.engine import make_url

from app.core.db import Table, local_file

BATCH = 100_000
"""Rows in a transaction."""

Row = tuple[Any, ...]


async def insert(
    database_url: str, table: type[Table], same: dict[str, Any], columns: tuple[str, ...], rows: Iterable[Row]
) -> None:
    """Insert rows with these `columns`, and beside them what is the `same` in all, converted once."""
    dialect = make_url(database_url).get_dialect()()
    fixed = [_converter(dialect, table, name)(value) for name, value in same.items()]
    # Most time goes here, so what needs no conversion gets none.
    converters = [_converter(dialect, table, name) for name in columns]
    bound = ((*(convert(value) for convert, value in zip(converters, row, strict=True)), *fixed) for row in rows)
    name, columns = str(table.__tablename__), (*columns, *same)
    if (file := local_file(database_url)) is None:
        url = make_url(database_url).set(drivername="postgresql").render_as_string(hide_password=False)
        await _copy(url, name, columns, bound)
    else:
        _execute(str(file), name, columns, bound)


def _execute(file: str, table: str, columns: tuple[str, ...], rows: Iterator[Row]) -> None:
    places = ", ".join("?" * len(columns))
    statement = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})"  # noqa: S608  names of our own tables
    with closing(sqlite3.connect(file)) as connection:
        # Nobody else is there yet, and what a crash leaves is thrown away.
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA cache_size = -500000")
        while batch := list(islice(rows, BATCH)):
            with connection:
                connection.executemany(statement, batch)


async def _copy(url: str, table: str, columns: tuple[str, ...], rows: Iterator[Row]) -> None:
    connection = await asyncpg.connect(url)
    try:
        while batch := list(islice(rows, BATCH)):
            await connection.copy_records_to_table(table, records=batch, columns=columns)
        await connection.execute(f"ANALYZE {table}")
    finally:
        await connection.close()


def _converter(dialect: Dialect, table: type[Table], column: str) -> Callable[[Any], Any]:
    """What the service's own statements would do to a value of the column."""
    kind = table.metadata.tables[str(table.__tablename__)].columns[column].type
    return kind.dialect_impl(dialect).bind_processor(dialect) or (lambda value: value)
