"""ASGI applications on ports of their own, in the loop of the test, with TLS if they have a certificate."""

import asyncio
import base64
import hashlib
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import trustme
import uvicorn
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import load_pem_x509_certificate


@dataclass(frozen=True, slots=True)
class Certificate:
    """For 127.0.0.1, by an authority that no browser knows."""

    chain: Path
    key: Path
    fingerprint: str
    """SHA-256 of the key's SubjectPublicKeyInfo, in base64."""

    @property
    def options(self) -> dict[str, Path]:
        """What uvicorn serves it with."""
        return {"ssl_certfile": self.chain, "ssl_keyfile": self.key}


def certificate(folder: Path) -> Certificate:
    made = trustme.CA().issue_cert("127.0.0.1")
    made.cert_chain_pems[0].write_to_path(folder / "chain.pem")
    made.private_key_pem.write_to_path(folder / "key.pem")
    public_key = load_pem_x509_certificate(made.cert_chain_pems[0].bytes()).public_key()
    described = public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    fingerprint = base64.b64encode(hashlib.sha256(described).digest()).decode()
    return Certificate(folder / "chain.pem", folder / "key.pem", fingerprint)


def any_port() -> socket.socket:
    """A socket that listens; whoever connects before it is served waits."""
    return socket.create_server(("127.0.0.1", 0))


@asynccontextmanager
async def running(config: uvicorn.Config, listener: socket.socket) -> AsyncIterator[None]:
    server = _Server(config)
    served = asyncio.ensure_future(server.serve(sockets=[listener]))
    try:
        yield
    finally:
        server.should_exit = True
        for connection in list(server.server_state.connections):
            # A browser keeps its connections, and over TLS asyncio would wait 30 s for it to take leave.
            connection.transport.abort()
        await served


@asynccontextmanager
async def listening(
    app: Callable[..., Any], *, host: str = "127.0.0.1", certificate: Certificate | None = None
) -> AsyncIterator[str]:
    """The origin of a page: of an application beside the service. `host` is a name of 127.0.0.1 that browsers know."""
    listener, scheme = any_port(), "https" if certificate else "http"
    tls: dict[str, Any] = certificate.options if certificate else {}
    async with running(uvicorn.Config(app, log_config=None, lifespan="off", **tls), listener):
        yield f"{scheme}://{host}:{listener.getsockname()[1]}"


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield  # Ctrl-C is for pytest
