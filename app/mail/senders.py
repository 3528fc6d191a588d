"""Where mail goes: to a server (`mail.smtp`) or, for local use, to files or the terminal. `MAIL_URL` chooses."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.message import EmailMessage
from pathlib import Path
from typing import cast

import structlog

from app.core.config import Settings
from app.mail.letter import Letter, Send, Sender
from app.mail.smtp import SmtpSender

log = structlog.get_logger()


def sender_of(settings: Settings) -> Sender:
    if settings.mail_server:
        return SmtpSender(settings.mail_server, settings.origin)
    return FileSender(settings.mail_folder) if settings.mail_folder else ConsoleSender()


class FileSender:
    """Leaves mail as .eml files for the user of this machine, who reads in the log where."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.absolute()

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Send]:
        yield self._send

    async def _send(self, letter: Letter) -> None:
        # The same letter has the same name, so that one sent twice is one file; names sort by time.
        path = self._folder / f"{letter.message['Date'].datetime:%Y%m%dT%H%M%SZ}-{letter.id}.eml"
        await asyncio.to_thread(_write, path, letter.message.as_bytes())
        log.info("mail_written", path=str(path), template=letter.template)


class ConsoleSender:
    """Prints mail, codes and all, for whoever started the service; production refuses it."""

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Send]:
        yield self._send

    async def _send(self, letter: Letter) -> None:
        await asyncio.to_thread(print, _as_text(letter), flush=True)  # a pipe that nobody reads must block nobody else


def _as_text(letter: Letter) -> str:
    text = cast(EmailMessage, next(letter.message.iter_parts()))
    rule = "-" * 72
    headers = (f"{name}: {letter.message[name]}" for name in ("To", "Subject"))
    return "\n".join([rule, *headers, "", text.get_content().replace("\r\n", "\n").strip(), rule])


def _write(path: Path, content: bytes) -> None:
    # Codes are for the owner's eyes; and whoever watches the folder must never see half a mail.
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    with open(part, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(content)
    part.replace(path)
