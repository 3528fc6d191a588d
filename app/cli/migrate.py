"""`gatepost migrate`, and what `serve` does of it by itself."""

import asyncio
from textwrap import indent
from typing import TYPE_CHECKING, Annotated

import typer

from app import migrations
from app.cli.database import opened
from app.cli.start import give_up, settings_and_key_file
from app.core.config import ConfigError, Settings, load_settings

if TYPE_CHECKING:
    from app.migrations.history import Step


def migrate(
    plan: Annotated[bool, typer.Option("--plan", help="Change nothing; show each statement that is to come.")] = False,
) -> None:
    """Bring the database's schema up to date, one process at a time."""
    try:
        told = asyncio.run(_told_plan(load_settings()) if plan else _told_migration(settings_and_key_file()[0]))
    except ConfigError as error:
        give_up(error.problems)
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


async def bring_up_to_date(settings: Settings) -> None:
    async with opened(settings) as db:
        if migrations.serves(await migrations.current_revision(db)):
            return
        if settings.environment == "production":
            # Many replicas start at once there, and the old version may be serving: an operator chooses the moment.
            raise ConfigError(["The database's schema is not up to date. Run `gatepost migrate`, then start again."])
        await migrations.migrate(db)
