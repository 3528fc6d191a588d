"""The web console: a page that calls the same public RPCs as any other client. Its source is in `web/`."""

from app.console.build import Build, build, is_built
from app.console.console import Console

__all__ = ["Build", "Console", "build", "is_built"]
