"""Where mail leaves the service: the port that `MAIL_URL` chooses."""

import asyncio
import os
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Protocol
from uuid import UUID

import structlog

from app.core.config import Settings

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail ready to go, with what a log may tell of it: neither recipient nor text."""

    id: UUID
    template: str
    message: EmailMessage


class Sender(Protocol):
    async def send(self, letter: Letter) -> None:
        """Returns once the other side is responsible for the letter, and raises whatever kept it from being so.

        The same letter can come again: mail is sent at least once.
        """
        ...


def sender_of(settings: Settings) -> Sender:
    """The one that `MAIL_URL` names; `core.config` has refused schemes that there is no sender for."""
    return FileSender(settings.mail_folder)


class FileSender:
    """Leaves mail as .eml files for the user of this machine, who reads in the log where."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.absolute()

    async def send(self, letter: Letter) -> None:
        # The same letter has the same name, so that one sent twice is one file; names sort by time.
        path = self._folder / f"{letter.message['Date'].datetime:%Y%m%dT%H%M%SZ}-{letter.id}.eml"
        await asyncio.to_thread(_write, path, letter.message.as_bytes())
        log.info("mail_written", path=str(path), template=letter.template)


def _write(path: Path, content: bytes) -> None:
    # Codes are for the owner's eyes; and whoever watches the folder must never see half a mail.
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    with open(part, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(content)
    part.replace(path)
