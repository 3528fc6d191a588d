"""Debian's PgBouncer with the configuration that is shipped, its ports and paths put in."""

import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.deploy.nginx import DEPLOY, put_in
from tests.e2e.server import START_WITHIN, free_port
from tests.support.postgresql import UNPRIVILEGED

PASSWORD = "hunter2"
LENT = 3
"""Connections that it has to lend: fewer than two processes want, so that they take turns."""


class PgBouncer:
    def __init__(self, folder: Path, port: int, command: list[str]) -> None:
        self.folder = folder
        self.port = port
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"postgresql+asyncpg://gatepost:{PASSWORD}@127.0.0.1:{self.port}/gatepost"

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log, cwd=self.folder)
        deadline = time.monotonic() + START_WITHIN
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return
            except ConnectionRefusedError:
                told = (self.folder / "log").read_text()
                assert self._process.poll() is None, told
                assert time.monotonic() < deadline, told
                time.sleep(0.02)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@contextmanager
def running(server: int) -> Iterator[PgBouncer]:
    """In front of the PostgreSQL at this port."""
    program = shutil.which("pgbouncer", path="/usr/sbin:/usr/bin") or pytest.fail("no pgbouncer: make test-deploy")
    with tempfile.TemporaryDirectory(prefix="pgbouncer-") as name:  # not pytest's: others may not enter that
        folder, port = Path(name), free_port()
        (folder / "userlist.txt").write_text(f'"gatepost" "{PASSWORD}"\n')
        changes = {
            "port=5432": f"port={server}",
            "listen_port = 6432": f"listen_port = {port}",
            re.escape("/etc/pgbouncer/userlist.txt"): f"{folder}/userlist.txt",
            "default_pool_size = 20": f"default_pool_size = {LENT}",
        }
        # By itself it has a socket in the temporary folder, too.
        (folder / "ini").write_text(put_in(DEPLOY / "pgbouncer.ini", changes) + "unix_socket_dir =\n")
        command = [program, str(folder / "ini")]
        if os.geteuid() == 0:  # which it refuses to be
            shutil.chown(folder, UNPRIVILEGED)
            command[1:1] = ["-u", UNPRIVILEGED]
        pooler = PgBouncer(folder, port, command)
        try:
            pooler.start()
            yield pooler
        finally:
            pooler.kill()
