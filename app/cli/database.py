"""The database for one errand."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app import migrations
from app.core.config import ConfigError, Settings
from app.core.db import Database
from app.core.errors import Unavailable


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Database]:
    """Raises ConfigError where it cannot be used, also from within its block."""
    try:
        db = Database(settings.database_url, pool_size=2)
    except OSError as error:
        raise ConfigError([unwritable(error)]) from error
    try:
        yield db
    except Unavailable as error:
        raise ConfigError([f"DATABASE_URL: {db.why_away(error)}"]) from error
    except migrations.UnknownRevision as error:
        later = "A later version of Gatepost has migrated this database. Start that one, or a later one still."
        raise ConfigError([later]) from error
    finally:
        await db.close()


def unwritable(error: OSError) -> str:
    if error.errno is None:
        return str(error)  # our own: a key that others can read
    return f"DATABASE_URL: cannot keep data in {error.filename} ({error.strerror}). Name a folder that can be written."
