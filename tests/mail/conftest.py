"""A real outbox on a real database, and a worker that writes real files."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from app.core.clock import Clock
from app.core.config import Settings
from app.core.db import Database
from app.mail.delivery import Delivery
from app.mail.letter import Letter, Send, ServerAway
from app.mail.outbox import Mail, MailRow, Outbox
from app.mail.render import Renderer
from app.mail.senders import sender_of
from tests.support.clock import FakeClock
from tests.support.databases import Original
from tests.support.smtp import SmtpServer

To = Callable[..., Delivery]
CODE = "12345678"
VERIFY = {"code": CODE, "minutes": "10", "signed_up_at": "2026-01-01T12:00:00+00:00", "signed_up_from": "192.0.2.7"}


def verify_email(to: str = "ada@example.com", **other: Any) -> Mail:
    return Mail("verify_email", to, VERIFY, **other)


async def queue(db: Database, clock: Clock, *mails: Mail) -> None:
    async with db.write() as tx:
        for mail in mails:
            await Outbox(clock).queue(tx, mail)


async def stored(db: Database) -> list[Any]:
    async with db.read() as tx:
        return list(await tx.execute(select(MailRow.__table__).order_by(MailRow.recipient)))


class Held:
    """A mail server that answers when the test lets it, with an error if it is given one."""

    def __init__(self, error: Exception | None = None) -> None:
        self.holding = asyncio.Event()
        self.go_on = asyncio.Event()
        self.error = error

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Send]:
        yield self._send

    async def _send(self, _: Letter) -> None:
        self.holding.set()
        await self.go_on.wait()
        if self.error:
            raise self.error


async def cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert task.cancelled()


async def away(delivery: Delivery) -> str:
    """Why the server counts as away; ours must be the words."""
    with pytest.raises(ServerAway) as caught:
        await delivery.deliver_due()
    return caught.value.why


async def waiting(db: Database, clock: FakeClock) -> list[float]:
    """Seconds until each waiting mail is tried again, rising."""
    rows = [row for row in await stored(db) if row.delivered_at is None]
    return sorted((row.next_attempt_at - clock.now()).total_seconds() for row in rows)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(mail_url=f"file://{tmp_path}/mail")


@pytest.fixture
def url(tmp_path: Path, migrated: Original) -> str:
    return migrated.url_in(tmp_path)


@pytest.fixture
async def db(url: str) -> AsyncIterator[Database]:
    database = Database(url)
    yield database
    await database.close()


@pytest.fixture
async def other_db(url: str) -> AsyncIterator[Database]:
    """The same as another process has it."""
    database = Database(url)
    yield database
    await database.close()


@pytest.fixture
def delivery(db: Database, clock: FakeClock, settings: Settings) -> Delivery:
    return Delivery(db, clock, sender_of(settings), Renderer(settings))


@pytest.fixture
def to(db: Database, clock: FakeClock) -> To:
    """A process that delivers to the server."""

    def make(
        server: SmtpServer, scheme: str = "smtp", login: str = "", host: str = "127.0.0.1", **other: Any
    ) -> Delivery:
        settings = Settings(mail_url=f"{scheme}://{login}{host}:{server.port}")
        return Delivery(other.get("db", db), clock, sender_of(settings), Renderer(settings))

    return make
