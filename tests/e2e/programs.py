"""The clients that are programs: curl, buf and Node."""

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.server import ROOT, clean_environment

NODE_MODULES = ROOT / "tests/node/node_modules"
_WHERE_FROM = {
    "curl": "install the package curl",
    "buf": "it comes with requirements-dev.lock: make test",
    "node": "it comes with requirements-dev.lock: make test",
    "npm": "it comes with requirements-dev.lock: make test",
    "tsc": "it is in tests/node: make test",
    "vite": "it is in tests/node: make test",
}

_GENERATE: Sequence[str] = (
    "generate",
    str(ROOT / "proto"),
    "--template",
    '{"version": "v2", "plugins": [{"local": "protoc-gen-es", "out": "messages", "include_imports": true,'
    ' "opt": "target=js+dts,import_extension=js"}]}',
)


@dataclass(frozen=True, slots=True)
class Ran:
    status: int
    stdout: str
    stderr: str


def run(
    program: str, *arguments: str, folder: Path, stdin: bytes = b"", environment: Mapping[str, str] | None = None
) -> Ran:
    """Run to the end, in `folder`, with a clean environment and these variables besides."""
    env = {**clean_environment(folder), **(environment or {})}
    ran = subprocess.run(
        [found(program), *arguments], cwd=folder, env=env, input=stdin, capture_output=True, timeout=60
    )
    return Ran(ran.returncode, ran.stdout.decode(errors="replace"), ran.stderr.decode(errors="replace"))


def found(program: str) -> str:
    """Where it is, this clone's before the machine's."""
    path = shutil.which(program, path=clean_environment(ROOT)["PATH"])
    return path or pytest.fail(f"{program} is not on this machine: {_WHERE_FROM[program]}")


def node_project(folder: Path, *programs: Path) -> None:
    """Make `folder` a Node project with these programs, the installed packages, and messages/ generated anew."""
    if not NODE_MODULES.exists():
        pytest.fail("tests/node/node_modules is missing: make test installs it, and so does `npm ci` in tests/node")
    (folder / "node_modules").symlink_to(NODE_MODULES)
    shutil.copy(ROOT / "tests/node/package.json", folder)
    for program in programs:
        shutil.copy(program, folder)
    generated = run("buf", *_GENERATE, folder=folder)
    assert generated.status == 0, generated.stderr
