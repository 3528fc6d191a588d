"""`gatepost serve`."""

import asyncio
import gc
import os
import socket
import sys
from collections.abc import Callable
from typing import Annotated

import structlog
import typer

from app.cli.banner import banner
from app.cli.migrate import bring_up_to_date
from app.cli.start import give_up, settings_and_key_file
from app.core.config import ConfigError, Settings
from app.core.log import configure
from app.main import Parts, create_app
from app.server import Server, configured, listen, metrics_page
from app.workers import Place, Workers


def serve(
    workers: Annotated[int | None, typer.Option(min=1, help="Processes that serve, in place of WORKERS.")] = None,
) -> None:
    """Migrate the database if it is not up to date, then serve."""
    settings, key_file = settings_and_key_file(workers)
    configure(settings.log_level)
    try:
        asyncio.run(bring_up_to_date(settings))
        listener = listen(settings)
    except ConfigError as error:
        give_up(error.problems)

    def up() -> None:
        print(banner(settings, key_file), file=sys.stderr, flush=True)  # standard output is the log's

    if settings.workers == 1:
        _serve(settings, listener, lambda _: up())
    else:
        raise typer.Exit(Workers(settings.workers, lambda place: _serve_one_of(settings, listener, place), up).run())


def _serve_one_of(settings: Settings, listener: socket.socket, place: Place) -> None:
    """What one of several processes does."""
    structlog.contextvars.bind_contextvars(process=place.number)
    try:
        _serve(share(settings, place.number), listener, place.up)
    except typer.Exit as given_up:  # which means something to Typer alone
        sys.exit(given_up.exit_code)


def share(settings: Settings, number: int) -> Settings:
    """The settings of one of several processes: a page of metrics of its own, and its part of the cores."""
    cores = max(1, ((os.cpu_count() or 1) - 1) // settings.workers)
    return settings.model_copy(
        update={
            "metrics_port": settings.metrics_port + number - 1,
            "password_threads": settings.password_threads or cores,
        }
    )


def _serve(settings: Settings, listener: socket.socket, up: Callable[[Callable[[], None]], None]) -> None:
    """Serve until stopped. `up` is told once it does, with what stops it."""
    application = create_app(settings)
    # What is there now stays: the collector need not look through it each time that calls have left something behind.
    gc.collect()
    gc.freeze()
    parts: Parts = application.state.parts
    try:
        config = configured(application, settings)
        with metrics_page(settings, parts.metrics.registry):
            Server(config, up=up, stopping=parts.serving.stop).run(sockets=[listener])
    except ConfigError as error:
        give_up(error.problems)
