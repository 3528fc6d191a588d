"""`gatepost serve --workers`: starting, dying, being replaced, ending."""

import os
import re
import signal
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from app.cli.serve import share
from app.core.config import Settings
from tests.e2e.server import START_WITHIN, STOP_WITHIN, Server, free_port, run
from tests.e2e.test_metrics import page
from tests.e2e.workers import PASSWORD, At, alone, many, pids, under_load, until

ADA = {"email": "ada@example.test", "password": PASSWORD}
PING = "test.v1.TestNoAuthService/Ping"


def test_as_many_as_are_asked_for_serve_and_one_banner_says_so(tmp_path: Path) -> None:
    with many(tmp_path, 3) as server:
        assert len(pids(server)) == 3
        for pid in pids(server):
            with alone(server, pid):
                assert server.post(PING)[0] == 200
        assert server.output.count("(Ctrl-C stops it)") == 1
        assert "workers  3 processes; each counts guesses by itself until LIMITS_URL" in server.errors


def test_the_command_line_wins_and_production_refuses_what_counts_apart(tmp_path: Path) -> None:
    production = {
        "ENVIRONMENT": "production",
        "PUBLIC_URL": "https://a.example",
        "SECRET_KEYS": "abcdefghijklmno0123" * 2,
    }
    refused = run(tmp_path, "serve", "--workers", "2", **production)
    assert refused.returncode == 2
    assert "LIMITS_URL: required with more than one of WORKERS" in refused.stderr
    at_one = run(tmp_path, "serve", "--workers", "1", **production, WORKERS="2")
    assert "LIMITS_URL" not in at_one.stderr
    assert "`gatepost migrate`" in at_one.stderr  # it came as far as the database


def test_of_several_lines_each_is_whole_and_names_its_process(own_server: Server) -> None:
    for pid in pids(own_server):
        at = At(own_server, pid, authorization="Bearer gp_wrong")
        assert at.call("test.v1.TestAuthService/Pong")[0] == 401
        at.close()
    assert [each["process"] for each in own_server.log if each["event"] == "bad_token"] == [1, 2]


def test_each_has_a_page_of_metrics(tmp_path: Path) -> None:
    port = free_port()
    with many(tmp_path, METRICS="on", METRICS_PORT=str(port)) as server:
        second = At(server, pids(server)[1], authorization="Bearer gp_wrong")
        second.call("test.v1.TestAuthService/Pong")
        second.close()
        told = [re.findall(r"^gatepost_bad_tokens_total (.+)$", page(port + number)[1], re.M) for number in (0, 1)]
        assert told == [["0.0"], ["1.0"]]


@pytest.mark.parametrize(("cores", "workers", "threads"), [(1, 1, 1), (2, 2, 1), (8, 2, 3), (8, 16, 1), (None, 2, 1)])
def test_the_cores_that_hash_are_shared_out(
    cores: int | None, workers: int, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: cores)
    assert share(Settings(workers=workers), 1).password_threads == threads
    assert share(Settings(workers=workers, password_threads=5), 1).password_threads == 5


@pytest.mark.parametrize("which", [0, 1])
def test_one_that_dies_under_load_loses_nothing_and_is_replaced(which: int, own_server: Server) -> None:
    with under_load(own_server, cookie(own_server)) as load:
        load.more(own_server)
        before = pids(own_server)
        os.kill(before[which], signal.SIGKILL)
        load.more(own_server)
        until(lambda: len(set(pids(own_server)) - set(before)) == 1, own_server)
        load.more(own_server)
        (new,) = set(pids(own_server)) - set(before)
        with alone(own_server, new):
            assert own_server.post(PING)[0] == 200
    assert set(load.made) <= tokens(own_server)
    assert load.refused == []
    assert load.cut >= 1, "it died without a client, which shows nothing"
    (died,) = [each for each in own_server.log if each["event"] == "process_died"]
    assert (died["process"], died["pid"], died["status"]) == (which + 1, before[which], -signal.SIGKILL)
    assert own_server.output.count("(Ctrl-C stops it)") == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_told_to_stop_under_load_all_end_well_and_nothing_is_lost(number: signal.Signals, own_server: Server) -> None:
    children = pids(own_server)
    with under_load(own_server, cookie(own_server)) as load:
        load.more(own_server)
        own_server.process.send_signal(number)
        assert own_server.process.wait(STOP_WITHIN) == 0
    assert [pid for pid in children if Path(f"/proc/{pid}").exists()] == []
    assert set(load.made) <= tokens(own_server)
    assert load.refused == []
    assert {each["event"] for each in own_server.log} <= {"signed_in", "mail_written"}


def test_one_that_does_not_end_is_killed(own_server: Server) -> None:
    held, _ = pids(own_server)
    os.kill(held, signal.SIGSTOP)
    own_server.process.terminate()
    assert own_server.process.wait(START_WITHIN) == 1
    assert not Path(f"/proc/{held}").exists()


def test_without_their_parent_they_end(own_server: Server) -> None:
    """Or nobody could start it anew: they would hold the port."""
    children = pids(own_server)
    own_server.process.kill()
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in children), own_server)
    assert [each["event"] for each in own_server.log].count("parent_died") == 2
    with socket.create_server(("127.0.0.1", own_server.port)):
        pass


def test_one_that_cannot_start_ends_all(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = run(tmp_path, "serve", PORT=str(free_port()), WORKERS="2", METRICS="on", METRICS_PORT=str(port - 1))
    assert ended.returncode == 2
    assert ended.stderr.count("Gatepost cannot start:") == 1
    assert f"METRICS_PORT: cannot listen on 127.0.0.1 port {port}" in ended.stderr


def cookie(server: Server) -> str:
    server.post("accounts.v1.PublicAccountsService/SignUp", ADA)
    return server.post("accounts.v1.PublicAccountsService/SignIn", ADA)[1]["set-cookie"].partition(";")[0]


def tokens(server: Server) -> set[str]:
    with closing(sqlite3.connect(server.folder / "data/gatepost.db")) as database:
        return {name for (name,) in database.execute("SELECT name FROM tokens")}


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[Server]:
    with many(tmp_path, TOKEN_QUOTA="100000") as server:
        yield server
