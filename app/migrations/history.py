"""What alembic knows of the schema's history: running it, and telling what a run would do."""

from dataclasses import dataclass
from io import StringIO
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from app import migrations


@dataclass(frozen=True, slots=True)
class Step:
    """One revision that a database lacks."""

    revision: str
    what: str
    """A sentence."""
    oldest: int
    """The number of the oldest version that can serve once this is done."""
    sql: str


def plan(before: str | None, dialect: str) -> list[Step]:
    """The steps from revision `before`, oldest first, in the words of a database. Asks none and changes none.

    Raises UnknownRevision where there is no way from there.
    """
    config = _configured(dialect=dialect)
    scripts = ScriptDirectory.from_config(config)
    steps = []
    for origin, revision in _missing(_known(config), before):
        doc = scripts.get_revision(revision).doc
        steps.append(Step(revision, doc, migrations.oldest_on(revision), _sql(config, origin or "base", revision)))
    return steps


def run(connection: Connection, target: str) -> None:
    """Bring the database to a revision, "head" or "base", up or down. Raises UnknownRevision as `plan` does."""
    config = _configured(connection=connection)
    known, at = _known(config), migrations.revision_of(connection)
    if at not in (None, *known):
        raise migrations.UnknownRevision
    upwards = target == "head" or (target != "base" and known.index(target) >= (known.index(at) if at else 0))
    (command.upgrade if upwards else command.downgrade)(config, target)


def _missing(known: list[str], before: str | None) -> list[tuple[str | None, str]]:
    """Pairs of a revision and the next, from `before` on."""
    at = [None, *known]
    if before not in at:
        raise migrations.UnknownRevision
    return list(zip(at, known, strict=False))[at.index(before) :]


def _sql(config: Config, origin: str, revision: str) -> str:
    config.output_buffer = StringIO()
    command.upgrade(config, f"{origin}:{revision}", sql=True)
    return str(config.output_buffer.getvalue()).strip()


def _configured(**attributes: Any) -> Config:
    config = Config()
    config.set_main_option("script_location", str(migrations.FOLDER))
    config.attributes.update(attributes)
    return config


def _known(config: Config) -> list[str]:
    """All revisions, oldest first."""
    return [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()][::-1]
