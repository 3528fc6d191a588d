"""Whoever reads what a mail server got."""

from dataclasses import dataclass
from email.message import EmailMessage

from tests.accounts.calls import codes
from tests.support.smtp import SmtpServer


@dataclass
class Mailbox:
    """Reads each mail once, as it arrives."""

    server: SmtpServer
    read: int = 0

    async def any(self) -> EmailMessage:
        mail = (await self.server.arrived(self.read + 1))[self.read]
        self.read += 1
        return mail

    async def next(self, to: str, subject: str) -> EmailMessage:
        """The next mail, which must be to this address and about this."""
        mail = await self.any()
        assert mail["To"] == to
        assert subject in mail["Subject"].lower()
        return mail

    async def code(self, to: str, subject: str = "code") -> str:
        [code] = codes(await self.next(to, subject))
        return code
