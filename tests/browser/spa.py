"""examples/spa, made and served by the commands that its README section gives."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.e2e.programs import NODE_MODULES, found, run
from tests.e2e.server import ROOT, clean_environment

SOURCES = ("index.html", "page.ts", "vite.config.ts")
_CHECK = "--noEmit --strict --target es2022 --module esnext --moduleResolution bundler --types vite/client page.ts"


def build(folder: Path, gatepost: str) -> Path:
    """A copy of the example in `folder`, built to call the service at this URL."""
    spa = folder / "examples/spa"
    shutil.copytree(ROOT / "examples/spa", spa, ignore=shutil.ignore_patterns("node_modules", "messages", "dist"))
    (folder / "proto").symlink_to(ROOT / "proto")
    (spa / "node_modules").symlink_to(NODE_MODULES)
    _run(spa, "npm", "run", "generate")
    _run(spa, "tsc", *_CHECK.split())
    _run(spa, "npm", "run", "build", VITE_GATEPOST=gatepost)
    return spa


@contextmanager
def served(spa: Path, port: int) -> Iterator[str]:
    """The origin of the built page, on this port."""
    with subprocess.Popen(
        [found("vite"), "preview", "--port", str(port)],
        cwd=spa,
        env=clean_environment(spa),
        stdout=subprocess.PIPE,
        text=True,
    ) as vite:
        assert vite.stdout
        try:
            told = next(line for line in vite.stdout if "http://" in line)
            yield told.split()[-1].rstrip("/")
        finally:
            vite.terminate()


def _run(spa: Path, program: str, *arguments: str, **environment: str) -> None:
    ran = run(program, *arguments, folder=spa, environment=environment)
    assert ran.status == 0, ran.stdout + ran.stderr
