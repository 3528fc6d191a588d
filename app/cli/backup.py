"""`gatepost backup`."""

from pathlib import Path
from typing import Annotated

import typer

from app.cli.errand import FAILED, Json, refuse, tell
from app.core.backup import Damaged, Unreadable, back_up
from app.core.config import ConfigError, load_settings

WITH_A_SERVER = "DATABASE_URL names a server. Back up with pg_dump, as docs/operations.md says."


def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to: a file that is not there yet.")],
    as_json: Json = False,
) -> None:
    """Copy the embedded database into a new file. The service may go on meanwhile; the schema may be an older one."""
    try:
        size = _back_up(file)
    except ConfigError as error:
        refuse(FAILED, "CANNOT_RUN", error.problems, as_json=as_json)
    keep = "Keep SECRET_KEYS too, or the file secret.key beside the database."
    tell({"file": str(file.absolute()), "bytes": size}, [f"{file}: {size} bytes. {keep}"], as_json=as_json)


def _back_up(file: Path) -> int:
    database = load_settings().database_file
    if database is None:
        raise ConfigError([WITH_A_SERVER])
    if not database.exists():
        raise ConfigError(["DATABASE_URL: there is no such file. Run this in the folder that the service runs in."])
    try:
        return back_up(database, file)
    except FileExistsError as error:
        raise ConfigError([f"{error.filename} is there already. Name another file."]) from error
    except OSError as error:
        raise ConfigError([f"Cannot write {error.filename or file} ({error.strerror})."]) from error
    except Damaged as error:
        raise ConfigError(["The database is damaged, and there is no backup:", *map(str, error.args[:3])]) from error
    except Unreadable as error:
        raise ConfigError([f"SQLite cannot do it: {error}."]) from error
