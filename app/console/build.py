"""The built console as `make console` leaves it in `assets/`, read once into memory, where it also lies compressed.

It is committed: a wheel must hold it, and `make run` on a machine without Node would otherwise have no console.
"""

import gzip
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from html import escape
from pathlib import Path

from app.core import secrets

ASSETS = Path(__file__).with_name("assets")
_TYPES = {
    ".css": b"text/css; charset=utf-8",
    ".html": b"text/html; charset=utf-8",
    ".js": b"text/javascript; charset=utf-8",
    ".svg": b"image/svg+xml",
}
_INDEX = "index.html"


@dataclass(frozen=True)
class File:
    content_type: bytes
    body: bytes
    lasts: bool
    """Whether its name changes with what is in it, so that a copy is good for ever."""

    @cached_property
    def compressed(self) -> bytes:
        """There is no secret in it that its length could tell (BREACH)."""
        return gzip.compress(self.body, mtime=0)

    @cached_property
    def tag(self) -> str:
        """What an entity tag begins with."""
        return secrets.digest(self.body.decode()).hex()[:32]


Build = Mapping[str, File]
"""Every file by the path that it is served under."""


def build(service_name: str, folder: Path = ASSETS) -> Build:
    """The files of the build; none if it is not there, as in a source tree from which somebody left it out."""
    return dict(_files(service_name, folder)) if is_built(folder) else {}


def is_built(folder: Path = ASSETS) -> bool:
    return (folder / _INDEX).is_file()


def _files(service_name: str, folder: Path) -> Iterator[tuple[str, File]]:
    for path in sorted(folder.iterdir()):
        body, content_type = path.read_bytes(), _TYPES[path.suffix]
        if path.name == _INDEX:
            yield "/", File(content_type, _named(body.decode(), service_name).encode(), lasts=False)
        else:
            yield f"/assets/{path.name}", File(content_type, body, lasts=True)


def _named(page: str, service_name: str) -> str:
    """The page says whose console it is. No RPC tells that."""
    name = escape(service_name)
    return page.replace('content="Gatepost"', f'content="{name}"').replace("<title>Gatepost<", f"<title>{name}<")
