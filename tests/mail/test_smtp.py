"""What a mail server sees of us: connections, certificates, passwords, letters."""

import asyncio
import ssl
from pathlib import Path
from typing import Any

import pytest
import trustme
from structlog.testing import capture_logs

import app.mail.smtp
from app.core.config import Settings
from app.core.db import Database
from app.core.secrets import new_id
from app.mail.delivery import Delivery
from app.mail.outbox import ClaimedMail
from app.mail.render import Renderer
from app.mail.senders import sender_of
from tests.mail.conftest import CODE, VERIFY, To, away, queue, stored, verify_email, waiting
from tests.support.clock import FakeClock
from tests.support.smtp import LOGIN, LOGIN_IN_URL, smtp_server

NAME = "mail.example.com"


async def test_a_letter_arrives_as_it_was_written(db: Database, clock: FakeClock, to: To) -> None:
    async with smtp_server() as server:
        await queue(db, clock, verify_email())
        assert await to(server).deliver_due() == 1
    [letter] = server.letters
    assert (letter["From"], letter["To"]) == ("Gatepost <gatepost@localhost>", "ada@example.com")
    assert letter.get_content().startswith(f"Your code is {CODE}.")
    assert [part.get_content_type() for part in letter.iter_parts()] == ["text/plain", "text/html"]


async def test_a_pass_is_one_connection_and_the_next_pass_another(db: Database, clock: FakeClock, to: To) -> None:
    async with smtp_server() as server:
        for _ in range(2):
            await queue(db, clock, *(verify_email(f"{number}@example.com") for number in range(3)))
            assert await to(server).deliver_due() == 3
    assert [session.host_name for session in server.sessions] == ["[127.0.0.1]"] * 2
    assert len(server.letters) == 6


async def test_two_processes_send_each_mail_once(db: Database, other_db: Database, clock: FakeClock, to: To) -> None:
    await queue(db, clock, *(verify_email(f"{number}@example.com") for number in range(20)))
    async with smtp_server() as server:
        sent = await asyncio.gather(to(server).deliver_due(), to(server, db=other_db).deliver_due())
    assert sum(sent) == 20
    assert sorted(letter["To"] for letter in server.letters) == sorted(f"{number}@example.com" for number in range(20))
    assert len(server.sessions) == 2, "both were at it"


async def test_killed_midway_a_mail_is_sent_after_its_lease(
    db: Database, other_db: Database, clock: FakeClock, to: To
) -> None:
    await queue(db, clock, verify_email())
    async with smtp_server() as server:
        server.open_door.clear()
        dying = asyncio.create_task(to(server, db=other_db).run())
        await server.got_letter.wait()
        dying.cancel()
        await asyncio.wait([dying])
        server.open_door.set()

        assert await to(server).deliver_due() == 0
        clock.advance(60)
        assert await to(server).deliver_due() == 1
    assert server.letters[-1]["To"] == "ada@example.com"


@pytest.mark.parametrize("tls", ["starttls", "from the start"])
async def test_the_password_is_told_over_tls(db: Database, clock: FakeClock, to: To, trusted: Any, tls: Any) -> None:
    async with smtp_server(tls=tls, login=True, certificate=trusted) as server:
        await queue(db, clock, verify_email())
        assert await to(server, scheme_of(tls), LOGIN_IN_URL, NAME).deliver_due() == 1
    assert (server.logins, len(server.letters)) == ([LOGIN], 1)
    assert server.sessions[0].ssl is not None or tls != "starttls"


async def test_without_tls_the_password_goes_to_this_machine(db: Database, clock: FakeClock, to: To) -> None:
    async with smtp_server(login=True) as server:
        await queue(db, clock, verify_email())
        assert await to(server, "smtp", LOGIN_IN_URL).deliver_due() == 1
    assert server.logins == [LOGIN]


async def test_without_tls_the_password_goes_nowhere_else(
    db: Database, clock: FakeClock, to: To, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app.mail.smtp, "_is_here", lambda _: False)
    async with smtp_server(login=True) as server:
        await queue(db, clock, verify_email())
        assert await away(to(server, "smtp", LOGIN_IN_URL)) == app.mail.smtp.WOULD_BE_OVERHEARD
    assert (server.logins, server.letters) == ([], [])


