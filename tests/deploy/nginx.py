"""Debian's nginx with the configuration that is shipped, its ports, paths and replicas put in."""

import os
import re
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPSConnection
from pathlib import Path

import pytest
import trustme

from tests.e2e.server import ROOT, START_WITHIN, free_port

DEPLOY = ROOT / "deploy"
NAME = "accounts.example.com"

_AROUND = """
daemon off;
worker_processes 1;  # so that each call meets the connections that others left
pid {folder}/nginx.pid;
error_log {folder}/error.log notice;
{user}
events {{}}
http {{
    access_log {folder}/access.log;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    gzip on;  # as Debian has it
    include {folder}/conf.d/*.conf;
}}
"""


@dataclass(frozen=True, slots=True)
class Nginx:
    folder: Path
    https: int
    http: int
    authority: trustme.CA

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.https}"

    @property
    def tls(self) -> ssl.SSLContext:
        """What a client that knows our authority goes by."""
        context = ssl.create_default_context()
        self.authority.configure_trust(context)
        return context

    def connect(self, source: str = "127.0.0.1") -> HTTPSConnection:
        """A connection of a client with this address, which is one of this machine's many."""
        return HTTPSConnection("127.0.0.1", self.https, timeout=20, context=self.tls, source_address=(source, 0))

    @property
    def errors(self) -> str:
        return (self.folder / "error.log").read_text()


@contextmanager
def fronting(nginx: Nginx, replicas: Sequence[int], *, grpc: bool = False) -> Iterator[None]:
    """nginx in front of these ports; with `grpc` its lines for native gRPC are taken in."""
    program = shutil.which("nginx", path="/usr/sbin:/usr/bin") or pytest.fail("no nginx here: make test-deploy")
    certificate = nginx.authority.issue_cert("127.0.0.1", NAME)
    certificate.private_key_and_cert_chain_pem.write_to_path(str(nginx.folder / "pem"))
    _write_configuration(nginx, replicas, grpc)
    process = subprocess.Popen(
        [program, "-p", nginx.folder, "-c", nginx.folder / "nginx.conf", "-e", nginx.folder / "error.log"],
        stderr=subprocess.PIPE,
    )
    try:
        _await_connection(nginx, process)
        yield
    finally:
        process.terminate()  # fast; the workers go with it
        _, told = process.communicate(timeout=20)
        assert told == b"", told.decode()


def reserve(folder: Path) -> Nginx:
    """Ports first, since Gatepost is told its public address before nginx is told where it is."""
    return Nginx(folder, free_port(), free_port(), trustme.CA())


def _write_configuration(nginx: Nginx, replicas: Sequence[int], grpc: bool) -> None:
    folder = nginx.folder
    user = "user root;" if os.getuid() == 0 else ""
    (folder / "nginx.conf").write_text(_AROUND.format(folder=folder, user=user))
    one = "    server 127.0.0.1:8000 max_fails=1 fail_timeout=1s;\n"
    each = "".join(one.replace("8000", str(port)) for port in replicas)
    (folder / "conf.d").mkdir()
    (folder / "conf.d/upstream.conf").write_text(put_in(DEPLOY / "upstream.conf", {re.escape(one): each}))
    changes = {
        r"\b443 ssl": f"{nginx.https} ssl",
        r"listen 80;": f"listen {nginx.http};",
        r"listen \[::\]:80;": f"listen [::]:{nginx.http};",
        rf"/etc/letsencrypt/live/{re.escape(NAME)}/\w+\.pem": str(folder / "pem"),
    }
    if grpc:
        changes[r"# (?=if \(\$gatepost_native_grpc)"] = ""
    if not _speaks_ipv6():
        changes[r".*listen \[::\].*\n"] = ""
    (folder / "conf.d/gatepost.conf").write_text(put_in(DEPLOY / "nginx.conf", changes))


def put_in(file: Path, changes: dict[str, str]) -> str:
    text = file.read_text()
    for pattern, with_this in changes.items():
        text, found = re.subn(pattern, with_this, text)
        assert found, f"{file.name} has no {pattern} any more"
    return text


def _speaks_ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


def _await_connection(nginx: Nginx, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + START_WITHIN
    while True:
        try:
            socket.create_connection(("127.0.0.1", nginx.https)).close()
            return
        except ConnectionRefusedError:
            assert process.poll() is None, nginx.errors
            assert time.monotonic() < deadline, nginx.errors
            time.sleep(0.02)
