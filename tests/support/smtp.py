"""A real mail server (aiosmtpd) on a port of its own, in the loop of the test."""

import asyncio
import ssl
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any, Literal

import trustme
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.support.letters import parse


@dataclass
class SmtpServer:
    """What it got, and how it answers."""

    port: int = 0
    letters: list[EmailMessage] = field(default_factory=list)
    """Those it took, oldest first."""
    sessions: list[Session] = field(default_factory=list)
    """A session for each connection that came as far as a sender."""
    logins: list[tuple[str, str]] = field(default_factory=list)
    """Users and passwords, good and bad."""
    answers: dict[str, str] = field(default_factory=dict)
    """To MAIL, RCPT and DATA instead of OK: `answers["RCPT"] = "550 5.1.1 No such user"`."""
    got_letter: asyncio.Event = field(default_factory=asyncio.Event)
    """Set while a letter stands before the door."""
    open_door: asyncio.Event = field(default_factory=asyncio.Event)
    """Clear it, and a letter is neither taken nor refused."""

    _taken: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def arrived(self, number: int) -> list[EmailMessage]:
        """The letters, as soon as there are so many."""
        async with self._taken:
            await self._taken.wait_for(lambda: len(self.letters) >= number)
        return self.letters

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    async def handle_MAIL(self, _: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:
        if session not in self.sessions:
            self.sessions.append(session)
        if "MAIL" in self.answers:
            return self.answers["MAIL"]
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(self, _: SMTP, __: Session, envelope: Envelope, address: str, options: list[str]) -> str:
        if "RCPT" in self.answers:
            return self.answers["RCPT"]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _: SMTP, __: Session, envelope: Envelope) -> str:
        self.got_letter.set()
        await self.open_door.wait()
        if "DATA" in self.answers:
            return self.answers["DATA"]
        assert isinstance(envelope.content, bytes)
        letter = parse(envelope.content)
        assert [letter["To"]] == envelope.rcpt_tos
        async with self._taken:
            self.letters.append(letter)
            self._taken.notify_all()
        return "250 OK"

    def authenticate(self, _: SMTP, __: Session, ___: Envelope, ____: str, auth: Any) -> AuthResult:
        assert isinstance(auth, LoginPassword)
        self.logins.append((auth.login.decode(), auth.password.decode()))
        return AuthResult(success=self.logins[-1] == LOGIN, handled=False)


LOGIN = ("gatepost", "s3cret/:@%ü")
"""The one user of a server that wants one, in MAIL_URL `LOGIN_IN_URL`."""
LOGIN_IN_URL = "gatepost:s3cret%2F%3A%40%25%C3%BC@"


@asynccontextmanager
async def smtp_server(
    *,
    tls: Literal["", "starttls", "from the start"] = "",
    certificate: trustme.LeafCert | None = None,
    login: bool = False,
    utf8: bool = True,
    port: int = 0,
) -> AsyncIterator[SmtpServer]:
    server = SmtpServer()
    server.open_door.set()
    context = None
    if tls:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        (certificate or trustme.CA().issue_cert("127.0.0.1", "localhost")).configure_cert(context)

    def protocol() -> SMTP:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore"
            )  # that it takes passwords without TLS; whether they are sent is what we test
            return SMTP(
                server,
                hostname="mail.test",
                ident="SMTP",
                enable_SMTPUTF8=utf8,
                tls_context=context if tls == "starttls" else None,
                auth_required=login,
                auth_require_tls=False,
                authenticator=server.authenticate if login else None,
                loop=asyncio.get_running_loop(),
            )

    listener = await asyncio.get_running_loop().create_server(
        protocol, "127.0.0.1", port, ssl=context if tls == "from the start" else None
    )
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        server.open_door.set()
        listener.close()
        await listener.wait_closed()


@asynccontextmanager
async def silent_server() -> AsyncIterator[SmtpServer]:
    """Takes connections and never says a word."""
    server = SmtpServer()
    gone = asyncio.Event()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server.got_letter.set()
        await gone.wait()
        writer.close()

    listener = await asyncio.start_server(listen, "127.0.0.1", 0)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        gone.set()
        listener.close()
        await listener.wait_closed()
