"""Databases as tests come by them: copies of one that was made beforehand, on SQLite or on PostgreSQL."""

import asyncio
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Protocol

from app import migrations
from app.core.db import Database
from tests.support import postgresql
from tests.support.postgresql import PostgreSQL

KINDS = ("sqlite", "postgresql")


class Original(Protocol):
    """A database that nobody is connected to, so that it can be copied."""

    def url_in(self, folder: Path) -> str:
        """Where the folder has a database of its own: a copy, made when first asked for."""

    def grown(self, folder: Path) -> "Original":
        """The folder's own database as the original of others."""

    def drop(self, folder: Path) -> None:
        """Give back what the databases of this folder, and those below it, took outside of it."""


@dataclass(frozen=True, slots=True)
class SqliteOriginal:
    file: Path

    def url_in(self, folder: Path) -> str:
        copy = folder / "gatepost.db"
        if not copy.exists():
            shutil.copyfile(self.file, copy)
        return sqlite_url(copy)

    def grown(self, folder: Path) -> "SqliteOriginal":
        return SqliteOriginal(folder / "gatepost.db")

    def drop(self, folder: Path) -> None:
        """Nothing: pytest clears its folders away."""


@dataclass(frozen=True, slots=True)
class PostgresqlOriginal:
    server: PostgreSQL
    name: str
    copies: dict[Path, str] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=count)

    def url_in(self, folder: Path) -> str:
        if folder not in self.copies:
            copy = f"{self.name}_{next(self.numbers)}"
            self.server.execute(f"CREATE DATABASE {copy} TEMPLATE {self.name} STRATEGY FILE_COPY")
            self.copies[folder] = copy
        return self.server.url(self.copies[folder])

    def grown(self, folder: Path) -> "PostgresqlOriginal":
        return PostgresqlOriginal(self.server, self.copies[folder])

    def drop(self, folder: Path) -> None:
        gone = [each for each in self.copies if each.is_relative_to(folder)]
        if gone:
            self.server.execute(*(f"DROP DATABASE {self.copies.pop(each)} WITH (FORCE)" for each in gone))


def sqlite_url(file: Path) -> str:
    return f"sqlite+aiosqlite:///{file}"


def migrated_file(folder: Path) -> Path:
    """A SQLite file with the schema and nothing else."""
    file = folder / "gatepost.db"
    _migrate(sqlite_url(file))
    return file


@contextmanager
def migrated_database(kind: str, folder: Path) -> Iterator[Original]:
    """A database with the schema and nothing else; its server runs meanwhile."""
    if kind == "sqlite":
        yield SqliteOriginal(migrated_file(folder))
        return
    with postgresql.running() as server:
        server.execute("CREATE DATABASE gatepost")
        _migrate(server.url("gatepost"))
        yield PostgresqlOriginal(server, "gatepost")


def _migrate(url: str) -> None:
    async def migrate() -> None:
        db = Database(url)
        await migrations.migrate(db)
        await db.close()  # the last connection of a SQLite file in WAL mode folds the log into it

    asyncio.run(migrate())
