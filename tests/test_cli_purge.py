"""`gatepost purge`."""

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import pytest

from app.cli import purge
from app.housekeeping import BATCH
from tests.e2e.server import run, serving

NOTHING = {
    "sessions": 0,
    "codes": 0,
    "delivered_mails": 0,
    "undeliverable_mails": 0,
    "tokens": 0,
    "security_events": 0,
}


def test_it_removes_what_is_old_beside_the_running_service_and_says_how_many(tmp_path: Path) -> None:
    with serving(tmp_path):
        seed(tmp_path, old=3, young=2)
        told = run(tmp_path, "purge", "--json")
        assert (told.returncode, told.stderr) == (0, "")
        assert json.loads(told.stdout) == {"removed": NOTHING | {"security_events": 3}}
        again = run(tmp_path, "purge", SECURITY_EVENT_DAYS="1")
        assert (again.returncode, again.stderr) == (0, "")
        lines = [line.split(maxsplit=1) for line in again.stdout.splitlines()[1:]]
        assert {kind.replace(" ", "_"): int(count) for count, kind in lines} == NOTHING | {"security_events": 2}


@pytest.mark.parametrize("as_json", [False, True])
def test_a_long_run_says_how_far_it_is(
    tmp_path: Path,
    migrated_file: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    as_json: bool,
) -> None:
    (tmp_path / "data").mkdir()
    shutil.copyfile(migrated_file, tmp_path / "data/gatepost.db")
    seed(tmp_path, old=4 * BATCH + 1)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(purge, "TELL_EACH", 2 * BATCH)
    purge.purge(as_json=as_json)
    told = capsys.readouterr()
    assert told.err.splitlines() == (
        [] if as_json else [f"security events: {count} removed, going on" for count in (2 * BATCH, 4 * BATCH)]
    )
    assert str(4 * BATCH + 1) in told.out


def seed(folder: Path, *, old: int, young: int = 0) -> None:
    """Events of nobody, older than 400 days and two days old."""
    with closing(sqlite3.connect(folder / "data/gatepost.db", timeout=10)) as database, database:
        database.executemany(
            "INSERT INTO security_events (id, account_id, occurred_at, kind, ip_address, user_agent)"
            " VALUES (?, ?, strftime('%Y-%m-%d %H:%M:%f000', 'now', ?), 'signed_in', '', '')",
            [(uuid4().hex, uuid4().hex, "-401 days" if at < old else "-2 days") for at in range(old + young)],
        )
