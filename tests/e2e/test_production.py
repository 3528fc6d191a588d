"""The settings that the README gives for production, on a machine that has nothing yet."""

import re
import sys
from pathlib import Path

import pytest

from tests.e2e.programs import run
from tests.e2e.server import ROOT, Server, serving
from tests.e2e.snippets import snippets_of

ADA = {"email": "ada@example.test", "password": "correct horse battery"}


def test_it_does_not_touch_an_old_schema_and_names_what_does(installed: Path) -> None:
    with pytest.raises(RuntimeError, match=r"status 2:\n.*\n.*`gatepost migrate`"), serving(installed):
        pass


def test_after_the_migration_browsers_get_a_cookie_for_https_alone(installed: Path) -> None:
    _migrate(installed)
    _migrate(installed)  # again is not wrong
    with serving(installed) as server:
        server.post("accounts.v1.PublicAccountsService/SignUp", ADA)
        status, headers, _ = server.post("accounts.v1.PublicAccountsService/SignIn", ADA)
    assert status == 200
    assert headers["set-cookie"].startswith("__Host-gatepost_session=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(headers["set-cookie"].split("; "))
    assert headers["strict-transport-security"].startswith("max-age=")


def test_clients_are_told_apart_behind_the_proxy(installed: Path) -> None:
    _migrate(installed)
    with serving(installed) as server:
        wrong = {**ADA, "password": "wrong"}
        answers = {_sign_in(server, wrong, "203.0.113.7") for _ in range(6)}
        assert answers == {401, 429}
        assert _sign_in(server, wrong, "203.0.113.8") == 401


def _migrate(installed: Path) -> None:
    migrated = run(sys.executable, "-m", "app", "migrate", folder=installed)
    assert migrated.status == 0, migrated.stderr


def _sign_in(server: Server, who: dict[str, str], client: str) -> int:
    return server.post("accounts.v1.PublicAccountsService/SignIn", who, x_forwarded_for=client)[0]


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A folder with the README's `.env`, the key filled in, its data below."""
    (written,) = [each.text for each in snippets_of(ROOT / "README.md") if each.language == "ini"]
    filled_in = re.sub("<python3 .*>", "a-key-for-one-test-0123456789-abcdefghij", written)
    assert filled_in != written
    (tmp_path / ".env").write_text(filled_in.replace("/var/lib/gatepost", f"{tmp_path}/data"))
    return tmp_path
