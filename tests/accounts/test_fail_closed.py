"""Where something is missing that a decision needs, the answer is no (ASVS 11.2.5, 16.5.3)."""

from collections.abc import Awaitable, Callable
from typing import Any

import argon2.low_level
import pytest
from argon2.exceptions import VerificationError
from connectrpc.code import Code
from protobuf.wkt import Empty

from gen.test.v1.test_v1_pb import PongRequest
from tests.accounts.calls import ADA, authorize, refresh, sign_out, trail
from tests.support.refusals import refused
from tests.support.service import Browser, Gatepost
from tests.tokens.calls import create, page, value_of


async def test_a_hash_that_cannot_be_computed_lets_nobody_in(
    gatepost: Gatepost, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And it counts as an attempt, since nobody knows what it was."""
    browser = gatepost.browser()
    await browser.sign_up(ADA)

    def out_of_memory(*_: Any) -> None:
        raise VerificationError("Memory allocation error")

    monkeypatch.setattr(argon2.low_level, "verify_secret", out_of_memory)
    for _ in range(5):
        with refused(Code.INTERNAL, "INTERNAL"):
            await browser.sign_in(ADA)
    with refused(Code.RESOURCE_EXHAUSTED, "THROTTLED"):
        await browser.sign_in(ADA)
    assert browser.session is None
    assert await trail(gatepost) == ["signed_up"]


ASKED: dict[str, Callable[[Browser], Awaitable[Any]]] = {
    "Pong": lambda by: by.pong.pong(PongRequest()),
    "SignIn": lambda by: by.sign_in(ADA),
    "RefreshSession": refresh,
    "CreateToken": lambda by: create(by.tokens, "new"),
    "ListTokensPage": lambda by: page(by.tokens),
    "SignOut": sign_out,
}


@pytest.mark.parametrize("rpc", ASKED)
async def test_without_the_database_a_session_opens_nothing(rpc: str, gatepost: Gatepost) -> None:
    ada = await gatepost.session(ADA)
    await _take_away(gatepost)
    with refused(Code.UNAVAILABLE, "UNAVAILABLE") as told:
        await ASKED[rpc](ada)
    assert told.retry_after == 1


@pytest.mark.parametrize("act", [lambda by: by.pong.pong(PongRequest()), authorize], ids=["Pong", "TokenAuthorization"])
async def test_without_the_database_a_token_opens_nothing(
    act: Callable[[Browser], Awaitable[Any]], gatepost: Gatepost
) -> None:
    holder = gatepost.bearer(value_of(await create((await gatepost.session(ADA)).tokens)))
    await _take_away(gatepost)
    with refused(Code.UNAVAILABLE, "UNAVAILABLE"):
        await act(holder)


@pytest.mark.only("sqlite")
async def test_a_full_disk_loses_nothing(gatepost: Gatepost) -> None:
    """A write that finds no room is absent and says so; who is signed in stays so; with room all goes on."""
    ada = await gatepost.session(ADA)
    [(pages,)] = await gatepost.fetch("PRAGMA page_count")
    before = await trail(gatepost)
    await gatepost.execute(f"PRAGMA max_page_count={pages}")
    made = 0
    with refused(Code.UNAVAILABLE, "UNAVAILABLE"):
        for made in range(200):  # what room is left in pages that are there is used up first
            await gatepost.browser().sign_up(f"person{made}@example.test")
    assert (await trail(gatepost)) == [*before, *["signed_up"] * made]
    await ada.pong.pong(PongRequest())
    await gatepost.execute("PRAGMA max_page_count=1000000")
    await gatepost.browser().sign_up(f"person{made}@example.test")
    await ada.accounts.refresh_session(Empty())
    for number in range(made + 1):
        assert await gatepost.fetch("SELECT 1 FROM accounts WHERE address = ?", f"person{number}@example.test")
    assert await gatepost.fetch("PRAGMA integrity_check") == [("ok",)]


async def _take_away(gatepost: Gatepost) -> None:
    """The tables go; what the service finds is a database that does not answer as one."""
    for table in ("sessions", "tokens", "accounts"):
        await gatepost.execute(f"ALTER TABLE {table} RENAME TO gone_{table}")
