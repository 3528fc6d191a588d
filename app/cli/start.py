"""What `serve` and `migrate` begin with, and what they say where they cannot."""

import sys
from pathlib import Path
from typing import NoReturn

import typer
from pydantic import SecretStr

from app.cli.database import unwritable
from app.core.config import ConfigError, Settings, load_settings
from app.core.secrets import local_key


def settings_and_key_file(workers: int | None = None) -> tuple[Settings, Path | None]:
    """The settings, with so many processes if given, and the file with this machine's own key if they name none."""
    try:
        settings = load_settings(**{} if workers is None else {"workers": workers})
        key_file = settings.local_secret_file
        key = (SecretStr(local_key(key_file)),) if key_file else settings.secret_keys
        return settings.model_copy(update={"secret_keys": key}), key_file
    except ConfigError as error:
        give_up(error.problems)
    except OSError as error:
        give_up([unwritable(error)])


def give_up(problems: list[str]) -> NoReturn:
    print("Gatepost cannot start:", *(f"  {line}" for line in problems), sep="\n", file=sys.stderr)
    raise typer.Exit(code=2)
