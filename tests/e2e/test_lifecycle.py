"""Starting and stopping, as a person does it with `make run` and Ctrl-C."""

import json
import signal
import stat
import time
from pathlib import Path

from tests.e2e.server import STOP_WITHIN, Server, serving

ADA = {"email": "ada@example.test", "password": "correct horse battery"}


def test_the_banner_says_what_runs_and_where_the_data_is(own_server: Server) -> None:
    data = own_server.folder / "data"
    for told in (f"at {own_server.url} ", f"curl {own_server.url}/", f" {data}/gatepost.db", f" {data}/secret.key"):
        assert told in own_server.output
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    assert stat.S_IMODE((data / "secret.key").stat().st_mode) == 0o600


def test_accounts_and_sessions_outlive_a_restart(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        server.post("accounts.v1.PublicAccountsService/SignUp", ADA)
        _, headers, _ = server.post("accounts.v1.PublicAccountsService/SignIn", ADA)
        server.process.send_signal(signal.SIGINT)
        server.process.wait(STOP_WITHIN)
    with serving(tmp_path) as again:
        cookie = headers["set-cookie"].partition(";")[0]
        status, _, body = again.post("accounts.v1.AccountsService/GetAccount", cookie=cookie)
    assert (status, json.loads(body)["data"]["email"]) == (200, ADA["email"])


def test_what_was_acknowledged_outlives_a_crash(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        server.post("accounts.v1.PublicAccountsService/SignUp", ADA)
        server.process.kill()
        server.process.wait()
    with serving(tmp_path) as again:
        status, _, _ = again.post("accounts.v1.PublicAccountsService/SignIn", ADA)
    assert status == 200


def test_mail_is_a_file_and_the_log_names_it(own_server: Server) -> None:
    own_server.post("accounts.v1.PublicAccountsService/SignUp", ADA)
    deadline = time.monotonic() + 20
    while '"mail_written"' not in own_server.output:
        assert time.monotonic() < deadline, own_server.output
        time.sleep(0.05)
    (mail,) = (own_server.folder / "data/mail").glob("*.eml")
    assert str(mail) in own_server.output
    assert f"To: {ADA['email']}" in mail.read_text()
