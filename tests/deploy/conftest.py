"""Two replicas on one database and one Valkey, behind nginx."""

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.deploy.nginx import Nginx, fronting, reserve
from tests.e2e.server import Server, free_port, serving
from tests.support import valkey


@dataclass
class Deployment:
    nginx: Nginx
    folder: Path
    settings: dict[str, str]
    replicas: list[Server] = field(default_factory=list)

    @property
    def database(self) -> Path:
        return self.folder / "shared/gatepost.db"

    def execute(self, sql: str) -> None:
        with closing(sqlite3.connect(self.database)) as database, database:
            assert database.execute(sql).rowcount

    def token_names(self) -> set[str]:
        with closing(sqlite3.connect(self.database)) as database:
            return {name for (name,) in database.execute("SELECT name FROM tokens")}

    @contextmanager
    def replica(self, name: str, port: int | None = None) -> Iterator[Server]:
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        with serving(folder, **self.settings, **({"PORT": str(port)} if port else {})) as started:
            yield started


@contextmanager
def deployed(folder: Path, *, grpc: bool = False) -> Iterator[Deployment]:
    for name in ("nginx", "valkey"):
        (folder / name).mkdir()
    nginx = reserve(folder / "nginx")
    with ExitStack() as running:
        store = running.enter_context(valkey.running(folder / "valkey", free_port()))
        settings = {
            "PUBLIC_URL": nginx.url,
            "TRUSTED_PROXIES": "127.0.0.1",
            "DATABASE_URL": f"sqlite+aiosqlite:///{folder}/shared/gatepost.db",
            "LIMITS_URL": store.url,
            "SECRET_KEYS": "key-of-the-deployment-0123456789-abcdef",
            "HTTP2": "on" if grpc else "off",
            "TOKEN_QUOTA": "100000",
        }
        deployment = Deployment(nginx, folder, settings)
        deployment.replicas += [running.enter_context(deployment.replica(name)) for name in ("one", "other")]
        running.enter_context(fronting(nginx, [each.port for each in deployment.replicas], grpc=grpc))
        yield deployment


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with deployed(tmp_path_factory.mktemp("deployment")) as started:
        yield started
