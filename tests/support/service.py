"""The whole service in process: production middleware, a real database, the clock alone replaced."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage
from http.cookies import SimpleCookie
from pathlib import Path
from types import MappingProxyType
from typing import Any
from uuid import UUID

from connectrpc.protocol import ProtocolType
from pydantic import SecretStr
from pyqwest import Client, HTTPVersion, Request, Response, Transport
from pyqwest.testing import ASGITransport
from sqlalchemy import TextClause, Uuid, bindparam, text
from sqlalchemy.types import NullType
from sqlmodel import UTCDateTime
from starlette.applications import Starlette

from app.core.config import Settings
from app.core.db import Tx
from app.main import Parts, create_app
from app.rpc.access import Policy
from app.rpc.serve import Service
from gen.accounts.v1.accounts_v1_connect import AccountsServiceClient, PublicAccountsServiceClient
from gen.accounts.v1.accounts_v1_pb import SignInRequest, SignUpRequest
from gen.grpc.health.v1.health_connect import HealthClient
from gen.test.v1.test_v1_connect import TestAuthServiceClient, TestNoAuthServiceClient
from gen.tokens.v1.tokens_v1_connect import TokensServiceClient
from tests.support import letters
from tests.support.clock import FakeClock
from tests.support.databases import Original, sqlite_url

ORIGIN = "http://127.0.0.1:8000"
PASSWORD = "correct horse battery"
COOKIE = "gatepost_session"


class CookieJar(Transport):
    """Keeps what Set-Cookie says and sends it back, as a browser does."""

    def __init__(self, inner: Transport, headers: Mapping[str, str]) -> None:
        self._inner = inner
        self.headers = dict(headers)
        self.cookies: dict[str, str] = {}
        self.set_cookies: list[str] = []
        """The Set-Cookie lines of the last answer."""

    async def execute(self, request: Request) -> Response:
        for name, value in self.headers.items():
            request.headers[name] = value
        if self.cookies and "cookie" not in self.headers:
            request.headers["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        response = await self._inner.execute(request)
        self.set_cookies = list(response.headers.getall("set-cookie"))
        for line in self.set_cookies:
            for name, morsel in SimpleCookie(line).items():
                if morsel["max-age"] == "0":
                    self.cookies.pop(name, None)
                else:
                    self.cookies[name] = morsel.value
        return response


class Browser:
    """One client of the service: every generated client over one cookie jar."""

    def __init__(self, transport: Transport, headers: Mapping[str, str], **options: Any) -> None:
        self.jar = CookieJar(transport, headers)
        options = {"http_client": Client(self.jar), "protocol": ProtocolType.CONNECT, **options}
        origin = options.pop("origin", ORIGIN)
        self.public = PublicAccountsServiceClient(origin, **options)
        self.accounts = AccountsServiceClient(origin, **options)
        self.tokens = TokensServiceClient(origin, **options)
        self.ping = TestNoAuthServiceClient(origin, **options)
        self.pong = TestAuthServiceClient(origin, **options)
        self.health = HealthClient(origin, **options)

    @property
    def session(self) -> str | None:
        """The value of the session cookie; assign to present another."""
        return self.jar.cookies.get(COOKIE)

    @session.setter
    def session(self, value: str | None) -> None:
        self.jar.cookies.pop(COOKIE, None)
        if value is not None:
            self.jar.cookies[COOKIE] = value

    async def sign_up(self, email: str, password: str = PASSWORD) -> None:
        await self.public.sign_up(SignUpRequest(email=email, password=password))

    async def sign_in(self, email: str, password: str = PASSWORD) -> None:
        await self.public.sign_in(SignInRequest(email=email, password=password))


@dataclass(eq=False)
class Gatepost:
    """A started service, as tests hold it."""

    app: Starlette
    clock: FakeClock
    settings: Settings
    addresses: int = field(default=0)

    @property
    def parts(self) -> Parts:
        parts: Parts = self.app.state.parts
        return parts

    def browser(self, *, ip: str = "", **options: Any) -> Browser:
        """A client without a credential. Each has an IP address of its own unless `ip` is given, so that limits by
        client bite only where a test wants them to. `options` go to the generated clients: protocol, codec."""
        self.addresses += 1
        ip = ip or f"10.0.{self.addresses // 250}.{self.addresses % 250 + 1}"
        headers = options.pop("headers", {})
        version = options.pop("http_version", HTTPVersion.HTTP1)
        return Browser(ASGITransport(self.app, version, client=(ip, 50000)), headers, **options)

    async def session(self, email: str = "ada@example.test", *, password: str = PASSWORD, **options: Any) -> Browser:
        """A browser that has just signed up, unless the address had, and in."""
        browser = self.browser(**options)
        if not await self.fetch("SELECT 1 FROM accounts WHERE address = ?", email.lower()):
            await browser.sign_up(email, password)
        await browser.sign_in(email, password)
        return browser

    def bearer(self, value: str, **options: Any) -> Browser:
        """A client that presents a token, and no cookie."""
        return self.browser(headers={"authorization": f"Bearer {value}"}, **options)

    @property
    def on_sqlite(self) -> bool:
        return self.settings.database_file is not None

    async def fetch(self, sql: str, *values: Any) -> list[Any]:
        """Rows, straight from the database, as SQLite has them: UUIDs, times and JSON are text.

        Each `?` stands for a value, and `rowid` for the order in which rows were written.
        """
        async with self.parts.db.read() as tx:
            rows = (await tx.execute(*_bound(tx, sql, values))).all()
        return [tuple(map(_as_on_sqlite, row)) for row in rows]

    async def execute(self, sql: str, *values: Any) -> None:
        """Change rows in a way that no RPC offers yet."""
        async with self.parts.db.write() as tx:
            await tx.execute(*_bound(tx, sql, values))

    async def mails(self) -> list[EmailMessage]:
        """All mails delivered up to now, oldest first."""
        await self.parts.delivery.deliver_due()
        assert self.settings.mail_folder, "with a server, its letters are the mails"
        files = sorted(self.settings.mail_folder.glob("*.eml"))
        return [letters.parse(file.read_bytes()) for file in files]


def _bound(tx: Tx, sql: str, values: Sequence[Any]) -> tuple[TextClause, dict[str, Any]]:
    names = [f"value_{number}" for number in range(len(values))]
    first, *parts = sql.split("?")
    statement = first + "".join(f":{name}{part}" for name, part in zip(names, parts, strict=True))
    if tx.dialect.name == "postgresql":
        statement = statement.replace("rowid", "ctid")
    typed = [
        bindparam(name, type_=_TYPES.get(type(value), NullType())) for name, value in zip(names, values, strict=True)
    ]
    return text(statement).bindparams(*typed), dict(zip(names, values, strict=True))


def _as_on_sqlite(value: Any) -> Any:
    match value:
        case UUID():
            return value.hex
        case datetime():
            return f"{value:%Y-%m-%d %H:%M:%S.%f}"
        case dict() | list():
            return json.dumps(value)
    return value


_TYPES = {UUID: Uuid(), datetime: UTCDateTime()}
"""Of values that SQLite's driver does not take as they are."""


def settings_for(folder: Path, **changes: Any) -> Settings:
    """Settings that read neither the environment nor `.env`; the database is a file in the folder."""
    return Settings(
        **{
            "database_url": sqlite_url(folder / "gatepost.db"),
            "mail_url": f"file://{folder}/mail",
            "secret_keys": (SecretStr("first-key-of-the-tests-0123456789"),),
            "password_threads": 1,
            **changes,
        }
    )


@asynccontextmanager
async def started(
    folder: Path,
    migrated: Original,
    *,
    extra: Sequence[Service] = (),
    extra_policies: Mapping[str, Policy] = MappingProxyType({}),
    clock: FakeClock | None = None,
    **changes: Any,
) -> AsyncIterator[Gatepost]:
    """The service on a copy of the migrated database, or on the one that the folder has already: a restart."""
    settings = settings_for(folder, database_url=migrated.url_in(folder), **changes)
    clock = clock or FakeClock()
    app = create_app(settings, clock=clock, extra=extra, extra_policies=extra_policies)
    async with app.state.parts.running():
        yield Gatepost(app, clock, settings)
