"""Mail for local use: as files, who can read them, what they are called and what the log says of them; or printed."""

import asyncio
import os
import re
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from app.core.config import Settings
from app.core.db import Database
from app.mail.delivery import Delivery
from app.mail.outbox import Mail
from app.mail.render import Renderer
from app.mail.senders import sender_of
from tests.mail.conftest import CODE, queue, stored, verify_email
from tests.support.clock import FakeClock


async def test_a_code_is_found_by_its_owner_and_nobody_else(
    db: Database, clock: FakeClock, delivery: Delivery, settings: Settings
) -> None:
    before = os.umask(0)
    try:
        await queue(db, clock, verify_email())
        await delivery.deliver_due()
    finally:
        os.umask(before)

    [path] = settings.mail_folder.iterdir()
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert f"Your code is {CODE}." in path.read_text()


async def test_the_log_names_the_whole_path_and_neither_code_nor_recipient(
    db: Database, clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    relative = Settings(mail_url="file:data/mail")
    await queue(db, clock, verify_email("ada@example.com"))
    with capture_logs() as logs:
        await Delivery(db, clock, sender_of(relative), Renderer(relative)).deliver_due()

    [path] = (tmp_path / "data/mail").iterdir()
    assert logs == [{"event": "mail_written", "path": str(path), "template": "verify_email", "log_level": "info"}]


async def test_names_sort_by_time(db: Database, clock: FakeClock, delivery: Delivery, settings: Settings) -> None:
    for number in range(5):
        await queue(db, clock, verify_email(f"{number}@example.com"))
        clock.advance(0.001 if number < 3 else 3600)
    await delivery.deliver_due()

    texts = [path.read_text() for path in sorted(settings.mail_folder.iterdir())]
    assert [re.findall(r"^To: (\d)@", text, re.MULTILINE) for text in texts] == [[str(number)] for number in range(5)]
    assert min(settings.mail_folder.iterdir()).name.startswith("20260101T120000Z-")


async def test_half_a_mail_is_never_seen(
    db: Database, clock: FakeClock, delivery: Delivery, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def disk_full(*_: object) -> None:
        raise OSError("no space left")

    await queue(db, clock, verify_email())
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", disk_full)
        assert await delivery.deliver_due() == 0
    assert list(settings.mail_folder.glob("*.eml")) == []

    clock.advance(5)
    assert await delivery.deliver_due() == 1
    assert [path.suffix for path in settings.mail_folder.iterdir()] == [".eml"]


async def test_the_loop_goes_on_while_a_file_is_written(
    db: Database, clock: FakeClock, delivery: Delivery, settings: Settings
) -> None:
    """A FIFO in the place of the file blocks its writer until somebody reads."""
    await queue(db, clock, Mail("sign_up_attempt", "ada@example.com", {"ip": "192.0.2.7"}))
    [row] = await stored(db)
    settings.mail_folder.mkdir()
    pipe = settings.mail_folder / f"20260101T120000Z-{row.id}.part"
    os.mkfifo(pipe)

    sending = asyncio.create_task(delivery.deliver_due())
    content = await asyncio.to_thread(pipe.read_bytes)

    assert await sending == 1
    assert content.startswith(b"From: Gatepost")


async def test_printed_mail_can_be_read_and_used(
    db: Database, clock: FakeClock, capsys: pytest.CaptureFixture[str]
) -> None:
    console = Settings(mail_url="console:")
    await queue(db, clock, verify_email("josé@example.com"))
    assert await Delivery(db, clock, sender_of(console), Renderer(console)).deliver_due() == 1

    lines = capsys.readouterr().out.splitlines()
    assert lines[1:5] == [
        "To: josé@example.com",
        "Subject: Your code for Gatepost",
        "",
        f"Your code is {CODE}. It is good for 10 minutes.",
    ]
    assert f"http://127.0.0.1:8000/#/verify-email?email=jos%C3%A9%40example.com&code={CODE}" in lines
    assert "<" not in "".join(lines)


async def test_a_stranger_cannot_drive_the_terminal(
    db: Database, clock: FakeClock, capsys: pytest.CaptureFixture[str]
) -> None:
    console = Settings(mail_url="console://")
    context = {"name": "x\x1b[2J\x9b31m\x07", "ip": "192.0.2.7"}
    await queue(db, clock, Mail("token_created", "ada@example.com", context))
    assert await Delivery(db, clock, sender_of(console), Renderer(console)).deliver_due() == 1
    assert capsys.readouterr().out.replace("\n", "").isprintable()
