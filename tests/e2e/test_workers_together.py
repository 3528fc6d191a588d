"""Two processes of one service, on one file and one Valkey: what one knows, the other knows."""

import asyncio
import os
import re
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from email.message import EmailMessage
from itertools import count
from threading import Barrier

import pytest

from app.core.clock import SystemClock
from app.core.db import Database
from app.core.verified import LIFE
from tests.e2e.server import Server, free_port
from tests.e2e.workers import PASSWORD, At, many, pids, until
from tests.mail.conftest import queue, verify_email
from tests.support import valkey
from tests.support.letters import parse

PUBLIC, ACCOUNTS, TOKENS = "accounts.v1.PublicAccountsService", "accounts.v1.AccountsService", "tokens.v1.TokensService"
PONG = "test.v1.TestAuthService/Pong"
MAILS = 80
NUMBERS = count(1)

Both = tuple[At, At]


def test_a_session_of_one_is_good_at_the_other_until_it_ends_there(both: Both, ada: dict[str, str]) -> None:
    here, there = both
    assert here.call(f"{PUBLIC}/SignIn", ada)[0] == 200
    there.headers["cookie"] = here.headers["cookie"]
    assert there.call(PONG)[0] == 200
    assert there.call(f"{ACCOUNTS}/SignOut")[0] == 200
    assert refused_in_time(here)


def test_a_changed_password_ends_other_sessions_in_both(both: Both, ada: dict[str, str]) -> None:
    here, there = both
    here.call(f"{PUBLIC}/SignIn", ada)
    there.call(f"{PUBLIC}/SignIn", ada)
    changed = {"currentPassword": {"password": PASSWORD}, "newPassword": {"password": f"{PASSWORD} anew"}}
    assert (there.call(PONG)[0], here.call(f"{ACCOUNTS}/ChangePassword", changed)[0]) == (200, 200)
    assert refused_in_time(there)
    assert here.call(PONG)[0] == 200


@pytest.mark.parametrize("end", ["ForceTokenExpiration", "RegenerateToken"])
def test_a_token_that_ends_at_one_is_refused_by_the_other(end: str, both: Both, ada: dict[str, str]) -> None:
    here, there = both
    here.call(f"{PUBLIC}/SignIn", ada)
    _, made = here.call(f"{TOKENS}/CreateToken", {"tokenMetadata": {"name": "ci"}})
    there.headers["authorization"] = f"Bearer {made['tokenValue']['token']}"
    assert there.call(PONG)[0] == 200
    assert here.call(f"{TOKENS}/{end}", {"tokenUuid": made["tokenUuid"]})[0] == 200
    assert refused_in_time(there)


def refused_in_time(at: At) -> bool:
    """Whether no call that begins later than the bound after this moment is let in."""
    now = time.monotonic()
    while time.monotonic() - now <= LIFE:
        if at.call(PONG)[0] == 401:
            return True
    return at.call(PONG)[0] == 401


def test_guesses_spread_over_both_count_together(both: Both, ada: dict[str, str]) -> None:
    wrong = {**ada, "password": "wrong horse battery"}
    answers = [both[number % 2].call(f"{PUBLIC}/SignIn", wrong)[0] for number in range(8)]
    assert answers == [401] * 5 + [429] * 3


def test_guesses_at_once_at_both_count_together(both: Both, server: Server, ada: dict[str, str]) -> None:
    wrong = {**ada, "password": "wrong horse battery"}
    answers = Counter(at_once(server, both, 6, lambda at: at.call(f"{PUBLIC}/SignIn", wrong)[0]))
    assert answers == {401: 5, 429: 7}


def test_a_code_that_is_used_at_once_at_both_is_good_once(both: Both, server: Server, ada: dict[str, str]) -> None:
    data = {"email": ada["email"]}
    assert both[0].call(f"{PUBLIC}/ResetPassword", {"data": data})[0] == 200
    new = {"data": data, "code": reset_code(server, data["email"]), "password": {"password": f"{PASSWORD} anew"}}
    answers = Counter(at_once(server, both, 4, lambda at: at.call(f"{PUBLIC}/NewPassword", new)[0]))
    assert answers[200] == 1
    assert answers.total() == 8


def test_a_mail_that_both_are_after_is_sent_once(server: Server) -> None:
    """They are held until all mails are there and let go together, again and again until both have sent some."""
    sent = 0
    while {each["process"] for each in server.log if each["event"] == "mail_written"} != {1, 2} or not sent:
        addresses = [f"many{sent + number}@example.test" for number in range(MAILS)]
        for pid in pids(server):
            os.kill(pid, signal.SIGSTOP)
        asyncio.run(queue_mails(server, addresses))
        for pid in pids(server):
            os.kill(pid, signal.SIGCONT)
        until(lambda: outbox(server) == 0, server)
        sent += MAILS
    times = Counter(each["path"] for each in server.log if each["event"] == "mail_written")
    assert set(times.values()) == {1}
    assert sorted(mail["To"] for mail in mails(server) if mail["To"].startswith("many")) == sorted(
        f"many{number}@example.test" for number in range(sent)
    )


def at_once(server: Server, both: Both, each: int, call: Callable[[At], int]) -> list[int]:
    """What each of so many connections to each process answered, all begun together."""
    ways = [At(server, at.pid) for at in both for _ in range(each)]
    barrier = Barrier(len(ways))

    def together(way: At) -> int:
        barrier.wait()
        return call(way)

    with ThreadPoolExecutor(len(ways)) as threads:
        answers = list(threads.map(together, ways))
    for way in ways:
        way.close()
    return answers


def reset_code(server: Server, address: str) -> str:
    """Of the mail about a new password, once it is there."""
    found: list[str] = []

    def there() -> bool:
        found[:] = [
            re.findall(r"^Your code is (\d{8})", mail.get_content())[0]
            for mail in mails(server)
            if mail["To"] == address and "new password" in mail["Subject"]
        ]
        return bool(found)

    until(there, server)
    return found[0]


async def queue_mails(server: Server, addresses: list[str]) -> None:
    db = Database(server.database_url)
    await queue(db, SystemClock(), *map(verify_email, addresses))
    await db.close()


def outbox(server: Server) -> int:
    with closing(sqlite3.connect(server.folder / "data/gatepost.db")) as database:
        (waiting,) = database.execute("SELECT count(*) FROM mail_outbox WHERE delivered_at IS NULL").fetchone()
        return int(waiting)


def mails(server: Server) -> list[EmailMessage]:
    return [parse(file.read_bytes()) for file in (server.folder / "data/mail").glob("*.eml")]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with valkey.running(tmp_path_factory.mktemp("valkey"), free_port()) as store:
        settings = {"LIMITS_URL": store.url, "TRUSTED_PROXIES": "127.0.0.1"}
        with many(tmp_path_factory.mktemp("server"), **settings) as started:
            assert "until LIMITS_URL" not in started.errors
            yield started


@pytest.fixture
def both(server: Server) -> Iterator[Both]:
    """A connection to each, of a client that no other test is."""
    number = next(NUMBERS)
    one, other = (At(server, pid, x_forwarded_for=f"192.0.2.{number}") for pid in pids(server))
    yield one, other
    one.close()
    other.close()


@pytest.fixture
def ada(server: Server) -> dict[str, str]:
    """Somebody with an account, whom no other test knows."""
    number = next(NUMBERS)
    who = {"email": f"ada{number}@example.test", "password": PASSWORD}
    assert server.post(f"{PUBLIC}/SignUp", who, x_forwarded_for=f"192.0.2.{number}")[0] == 200
    return who
