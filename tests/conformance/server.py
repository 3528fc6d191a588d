"""One server for the Connect conformance suite: Gatepost, its whole stack, with the suite's service in it.

The runner starts it for each protocol, HTTP version and TLS on or off, with a migrated database file to copy. It reads
from standard input what is wanted, and says on standard output where that is; both are one message, behind its length
in four bytes.
"""

import shutil
import signal
import sys
from contextlib import redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

import uvicorn

from app.core.log import configure
from app.main import create_app
from app.server import configured, listen
from tests.conformance.gen.connectrpc.conformance.v1.config_pb import HTTPVersion
from tests.conformance.gen.connectrpc.conformance.v1.server_compat_pb import ServerCompatRequest, ServerCompatResponse
from tests.conformance.service import POLICIES, SERVICE
from tests.support.service import settings_for


def main() -> None:
    # uvicorn stops at SIGTERM and then passes it on, which would end the process before the folder is gone.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    wanted = ServerCompatRequest.from_binary(_read(sys.stdin.buffer))
    with TemporaryDirectory() as folder, redirect_stdout(sys.stderr):  # the log too: nobody would read it on stdout
        shutil.copyfile(sys.argv[1], f"{folder}/gatepost.db")
        _serve(wanted, Path(folder), sys.__stdout__.buffer)


def _serve(wanted: ServerCompatRequest, folder: Path, runner: BinaryIO) -> None:
    configure("error")
    settings = settings_for(
        folder,
        port=0,
        http2="on" if wanted.http_version is HTTPVersion.HTTP_VERSION_2 else "off",
        body_limit=wanted.message_receive_limit,
    )
    app = create_app(settings, extra=[SERVICE], extra_policies=POLICIES)
    listener = listen(settings)
    host, port = listener.getsockname()
    where = ServerCompatResponse(host=host, port=port)
    certificate = {}
    if wanted.use_tls and wanted.server_creds:
        where.pem_cert = wanted.server_creds.cert
        certificate = {"ssl_certfile": folder / "cert.pem", "ssl_keyfile": folder / "key.pem"}
        certificate["ssl_certfile"].write_bytes(wanted.server_creds.cert)
        certificate["ssl_keyfile"].write_bytes(wanted.server_creds.key)
    _write(runner, where.to_binary())  # who calls before it runs waits in the socket's queue
    uvicorn.Server(configured(app, settings, **certificate)).run(sockets=[listener])


def _read(stream: BinaryIO) -> bytes:
    return stream.read(int.from_bytes(stream.read(4), "big"))


def _write(stream: BinaryIO, message: bytes) -> None:
    stream.write(len(message).to_bytes(4, "big") + message)
    stream.flush()


if __name__ == "__main__":
    main()
