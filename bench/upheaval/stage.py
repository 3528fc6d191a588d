"""Two replicas behind nginx, on one PostgreSQL and one Valkey, all of them real."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.upheaval.people import Address
from tests.deploy.nginx import fronting, reserve
from tests.e2e.server import Server, free_port, run, serving
from tests.support import postgresql, valkey
from tests.support.postgresql import PostgreSQL

NAMES = ("one", "other")


@dataclass
class Stage:
    folder: Path
    database: PostgreSQL
    settings: dict[str, str]
    front: Address
    running: dict[str, tuple[ExitStack, Server]] = field(default_factory=dict)

    def start(self, name: str, port: int | None = None) -> int:
        """Start a replica, where it was or at any port; the port."""
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        stack = ExitStack()
        server = stack.enter_context(serving(folder, **self.settings, **({"PORT": str(port)} if port else {})))
        self.running[name] = stack, server
        return server.port

    def kill(self, name: str) -> int:
        """kill -9; the port that is free now."""
        stack, server = self.running.pop(name)
        stack.close()  # which kills it
        return server.port

    def restart_database(self) -> None:
        self.database.stop()
        self.database.start()

    def crash_database(self) -> None:
        self.database.kill()
        self.database.start()

    @property
    def replicas(self) -> list[Address]:
        return [Address(server.url) for _, server in self.running.values()]

    def close(self) -> None:
        for name in list(self.running):
            self.kill(name)


@contextmanager
def staged(folder: Path) -> Iterator[Stage]:
    for name in ("nginx", "valkey"):
        (folder / name).mkdir()
    nginx = reserve(folder / "nginx")
    with ExitStack() as around:
        database = around.enter_context(postgresql.running(options=postgresql.AS_IT_COMES))
        database.execute("CREATE DATABASE gatepost")
        store = around.enter_context(valkey.running(folder / "valkey", free_port()))
        settings = {
            "ENVIRONMENT": "production",
            "PUBLIC_URL": nginx.url,
            "TRUSTED_PROXIES": "127.0.0.1",
            "DATABASE_URL": database.url("gatepost"),
            "LIMITS_URL": store.url,
            "SECRET_KEYS": "key-of-the-upheaval-0123456789-abcdef",
            "TOKEN_QUOTA": "100000",
        }
        migrated = run(folder, "migrate", **settings)
        assert migrated.returncode == 0, migrated.stderr  # noqa: S101
        stage = Stage(folder, database, settings, Address(nginx.url, nginx.authority.cert_pem.bytes()))
        around.callback(stage.close)
        ports = [stage.start(name) for name in NAMES]
        around.enter_context(fronting(nginx, ports))
        yield stage
