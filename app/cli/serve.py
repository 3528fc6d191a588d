"""`gatepost serve` and `gatepost migrate`."""

import asyncio
import sys
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from textwrap import indent
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from pydantic import SecretStr

from app import migrations
from app.cli.database import opened, unwritable
from app.core.config import ConfigError, Settings, load_settings
from app.core.log import configure
from app.core.secrets import local_key
from app.main import Parts, create_app
from app.server import Server, configured, listen, metrics_page

if TYPE_CHECKING:
    from app.migrations.history import Step


def serve() -> None:
    """Migrate the database if it is not up to date, then serve."""
    settings, key_file = _settings()
    configure(settings.log_level)
    try:
        asyncio.run(_bring_up_to_date(settings))
    except ConfigError as error:
        _give_up(error.problems)
    application = create_app(settings)
    parts: Parts = application.state.parts
    with ExitStack() as beside:
        try:
            config, listener = configured(application, settings), listen(settings)
            beside.enter_context(metrics_page(settings, parts.metrics.registry))
        except ConfigError as error:
            _give_up(error.problems)
        # Standard output is the log's.
        say = partial(print, _banner(settings, key_file, has_console=bool(parts.console)), file=sys.stderr, flush=True)
        Server(config, up=say, stopping=parts.serving.stop).run(sockets=[listener])


def migrate(
    plan: Annotated[bool, typer.Option("--plan", help="Change nothing; show each statement that is to come.")] = False,
) -> None:
    """Bring the database's schema up to date, one process at a time."""
    try:
        told = asyncio.run(_told_plan(load_settings()) if plan else _told_migration(_settings()[0]))
    except ConfigError as error:
        _give_up(error.problems)
    print(told)


async def _told_plan(settings: Settings) -> str:
    from app.migrations import history  # costly: see app.migrations

    file = settings.database_file
    if file and not file.exists():  # to look would make one
        return _told_steps(None, history.plan(None, "sqlite"))
    async with opened(settings) as db:
        before = await migrations.current_revision(db)
        if migrations.serves(before):
            return _unchanged(before)
        return _told_steps(before, history.plan(before, "sqlite" if file else "postgresql"))


def _told_steps(before: str | None, steps: "list[Step]") -> str:
    told = [f"{step.revision}: {step.what}\n{_for_older(step, before)}\n{indent(step.sql, '  ')}" for step in steps]
    return "\n\n".join([f"The schema is at {before or 'nothing'}.", *told])


def _for_older(step: "Step", before: str | None) -> str:
    if before is None:
        return ""
    alone = step.oldest == migrations.number_of(step.revision)
    return f"  older versions: {'stop them first' if alone else f'go on serving, back to {step.oldest:04}'}\n"


async def _told_migration(settings: Settings) -> str:
    async with opened(settings) as db:
        before = await migrations.current_revision(db)
        if migrations.serves(before):
            return _unchanged(before)
        await migrations.migrate(db)
        after = await migrations.current_revision(db)
    return f"The schema went from {before or 'nothing'} to {after}."


def _unchanged(revision: str | None) -> str:
    later = "" if revision == migrations.HEAD else " A later version made it, and this one can serve on it."
    return f"The schema is at {revision} already.{later}"


def _settings() -> tuple[Settings, Path | None]:
    """The settings, and the file with this machine's own key if they name none."""
    try:
        settings = load_settings()
        key_file = settings.local_secret_file
        key = (SecretStr(local_key(key_file)),) if key_file else settings.secret_keys
        return settings.model_copy(update={"secret_keys": key}), key_file
    except ConfigError as error:
        _give_up(error.problems)
    except OSError as error:
        _give_up([unwritable(error)])


async def _bring_up_to_date(settings: Settings) -> None:
    async with opened(settings) as db:
        if migrations.serves(await migrations.current_revision(db)):
            return
        if settings.environment == "production":
            # Many replicas start at once there, and the old version may be serving: an operator chooses the moment.
            raise ConfigError(["The database's schema is not up to date. Run `gatepost migrate`, then start again."])
        await migrations.migrate(db)


def _banner(settings: Settings, key_file: Path | None, *, has_console: bool) -> str:
    data = settings.database_file.absolute() if settings.database_file else "the server that DATABASE_URL names"
    protocols = "Connect, gRPC-Web and gRPC" if settings.http2 == "on" else "Connect and gRPC-Web"
    lines = [
        f"{settings.service_name} serves {protocols} at {settings.origin}   (Ctrl-C stops it)",
        *_console(settings, has_console),
        f"  data     {data}",
        f"  mail     {_mail(settings)}",
    ]
    if key_file:
        lines.append(f"  secret   {key_file.absolute()}, made for this machine; SECRET_KEYS takes its place")
    if settings.limits == "off":
        lines.append("  limits   OFF: passwords can be guessed without end")
    if settings.metrics == "on":
        lines.append(f"  metrics  http://127.0.0.1:{settings.metrics_port}/metrics, for this machine alone")
    ping = f"{settings.origin}/test.v1.TestNoAuthService/Ping"
    lines.append(f"  try      curl {ping} -H 'Content-Type: application/json' -d '{{}}'")
    return "\n".join(lines)


def _console(settings: Settings, has_console: bool) -> list[str]:
    if settings.console == "off":
        return []
    where = f"{settings.origin}/"
    return [f"  console  {where if has_console else 'none: app/console/assets is empty; make console builds it'}"]


def _mail(settings: Settings) -> str:
    if settings.mail_server:
        return f"goes to {settings.mail_server}"
    return f"{settings.mail_folder.absolute()}, one .eml file each" if settings.mail_folder else "printed here"


def _give_up(problems: list[str]) -> NoReturn:
    print("Gatepost cannot start:", *(f"  {line}" for line in problems), sep="\n", file=sys.stderr)
    raise typer.Exit(code=2)
