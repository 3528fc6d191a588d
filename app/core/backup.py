"""A copy of the embedded database, made while others go on writing."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote


class Damaged(Exception):
    """What SQLite found wrong with the copy, and so with the database most likely."""


class Unreadable(Exception):
    """SQLite could not do it, and this is its name for why, such as SQLITE_FULL. Its words may hold what is stored."""


def back_up(database: Path, copy: Path) -> int:
    """Write the database as it is now into a new file, for its owner's eyes only; its size in bytes.

    It has all that was committed before the call, and of each later transaction all or nothing. Pages that are free
    are left out, and with them what was deleted. Raises FileExistsError if there is such a file, OSError where it
    cannot be made, Unreadable or Damaged; then nothing is left of it.
    """
    part = copy.with_name(f"{copy.name}.part")
    with _new(copy):  # the name is taken from here on, and the file empty until all of it is there
        with _new(part):
            try:
                _fill(database, part)
            except sqlite3.Error as error:
                raise Unreadable(getattr(error, "sqlite_errorname", type(error).__name__)) from error
        size = part.stat().st_size
        part.replace(copy)
    _sync(copy.parent)
    return size


@contextmanager
def _new(file: Path) -> Iterator[None]:
    """The file, empty and for its owner alone; it goes if the block raises."""
    os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        yield
    except BaseException:
        file.unlink(missing_ok=True)
        raise


def _fill(database: Path, part: Path) -> None:
    with closing(_opened(database)) as connection:
        connection.execute("VACUUM INTO ?", [str(part)])
    with closing(_opened(part)) as connection:
        found = [line for (line,) in connection.execute("PRAGMA integrity_check")]
    if found != ["ok"]:
        raise Damaged(*found)
    _sync(part)  # SQLite does not wait for the disk here


def _opened(file: Path) -> sqlite3.Connection:
    uri = f"file:{quote(str(file.absolute()))}?mode=rw"  # or a missing file would be made
    return sqlite3.connect(uri, uri=True, isolation_level=None, timeout=10)


def _sync(path: Path) -> None:
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
