"""What we make of a mail server's answers, or of none."""

from dataclasses import replace

import pytest
from structlog.testing import capture_logs

import app.mail.smtp
from app.core.db import Database
from tests.mail.conftest import To, away, queue, stored, verify_email, waiting
from tests.support.clock import FakeClock
from tests.support.smtp import silent_server, smtp_server


@pytest.mark.parametrize("answer", ["550 5.1.1 No such user", "551 Not here", "552 5.2.2 Full", "553 5.1.3 What?"])
async def test_a_recipient_refused_for_good_is_given_up_after_ten_attempts(
    db: Database, clock: FakeClock, to: To, answer: str
) -> None:
    async with smtp_server() as server:
        await queue(db, clock, verify_email())
        server.answers["RCPT"] = answer
        with capture_logs() as logs:
            for delay in (4, 8, 16, 32, 64, 128, 256, 512, 1024):
                assert await to(server).deliver_due() == 0
                assert await waiting(db, clock) == [delay]
                clock.advance(delay)
            assert await to(server).deliver_due() == 0
    assert await stored(db) == []
    told = {"template": "verify_email", "why": "refused", "log_level": "warning"}
    first = {"event": "mail_not_sent", "error": "SMTPRecipientsRefused"}
    assert [logs[0], logs[-1]] == [{**first, "attempts": 1, **told}, {"event": "mail_dropped", "attempts": 10, **told}]


async def test_a_recipient_that_is_taken_after_all_gets_the_mail(db: Database, clock: FakeClock, to: To) -> None:
    async with smtp_server() as server:
        await queue(db, clock, verify_email())
        server.answers["RCPT"] = "550 5.1.1 No such user"
        assert await to(server).deliver_due() == 0
        server.answers.clear()
        clock.advance(4)
        assert await to(server).deliver_due() == 1
    assert len(server.letters) == 1


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("RCPT", "450 4.2.1 Busy"),
        ("RCPT", "451 4.7.1 Greylisted"),
        ("RCPT", "530 Log in first"),
        ("RCPT", "554 5.7.1 Relay access denied"),
        ("DATA", "451 Later"),
        ("DATA", "554 Message rejected"),
    ],
)
async def test_other_refusals_are_of_one_letter_and_it_is_tried_again(
    db: Database, clock: FakeClock, to: To, command: str, answer: str
) -> None:
    async with smtp_server() as server:
        await queue(db, clock, verify_email("a@example.com"), verify_email("b@example.com"))
        server.answers[command] = answer
        assert await to(server).deliver_due() == 0
        assert await waiting(db, clock) == [4, 4]
        assert len(server.sessions) == 1, "the connection is still good"
        server.answers.clear()
        clock.advance(4)
        assert await to(server).deliver_due() == 2
    assert len(server.letters) == 2


@pytest.mark.parametrize("answer", ["451 Slow down", "550 5.7.1 Not your address"])
async def test_a_refused_sender_holds_up_everything(db: Database, clock: FakeClock, to: To, answer: str) -> None:
    async with smtp_server() as server:
        await queue(db, clock, verify_email("a@example.com"), verify_email("b@example.com"))
        server.answers["MAIL"] = answer
        assert await away(to(server)) == app.mail.smtp.SENDER_REFUSED
    assert await waiting(db, clock) == [0, 4], "the second was not tried"


async def test_a_server_that_is_away_is_asked_once_a_pass(db: Database, clock: FakeClock, to: To) -> None:
    async with smtp_server() as server:
        pass
    await queue(db, clock, verify_email("a@example.com"), verify_email("b@example.com"))
    assert await away(to(server)) == app.mail.smtp.NO_ANSWER
    assert await waiting(db, clock) == [0, 4]
    async with smtp_server(port=server.port) as back:
        clock.advance(4)
        assert await to(server).deliver_due() == 2
    assert len(back.letters) == 2


async def test_a_silent_server_is_left(db: Database, clock: FakeClock, to: To, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app.mail.smtp, "CONNECT_WITHIN", 0.01)
    await queue(db, clock, verify_email())
    async with silent_server() as server:
        assert await away(to(server)) == app.mail.smtp.NO_ANSWER
    assert await waiting(db, clock) == [4]


async def test_a_server_that_falls_silent_is_left_and_its_late_answer_is_nobody_elses(
    db: Database, clock: FakeClock, to: To, monkeypatch: pytest.MonkeyPatch
) -> None:
    await queue(db, clock, verify_email())
    async with smtp_server() as server:
        server.open_door.clear()
        assert await replace(to(server), send_within=0.2).deliver_due() == 0
        monkeypatch.setattr(app.mail.smtp, "ANSWER_WITHIN", 0.2)
        clock.advance(4)
        assert await away(to(server)) == app.mail.smtp.NO_ANSWER
    assert await waiting(db, clock) == [8]
