"""Seeded databases serve: every row of the benchmark is answered on them, by whatever holder."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr
from pyqwest import Client, HTTPVersion
from pyqwest.testing import ASGITransport
from starlette.applications import Starlette

from app.core.config import Settings
from app.main import create_app
from bench.rows import BINARY, JSON, ROWS, Row, bearer, cookie, refreshable
from bench.seed import SECRET_KEY, Holder, Plan, _seed

ACCOUNTS, HOLDERS = 30, 10
CASES = [(row, codec) for row in ROWS for codec in row.codecs]


@pytest.mark.parametrize(("row", "codec"), CASES, ids=[f"{row.name}-{codec}" for row, codec in CASES])
async def test_every_row_is_answered_for_every_holder(
    seeded: tuple[Client, list[Holder]], row: Row, codec: str
) -> None:
    client, holders = seeded
    # Hashing a password takes long, and is the same for all.
    holders = holders if row.connections > 8 else holders[:2]
    for request in row.requests(codec, holders, "test"):
        assert await status(client, request) == 200


async def test_nobody_elses_credential_is_taken(seeded: tuple[Client, list[Holder]]) -> None:
    client, holders = seeded
    first, second = holders[:2]
    forged = replace(first, cookie=first.cookie[:40] + second.cookie[40:], token=first.token[:-1] + "!")
    pongs = [row for row in ROWS if row.name in ("Pong, cookie, cold", "Pong, token, cold")]
    assert [await status(client, next(row.requests(JSON, [forged], "test"))) for row in pongs] == [401, 401]


async def test_every_holder_presents_something_of_its_own(seeded: tuple[Client, list[Holder]]) -> None:
    _, holders = seeded
    for credential in (cookie, refreshable, bearer):
        assert len({credential(holder) for holder in holders}) == HOLDERS
    assert len({holder.address for holder in holders}) == HOLDERS


@pytest.mark.parametrize("accounts", [4, HOLDERS, 10 * HOLDERS + 3])
def test_no_two_holders_have_one_session_and_each_row_an_id(accounts: int) -> None:
    plan = Plan(accounts, HOLDERS)
    held = {plan.held_session(n) for n in range(HOLDERS)}
    others = {plan.refreshable(n) for n in range(HOLDERS)}
    assert len(held) == len(others) == HOLDERS
    assert max(held) < plan.sessions <= min(others)
    assert [plan.account_of(plan.refreshable(n)) for n in range(HOLDERS)] == [
        plan.account_of(plan.held_session(n)) for n in range(HOLDERS)
    ]
    assert max(held) >= plan.sessions * 0.8, "holders are spread over all of the table"


async def test_with_few_accounts_holders_share_them(tmp_path: Path) -> None:
    holders = await _seed(f"sqlite+aiosqlite:///{tmp_path}/gatepost.db", Plan(4, HOLDERS))
    assert len({holder.cookie for holder in holders}) == HOLDERS
    assert len({holder.token for holder in holders}) == len({holder.address for holder in holders}) == 4


def test_a_codec_does_not_begin_where_the_other_does() -> None:
    (row,) = [row for row in ROWS if row.name == "Pong, cookie, cold"]
    holders = [Holder(f"{n}", f"{n}", f"{n}", f"{n}", f"{n}") for n in range(4)]
    presented = {codec: [first_cookie(each) for each in row.requests(codec, holders, "")] for codec in (JSON, BINARY)}
    assert presented == {JSON: ["0", "1", "2", "3"], BINARY: ["2", "3", "0", "1"]}


@pytest.fixture
async def seeded(tmp_path: Path) -> AsyncIterator[tuple[Client, list[Holder]]]:
    url = f"sqlite+aiosqlite:///{tmp_path}/gatepost.db"
    holders = await _seed(url, Plan(ACCOUNTS, HOLDERS))
    settings = Settings(
        database_url=url,
        mail_url=f"file://{tmp_path}/mail",
        secret_keys=(SecretStr(SECRET_KEY),),
        password_threads=1,
        limits="off",
    )
    application: Starlette = create_app(settings)
    async with application.state.parts.running():
        yield Client(ASGITransport(application, HTTPVersion.HTTP1, client=("10.0.0.1", 50000))), holders


async def status(client: Client, request: bytes) -> int:
    head, _, body = request.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    method, path, _ = first.split()
    assert method == "POST"
    headers = dict(line.split(": ", 1) for line in lines)
    assert int(headers.pop("Content-Length")) == len(body)
    return (await client.post(f"http://127.0.0.1:8000{path}", headers, body)).status


def first_cookie(request: bytes) -> str:
    return request.partition(b"gatepost_session=")[2].partition(b"\r\n")[0].decode()
