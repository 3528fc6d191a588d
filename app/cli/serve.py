"""`gatepost serve` and `gatepost migrate`."""

import asyncio
import sys
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import NoReturn

import typer
from pydantic import SecretStr

from app import migrations
from app.cli.database import opened, unwritable
from app.core.config import ConfigError, Settings, load_settings
from app.core.log import configure
from app.core.secrets import local_key
from app.main import Parts, create_app
from app.server import Server, configured, listen, metrics_page


def serve() -> None:
    """Migrate the database if it is not up to date, then serve."""
    settings, key_file = _settings()
    configure(settings.log_level)
    try:
        _bring_up_to_date(settings)
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
        say = partial(print, _banner(settings, key_file), file=sys.stderr, flush=True)
        Server(config, up=say, stopping=parts.serving.stop).run(sockets=[listener])


def migrate() -> None:
    """Bring the database's schema up to date, one process at a time."""
    settings, _ = _settings()
    try:
        before, after = asyncio.run(_migrate(settings))
    except ConfigError as error:
        _give_up(error.problems)
    unchanged = f"The schema is at {after} already."
    print(unchanged if before == after else f"The schema went from {before or 'nothing'} to {after}.")


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


def _bring_up_to_date(settings: Settings) -> None:
    if asyncio.run(_revision(settings)) == migrations.HEAD:
        return
    if settings.environment == "production":
        # Many replicas start at once there, and the old version may still be serving: an operator chooses the moment.
        _give_up(["The database's schema is not up to date. Run `gatepost migrate`, then start again."])
    asyncio.run(_migrate(settings))


async def _revision(settings: Settings) -> str | None:
    async with opened(settings) as db:
        return await migrations.current_revision(db)


async def _migrate(settings: Settings) -> tuple[str | None, str | None]:
    async with opened(settings) as db:
        before = await migrations.current_revision(db)
        await migrations.migrate(db)
        return before, await migrations.current_revision(db)


def _banner(settings: Settings, key_file: Path | None) -> str:
    data = settings.database_file.absolute() if settings.database_file else "the server that DATABASE_URL names"
    protocols = "Connect, gRPC-Web and gRPC" if settings.http2 == "on" else "Connect and gRPC-Web"
    lines = [
        f"{settings.service_name} serves {protocols} at {settings.origin}   (Ctrl-C stops it)",
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


def _mail(settings: Settings) -> str:
    if settings.mail_server:
        return f"goes to {settings.mail_server}"
    return f"{settings.mail_folder.absolute()}, one .eml file each" if settings.mail_folder else "printed here"


def _give_up(problems: list[str]) -> NoReturn:
    print("Gatepost cannot start:", *(f"  {line}" for line in problems), sep="\n", file=sys.stderr)
    raise typer.Exit(code=2)