@pytest.mark.parametrize("tls", ["starttls", "from the start"])
@pytest.mark.parametrize("certified", [NAME, "another.example.com"])
async def test_a_certificate_that_cannot_be_verified_ends_it(
    db: Database, clock: FakeClock, to: To, trusted: Any, ca: trustme.CA, tls: Any, certified: str
) -> None:
    """From an authority that nobody knows, or for another server."""
    certificate = (trustme.CA() if certified == NAME else ca).issue_cert(certified)
    async with smtp_server(tls=tls, login=True, certificate=certificate) as server:
        await queue(db, clock, verify_email())
        assert await away(to(server, scheme_of(tls), LOGIN_IN_URL, NAME)) == app.mail.smtp.UNTRUSTED
    assert (server.logins, server.letters) == ([], [])


@pytest.mark.parametrize("tls", ["starttls", "from the start"])
async def test_on_this_machine_a_certificate_may_be_homemade(db: Database, clock: FakeClock, to: To, tls: Any) -> None:
    async with smtp_server(tls=tls) as server:
        await queue(db, clock, verify_email())
        assert await to(server, scheme_of(tls)).deliver_due() == 1


async def test_a_wrong_password_is_the_operators_and_no_log_has_it(db: Database, clock: FakeClock, to: To) -> None:
    async with smtp_server(login=True) as server:
        await queue(db, clock, verify_email())
        with capture_logs() as logs:
            assert await away(to(server, "smtp", "gatepost:hunter2@")) == app.mail.smtp.LOGIN_REFUSED
    assert await waiting(db, clock) == [4]
    assert [line["event"] for line in logs] == ["mail_not_sent"]
    for secret in ("hunter2", CODE, "ada@example.com"):
        assert secret not in str(logs)


async def test_after_a_letter_cut_short_the_next_gets_a_connection_of_its_own(settings: Settings) -> None:
    """The answer to the first may still come, and would be taken for the second's."""
    moment = FakeClock().now()
    claimed = ClaimedMail(new_id(moment), "verify_email", "ada@example.com", VERIFY, moment, moment, attempts=1)
    letter = Renderer(settings).render(claimed)
    async with smtp_server() as server:
        server.open_door.clear()
        async with sender_of(Settings(mail_url=server.url)).opened() as send:
            cut_short = asyncio.ensure_future(send(letter))
            await server.got_letter.wait()
            cut_short.cancel()
            await asyncio.wait([cut_short])
            server.open_door.set()
            await send(letter)
        assert len(server.sessions) == 2


async def test_our_times_fit_into_each_other(to: To) -> None:
    async with smtp_server() as server:
        delivery = to(server)
    assert delivery.send_within >= app.mail.smtp.CONNECT_WITHIN
    assert app.mail.smtp.ANSWER_WITHIN <= delivery.send_within < 60, "the lease"
    assert delivery.pause <= 2, "a queued mail goes to SMTP within 2 s"


async def test_an_address_beyond_ascii_needs_a_server_that_knows_them(db: Database, clock: FakeClock, to: To) -> None:
    jose = "josé@example.com"
    async with smtp_server() as server:
        await queue(db, clock, verify_email(jose))
        assert await to(server).deliver_due() == 1
    assert server.letters[0]["To"] == jose

    async with smtp_server(utf8=False) as server:
        await queue(db, clock, verify_email(jose), verify_email("ada@example.com"))
        assert await to(server).deliver_due() == 1
    waits = [(row.recipient, row.template, row.delivered_at is None) for row in await stored(db)]
    assert waits.count((jose, "verify_email", True)) == 1
    assert waits.count(("ada@example.com", "verify_email", False)) == 1


@pytest.mark.parametrize(
    ("origin", "name"),
    [
        ("https://accounts.example.com", "accounts.example.com"),
        ("http://192.0.2.1:8000", "[192.0.2.1]"),
        ("http://[2001:db8::1]", "[IPv6:2001:db8::1]"),
    ],
)
async def test_we_greet_by_our_public_name(db: Database, clock: FakeClock, origin: str, name: str) -> None:
    async with smtp_server() as server:
        settings = Settings(mail_url=server.url, public_url=origin)
        await queue(db, clock, verify_email())
        await Delivery(db, clock, sender_of(settings), Renderer(settings)).deliver_due()
    assert server.sessions[0].host_name == name


def scheme_of(tls: str) -> str:
    return "smtp" if tls == "starttls" else "smtps"


@pytest.fixture
def ca() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def trusted(ca: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> trustme.LeafCert:
    """A certificate for NAME that this machine believes in; and the name leads here."""
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv(ssl.get_default_verify_paths().openssl_cafile_env, str(tmp_path / "ca.pem"))
    look_up = asyncio.BaseEventLoop.getaddrinfo

    async def here(loop: Any, host: Any, port: Any, **options: Any) -> Any:
        return await look_up(loop, "127.0.0.1" if host == NAME else host, port, **options)

    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", here)
    return ca.issue_cert(NAME)
