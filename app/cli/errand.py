"""What the commands beside `serve` and `migrate` share: they do one thing to the database, and say how it went.

Exit codes: 0 done, also if it was so already; 1 there is no such account or token; 2 it could not be done.
"""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, NoReturn, TypeVar

import typer

from app import migrations
from app.cli.database import opened
from app.core.config import ConfigError, Settings, load_settings
from app.core.db import Database
from app.core.errors import NotFound
from app.core.log import describe

MISSING, FAILED = 1, 2

Json = Annotated[bool, typer.Option("--json", help="Answer, and refuse, with one JSON object.")]
Result = TypeVar("Result")


def do(work: Callable[[Settings, Database], Awaitable[Result]], *, as_json: bool) -> Result:
    """Do it on the database that the settings name. The service may be running; failures end the command."""
    try:
        return asyncio.run(_done(work))
    except NotFound as refusal:
        refuse(MISSING, refusal.reason, [refusal.sentence], as_json=as_json)
    except ConfigError as error:
        refuse(FAILED, "CANNOT_RUN", error.problems, as_json=as_json)
    except Exception as error:  # its text can hold SQL and the row, and both would end in somebody's ticket
        told = describe(error)
        where = "".join(f" at {frame}" for frame in told["where"][-1:])
        refuse(FAILED, "INTERNAL", [f"An unforeseen failure: {told['error_type']}{where}."], as_json=as_json)


async def _done(work: Callable[[Settings, Database], Awaitable[Result]]) -> Result:
    settings = load_settings()
    file = settings.database_file
    if file is not None and not file.exists():  # or a command in the wrong folder would make an empty one there
        raise ConfigError(["DATABASE_URL: there is no such file. Run this in the folder that the service runs in."])
    async with opened(settings) as db:
        if not migrations.serves(await migrations.current_revision(db)):
            raise ConfigError(["The database's schema is not this version's. Run `gatepost migrate` first."])
        return await work(settings, db)


def tell(result: Mapping[str, Any], lines: Sequence[str], *, as_json: bool) -> None:
    """The answer on standard output: one JSON object, or lines for people."""
    print(json.dumps(result, default=_plain) if as_json else "\n".join(map(printable, lines)))


def refuse(code: int, reason: str, problems: Sequence[str], *, as_json: bool) -> NoReturn:
    """The same on standard error, then the end."""
    said = json.dumps({"error": reason, "problems": list(problems)}) if as_json else "\n".join(problems)
    print(said, file=sys.stderr)
    raise typer.Exit(code)


def fields(result: Any) -> dict[str, Any]:
    """The fields of a flow's answer, as `tell` takes them."""
    return asdict(result)


def moment(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def printable(text: str) -> str:
    """Strangers choose names and user agents: what steers a terminal is shown as a blank."""
    return "".join(each if each.isprintable() else " " for each in text)


def _plain(value: Any) -> str:
    return moment(value) if isinstance(value, datetime) else str(value)
