"""Whatever the mail server does, those who call the service notice nothing."""

import asyncio
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from app.mail.delivery import Delivery
from app.mail.letter import Send, ServerAway
from app.mail.smtp import SmtpSender
from tests.support.databases import Original
from tests.support.service import started
from tests.support.smtp import silent_server, smtp_server

ADA, BOB = "ada@example.test", "bob@example.test"


@pytest.mark.parametrize("server", ["refusing", "silent", "away"])
async def test_no_call_asks_the_server(
    server: str, tmp_path: Path, migrated: Original, monkeypatch: pytest.MonkeyPatch, asked: list[str]
) -> None:
    async def no_worker(_: Delivery) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(Delivery, "run", no_worker)
    monkeypatch.setattr("app.mail.smtp.CONNECT_WITHIN", 0.01 if server == "silent" else 10)
    async with (
        silent_server() if server == "silent" else smtp_server() as other,
        started(tmp_path, migrated, mail_url="smtp://127.0.0.1:1" if server == "away" else other.url) as gatepost,
    ):
        other.answers["MAIL"] = "451 Later"
        await gatepost.session(ADA)
        assert asked == []
        with pytest.raises(ServerAway):
            await gatepost.parts.delivery.deliver_due()
        await gatepost.session(BOB)
        assert asked == ["opened"]
        assert await gatepost.fetch("SELECT count(*) FROM mail_outbox WHERE delivered_at IS NULL") == [(2,)]


async def test_calls_are_answered_while_a_letter_stands_before_the_door(tmp_path: Path, migrated: Original) -> None:
    """With the service's own worker, which brings the mail by itself."""
    async with smtp_server() as server, started(tmp_path, migrated, mail_url=server.url) as gatepost:
        server.open_door.clear()
        await gatepost.browser().sign_up(ADA)
        await server.got_letter.wait()
        await gatepost.session(BOB)
        assert server.letters == []
        server.open_door.set()
        assert sorted(letter["To"] for letter in await server.arrived(2)) == [ADA, BOB]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A line for each time that somebody turned to the server."""
    lines: list[str] = []
    opened = SmtpSender.opened

    def noted(sender: SmtpSender) -> AbstractAsyncContextManager[Send]:
        lines.append("opened")
        return opened(sender)

    monkeypatch.setattr(SmtpSender, "opened", noted)
    return lines
