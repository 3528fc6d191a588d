"""What one Pong is made of, in microseconds of processor time: whole calls below the server, steps of the check.

usage: python -m bench.stages

No server and no load generator: the application is called as a server would call it, one call after the other, on a
database of its own. Each figure is the least of seven rounds, since whatever else the machine does can only add to it.
It runs on earlier versions too, to compare them.
"""

import asyncio
import itertools
import json
import logging
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from tempfile import TemporaryDirectory
from typing import Any

import structlog
import uvloop
from connectrpc.request import Headers, RequestContext
from pydantic import SecretStr
from starlette.types import ASGIApp, Message, Scope

from app import migrations
from app.accounts import store as accounts_store
from app.accounts.models import Session
from app.core import secrets
from app.core.caller import Caller, Client
from app.core.config import Settings
from app.core.db import Database
from app.main import create_app
from app.rpc.client import Clients
from app.rpc.cookies import SessionCookie
from app.test.handlers import PingHandlers
from gen.test.v1.test_v1_connect import TestNoAuthServiceASGIApplication

KEY = "a-key-for-benchmarks-0123456789abcdef"
ROUNDS, CALLS, SESSIONS = 7, 2000, 20
PING, PONG = "/test.v1.TestNoAuthService/Ping", "/test.v1.TestAuthService/Pong"
ME = {"email": "ada@example.com", "password": "correct horse battery"}
Pairs = Sequence[tuple[bytes, bytes]]


async def main() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    with TemporaryDirectory() as folder:
        url = f"sqlite+aiosqlite:///{folder}/gatepost.db"
        settings = Settings(
            database_url=url, mail_url=f"file://{folder}/mail", secret_keys=(SecretStr(KEY),), limits="off"
        )
        database = Database(url)
        await migrations.migrate(database)
        await database.close()
        app = create_app(settings)
        async with app.state.parts.running():
            await calls(app)
            await steps(app, app.state.parts.db)


async def calls(app: ASGIApp) -> None:
    await call(app, "/accounts.v1.PublicAccountsService/SignUp", ME)
    cookies = itertools.cycle([await signed_in(app) for _ in range(SESSIONS)])
    cookie = next(cookies)
    made = await call(app, "/tokens.v1.TokensService/CreateToken", {"tokenMetadata": {"name": "bench"}}, cookie)
    token = [(b"authorization", f"Bearer {json.loads(made[1]['body'])['tokenValue']['token']}".encode())]
    bare = TestNoAuthServiceASGIApplication(PingHandlers())
    print("one call, below the server")
    await show("Ping, connectrpc alone", pinging(bare, PING, itertools.repeat([])))
    await show("Ping", pinging(app, PING, itertools.repeat([])))
    await show("Pong by cookie, the same again", pinging(app, PONG, itertools.repeat(cookie)))
    await show("Pong by token, the same again", pinging(app, PONG, itertools.repeat(token)))
    parts = app.state.parts  # type: ignore[attr-defined]

    async def cold() -> None:
        if hasattr(parts.db, "writes"):
            parts.db.writes += 1  # as after any commit: all is read anew
        await again()

    again = pinging(app, PONG, cookies)
    await show("Pong by cookie, read anew", cold)


async def steps(app: ASGIApp, db: Database) -> None:
    cookie = (await signed_in(app))[0][1].decode()
    value = cookie.partition("=")[2]
    headers = Headers({"host": "127.0.0.1:8000", "cookie": cookie, "user-agent": "bench"})
    ctx: Any = RequestContext(method=None, http_method="POST", request_headers=headers, client_address="127.0.0.1:5")  # type: ignore[arg-type]
    signatures = secrets.Signatures([KEY], "session")
    session_id = secrets.UUID(str(signatures.unsign(value)).partition(".")[0])
    reader, clients = SessionCookie(https=False), Clients([])
    row = await db.point(accounts_store.sessions.BY_ID, id=session_id)
    assert row is not None  # noqa: S101
    session, client = Session(*row), Client("127.0.0.1", "bench")
    print("\nsteps of the check")
    await show("client", lambda: clients.of(ctx))
    await show("cookie out of its header", lambda: reader.presented(ctx))
    await show("SHA-256 of it", lambda: secrets.digest(value))
    await show("signature", lambda: signatures.unsign(value))
    await show("ID", lambda: secrets.UUID(session_id.hex))
    await show("point read", lambda: db.point(accounts_store.sessions.BY_ID, id=session_id))
    await show("row to session", lambda: Session(*row))
    await show("caller", lambda: Caller(session.account_id, client, session.id, expires_at=session.idle_ends_at))


async def show(what: str, step: Callable[[], Any]) -> None:
    best = float("inf")
    for _ in range(ROUNDS):
        begun = time.process_time()
        for _ in range(CALLS):
            if isinstance(result := step(), Awaitable):
                await result
        best = min(best, time.process_time() - begun)
    print(f"  {what:36}{best / CALLS * 1e6:8.1f}")


def pinging(app: ASGIApp, path: str, credentials: Iterator[Pairs]) -> Callable[[], Awaitable[None]]:
    async def once() -> None:
        [start, _] = await call(app, path, {}, next(credentials))
        assert start["status"] == 200, start  # noqa: S101

    return once


async def signed_in(app: ASGIApp) -> Pairs:
    start, _ = await call(app, "/accounts.v1.PublicAccountsService/SignIn", ME)
    [cookie] = [value for name, value in start["headers"] if name == b"set-cookie"]
    return [(b"cookie", cookie.partition(b";")[0])]


async def call(app: ASGIApp, path: str, message: dict[str, Any], credential: Pairs = ()) -> list[Message]:
    body, sent, over = json.dumps(message).encode(), list[Message](), False

    async def receive() -> Message:
        nonlocal over
        if over:
            await asyncio.Event().wait()  # connected until the end
        over = True
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope(path, len(body), credential), receive, send)
    return sent


def scope(path: str, length: int, credential: Pairs) -> Scope:
    headers = [(b"host", b"127.0.0.1:8000"), (b"content-type", b"application/json"), *credential]
    return {
        "type": "http",
        "http_version": "1.1",
        "scheme": "http",
        "method": "POST",
        "path": path,
        "root_path": "",
        "query_string": b"",
        "client": ("127.0.0.1", 50000),
        "headers": [*headers, (b"content-length", str(length).encode())],
    }


if __name__ == "__main__":
    uvloop.run(main())
