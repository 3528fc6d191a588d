"""`MAIL_URL` taken apart; what it refuses is in test_config."""

from pathlib import Path

import pytest

from app.core.config import Settings
from app.core.mail_url import MailServer

SERVERS = [
    ("smtp://mail.example.com", MailServer("mail.example.com", 587, tls=False)),
    ("smtp://mail.example.com/", MailServer("mail.example.com", 587, tls=False)),
    ("SMTPS://Mail.Example.com", MailServer("mail.example.com", 465, tls=True)),
    ("smtp://mail.example.com:2525", MailServer("mail.example.com", 2525, tls=False)),
    ("smtp://localhost", MailServer("localhost", 25, tls=False)),
    ("smtp://127.0.0.1", MailServer("127.0.0.1", 25, tls=False)),
    ("smtp://[::1]", MailServer("::1", 25, tls=False)),
    ("smtps://localhost", MailServer("localhost", 465, tls=True)),
    ("smtps://ada:lovelace@mail.example.com", MailServer("mail.example.com", 465, True, "ada", "lovelace")),
    ("smtp://ada%40b.c:p%C3%A4ss%2F%3A%25%40@[::1]:26", MailServer("::1", 26, False, "ada@b.c", "päss/:%@")),
]


@pytest.mark.parametrize(("url", "server"), SERVERS)
def test_a_server(url: str, server: MailServer) -> None:
    settings = Settings(mail_url=url)
    assert (settings.mail_server, settings.mail_folder) == (server, None)


@pytest.mark.parametrize(
    ("url", "folder"),
    [("file:data/mail", "data/mail"), ("file:///a%20b", "/a b"), ("console:", ""), ("console://", "")],
)
def test_mail_that_stays_on_this_machine(url: str, folder: str) -> None:
    settings = Settings(mail_url=url)
    assert (settings.mail_server, settings.mail_folder) == (None, Path(folder) if folder else None)


def test_the_password_is_never_shown() -> None:
    settings = Settings(mail_url="smtps://ada:hunter2@mail.example.com")
    assert "hunter2" not in f"{settings} {settings!r} {settings.mail_server} {settings.mail_server!r}"
    assert str(settings.mail_server) == "mail.example.com:465"
    assert str(Settings(mail_url="smtp://[::1]").mail_server) == "[::1]:25"


@pytest.mark.parametrize(
    ("host", "here"),
    [("localhost", True), ("127.9.9.9", True), ("[::1]", True), ("localhost.example.com", False), ("10.0.0.1", False)],
)
def test_only_loopback_is_this_machine(host: str, here: bool) -> None:
    server = Settings(mail_url=f"smtp://{host}").mail_server
    assert server is not None
    assert server.is_this_machine == here
