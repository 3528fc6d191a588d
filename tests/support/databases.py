"""Databases as tests come by them: copies of one that was made beforehand, on SQLite or on PostgreSQL."""

import asyncio
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Protocol

from app import migrations
from app.core.db import Database, Table
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
    empty: bool = True
    """Whether it has the schema and nothing else: then a copy that was used is emptied rather than made anew, which
    takes a tenth of the time."""
    copies: dict[Path, str] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=count)
    emptied: list[str] = field(default_factory=list)
    looks: list[str] = field(default_factory=list)
    """How the schema looks, once somebody has asked."""

    def url_in(self, folder: Path) -> str:
        if folder not in self.copies:
            self.copies[folder] = self.emptied.pop() if self.emptied else self._copied()
        return self.server.url(self.copies[folder])

    def grown(self, folder: Path) -> "PostgresqlOriginal":
        return PostgresqlOriginal(self.server, self.copies[folder], empty=False)

    def drop(self, folder: Path) -> None:
        for each in [each for each in self.copies if each.is_relative_to(folder)]:
            name = self.copies.pop(each)
            if self.empty and self._emptied(name):
                self.emptied.append(name)
            else:
                self.server.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def _copied(self) -> str:
        copy = f"{self.name}_{next(self.numbers)}"
        self.server.execute(f"CREATE DATABASE {copy} TEMPLATE {self.name}")
        return copy

    def _emptied(self, name: str) -> bool:
        """False if the test left it with another schema, or with a connection that holds on to something."""
        try:
            empty = f"TRUNCATE {', '.join(Table.metadata.tables)}"
            looks = self.server.execute("SET lock_timeout = '1s'", empty, LOOKS, database=name)
        except subprocess.CalledProcessError:
            return False
        if not self.looks:
            self.looks.append(self.server.execute(LOOKS, database=self.name))
        return looks in self.looks


LOOKS = """
SELECT md5(string_agg(part, ' ' ORDER BY part)) FROM (
    SELECT concat_ws(' ', table_name, column_name, data_type, column_default, is_nullable)
        FROM information_schema.columns WHERE table_schema = 'public'
    UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
    UNION ALL SELECT version_num FROM alembic_version
) AS parts (part)
"""


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
