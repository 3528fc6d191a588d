"""The command line, as a process of its own in an empty folder with a clean environment."""

import json
import shlex
import signal
import socket
import sqlite3
import subprocess
from pathlib import Path

import pytest

from app import migrations
from tests.e2e.server import STOP_WITHIN, Server, free_port, run, serving

KEY = "0123456789-abcdefghij-KLMNOPQRSTU"
PRODUCTION = {"ENVIRONMENT": "production", "SECRET_KEYS": KEY, "PUBLIC_URL": "https://accounts.example.com"}
PING = (
    b"POST /test.v1.TestNoAuthService/Ping HTTP/1.1\r\nHost: gatepost.test\r\n"
    b"Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
)


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_it_says_what_runs_and_ends_in_peace(stop: signal.Signals, tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        banner = {line.split()[0]: line for line in server.output.splitlines() if line.startswith("  ")}
        assert f" {tmp_path}/data/gatepost.db" in banner["data"]
        assert f" {tmp_path}/data/mail," in banner["mail"]
        assert f" {tmp_path}/data/secret.key," in banner["secret"]
        command = shlex.split(banner["try"])[1:]
        answer = subprocess.run([*command, "--silent"], capture_output=True, text=True, timeout=30, check=True)
        assert answer.stdout == "{}"
        told = server.output
        server.process.send_signal(stop)
        assert server.process.wait(STOP_WITHIN) == 0
        assert server.output == told
    kept = sorted(path.name for path in (tmp_path / "data").iterdir())
    assert kept == ["gatepost.db", "secret.key"]  # and no write-ahead log for the next start to fold in


def test_idle_connections_do_not_hold_it(tmp_path: Path) -> None:
    with serving(tmp_path) as server, connected(server) as new, connected(server) as used:
        used.sendall(PING)
        assert used.recv(12) == b"HTTP/1.1 200"
        server.process.terminate()
        assert server.process.wait(3) == 0
        new.close()


def test_with_keys_of_ones_own_none_is_made(tmp_path: Path) -> None:
    mail = "smtps://ada:hunter2@mail.example.com"
    with serving(tmp_path, SECRET_KEYS=KEY, LIMITS="off", SERVICE_NAME="Brown's", MAIL_URL=mail) as server:
        assert server.output.startswith("Brown's serves")
        assert "goes to mail.example.com:465\n" in server.output
        assert "hunter2" not in server.output
        assert " OFF" in server.output
        assert "secret" not in server.output
        assert KEY not in server.output
    assert not (tmp_path / "data/secret.key").exists()


def test_its_log_is_json_and_says_who_called(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        told = server.output
        server.post("test.v1.TestAuthService/Pong", authorization="Bearer hunter2", x_forwarded_for="203.0.113.9")
        server.stop()
        lines = [json.loads(line) for line in server.output.removeprefix(told).splitlines()]
    assert [line["event"] for line in lines] == ["forwarded_for_ignored", "bad_token"]
    assert lines[1]["client"] == "127.0.0.1"
    assert "hunter2" not in repr(lines)


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    port = free_port()
    with socket.create_server(("127.0.0.1", port)):
        (line,) = refusal(tmp_path, "serve", PORT=str(port))
    assert line.startswith(f"PORT: cannot listen on 127.0.0.1 port {port} ")
    assert "PORT=8001" in line


def test_a_host_that_is_not_this_machine(tmp_path: Path) -> None:
    (line,) = refusal(tmp_path, "serve", HOST="203.0.113.1")
    assert line.startswith("HOST: 203.0.113.1 is no address of this machine.")


@pytest.mark.parametrize("command", ["serve", "migrate"])
def test_all_that_is_wrong_is_told_at_once(command: str, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PUBLIC_URI=https://accounts.example.com\n")
    told = refusal(tmp_path, command, ENVIRONMENT="production", LIMITS="off", BODY_LIMIT="hunter2")
    names = sorted(line.partition(":")[0] for line in told)
    assert names == ["BODY_LIMIT", "LIMITS", "PUBLIC_URI", "PUBLIC_URL", "SECRET_KEYS"]
    assert "hunter2" not in "".join(told)
    assert not (tmp_path / "data").exists()


def test_production_waits_for_an_operator_to_migrate(tmp_path: Path) -> None:
    (line,) = refusal(tmp_path, "serve", **PRODUCTION)
    assert "gatepost migrate" in line
    migrated = run(tmp_path, "migrate", **PRODUCTION)
    assert (migrated.returncode, migrated.stdout) == (0, f"The schema went from nothing to {migrations.HEAD}.\n")
    again = run(tmp_path, "migrate", **PRODUCTION)
    assert (again.returncode, again.stdout) == (0, f"The schema is at {migrations.HEAD} already.\n")
    with serving(tmp_path, **PRODUCTION) as server:
        assert "https://accounts.example.com" in server.output


def test_a_plan_changes_nothing(tmp_path: Path) -> None:
    planned = run(tmp_path, "migrate", "--plan", **PRODUCTION)
    assert planned.stdout.startswith("The schema is at nothing.\n\n0001: First tables: ")
    assert "  CREATE TABLE accounts (" in planned.stdout
    assert list(tmp_path.iterdir()) == []
    run(tmp_path, "migrate", **PRODUCTION)
    again = run(tmp_path, "migrate", "--plan", **PRODUCTION)
    assert again.stdout == f"The schema is at {migrations.HEAD} already.\n"
    set_revision(tmp_path, "0001")
    planned = run(tmp_path, "migrate", "--plan", **PRODUCTION)
    assert planned.stdout.startswith("The schema is at 0001.\n\n0002: What an account's life needs: ")
    with sqlite3.connect(tmp_path / "data/gatepost.db") as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [("0001",)]
    connection.close()


def test_a_schema_that_a_later_version_expanded(tmp_path: Path) -> None:
    run(tmp_path, "migrate", **PRODUCTION)
    set_revision(tmp_path, "0003_from_0002")
    with serving(tmp_path, **PRODUCTION) as server:
        assert "https://accounts.example.com" in server.output
    unchanged = run(tmp_path, "migrate", **PRODUCTION)
    assert unchanged.stdout.startswith("The schema is at 0003_from_0002 already. A later version made it")


@pytest.mark.parametrize("command", ["serve", "migrate", "migrate --plan"])
def test_a_database_that_a_later_version_migrated(command: str, tmp_path: Path) -> None:
    run(tmp_path, "migrate")
    set_revision(tmp_path, "9999")
    (line,) = refusal(tmp_path, *command.split())
    assert "later version" in line


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "garbage.db").write_bytes(b"This is no database at all. " * 100)
    (line,) = refusal(tmp_path, "serve", DATABASE_URL="sqlite+aiosqlite:///garbage.db")
    assert line.startswith("DATABASE_URL: ")


@pytest.mark.parametrize("keys", ["", KEY])
def test_a_folder_that_cannot_be_made(keys: str, tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file is in the way")
    (line,) = refusal(tmp_path, "serve", SECRET_KEYS=keys)
    assert line.startswith("DATABASE_URL: cannot keep data in data")


def test_a_key_that_others_can_read(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/secret.key").write_text(KEY)
    (tmp_path / "data/secret.key").chmod(0o644)
    (line,) = refusal(tmp_path, "serve")
    assert "chmod 600" in line


def set_revision(folder: Path, revision: str) -> None:
    with sqlite3.connect(folder / "data/gatepost.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (revision,))
    connection.close()


def refusal(folder: Path, *command: str, **settings: str) -> list[str]:
    """The lines that it refuses with: by exit status 2, on standard error, without a traceback."""
    ended = run(folder, *command, **settings)
    assert (ended.returncode, ended.stdout) == (2, ""), ended.stderr
    first, *lines = ended.stderr.splitlines()
    assert first == "Gatepost cannot start:"
    assert all(line.startswith("  ") for line in lines)
    return [line.strip() for line in lines]


def connected(server: Server) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=30)
