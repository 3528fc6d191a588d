"""How often a password may be guessed (ASVS 6.3.1). Ways around the counter are tried in test_sign_in_dodges.py."""

import asyncio
import json
from contextlib import suppress
from pathlib import Path

import pytest
from connectrpc.code import Code
from connectrpc.errors import ConnectError

from gen.test.v1.test_v1_pb import PongRequest
from tests.accounts.calls import ADA, WRONG, disable, raw, refresh
from tests.accounts.conftest import HeldHashing
from tests.accounts.test_sign_in import SIGN_IN
from tests.rpc.asgi import call
from tests.support.databases import Original
from tests.support.refusals import refused
from tests.support.service import PASSWORD, Browser, Gatepost, started
from tests.support.together import OK, together

UNKNOWN = "bob@example.test"
KNOWN_OR_NOT = pytest.mark.parametrize("email", [ADA, UNKNOWN], ids=["known", "unknown"])


@KNOWN_OR_NOT
async def test_five_failures_in_five_minutes_by_client_and_address(gatepost: Gatepost, email: str) -> None:
    browser = await signed_up(gatepost)
    for _ in range(5):
        await fail(browser, email)
        gatepost.clock.advance(30)
    assert await waits(browser, email) == 150
    gatepost.clock.advance(149)
    assert await waits(browser, email) == 1
    gatepost.clock.advance(1)
    await fail(browser, email)
    assert await waits(browser, email) == 30


async def test_a_throttled_answer_has_retry_after_and_computes_nothing(gatepost: Gatepost, computed: list[str]) -> None:
    for _ in range(5):
        await raw(gatepost, SIGN_IN, {"email": ADA, "password": WRONG})
    gatepost.clock.advance(0.5)
    computed.clear()
    answer = await raw(gatepost, SIGN_IN, {"email": ADA, "password": PASSWORD})
    assert (answer.status, answer.reason, answer["retry-after"]) == (429, "THROTTLED", "300")
    assert computed == []


async def test_a_used_up_limit_refuses_the_right_password_too(gatepost: Gatepost) -> None:
    browser = await signed_up(gatepost)
    for _ in range(5):
        await fail(browser, ADA)
    with refused(Code.RESOURCE_EXHAUSTED, "THROTTLED"):
        await browser.sign_in(ADA)


async def test_it_holds_neither_for_other_clients_nor_for_other_addresses(gatepost: Gatepost) -> None:
    browser = await signed_up(gatepost)
    for _ in range(5):
        await fail(browser, UNKNOWN)
    await browser.sign_in(ADA)
    await fail(gatepost.browser(), UNKNOWN)


async def test_all_spellings_of_an_address_are_counted_together(gatepost: Gatepost) -> None:
    browser = await signed_up(gatepost)
    for spelling in (ADA, "ADA@example.test", " ada@EXAMPLE.test", "Ada@Example.Test", "ada@example.test\n"):
        await fail(browser, spelling)
    assert await waits(browser, ADA) == 300


async def test_a_whole_ipv6_network_is_one_client(gatepost: Gatepost) -> None:
    for number in range(5):
        await fail(gatepost.browser(ip=f"2001:db8::{number}"), ADA)
    assert await waits(gatepost.browser(ip="2001:db8::ffff"), ADA) == 300


@KNOWN_OR_NOT
async def test_twenty_failures_an_hour_by_address_then_one_at_doubling_intervals(
    gatepost: Gatepost, email: str
) -> None:
    await signed_up(gatepost)
    for _ in range(20):
        await fail(gatepost.browser(), email)
    for minutes in (1, 2, 4, 8, 16, 32, 60, 60):
        assert await waits(gatepost.browser(), email) == minutes * 60
        gatepost.clock.advance(minutes=minutes)
        await fail(gatepost.browser(), email)


async def test_thirty_failures_in_five_minutes_by_client(gatepost: Gatepost) -> None:
    browser = await signed_up(gatepost)
    for number in range(30):
        await fail(browser, f"somebody{number}@example.test")
        gatepost.clock.advance(5)
    for email in (ADA, UNKNOWN):
        assert await waits(browser, email) == 150
    with refused(Code.RESOURCE_EXHAUSTED, "THROTTLED"):
        await browser.sign_in(ADA)
    await gatepost.browser().sign_in(ADA)
    gatepost.clock.advance(150)
    await browser.sign_in(ADA)
    await fail(browser, UNKNOWN)
    assert await waits(browser, UNKNOWN) == 5


async def test_clients_without_an_address_share_one_limit(gatepost: Gatepost) -> None:
    """Those of a server on a Unix socket, say. It must never mean "no limit"."""
    for number in range(31):
        body = json.dumps({"email": f"somebody{number}@example.test", "password": WRONG}).encode()
        answer = await call(gatepost.app, path=f"/accounts.v1.{SIGN_IN}", body=body, client=None)
    assert (answer.status, answer.reason, answer["retry-after"]) == (429, "THROTTLED", "300")


async def test_the_owner_gets_in_at_the_next_opening(gatepost: Gatepost) -> None:
    """Never a lasting lock-out: it would be a weapon against the owner (ASVS 6.1.1)."""
    await signed_up(gatepost)
    for _ in range(20):
        await fail(gatepost.browser(), ADA)
    gatepost.clock.advance(60)
    await gatepost.browser().sign_in(ADA)
    await gatepost.browser().sign_in(ADA)


async def test_a_live_session_works_on_while_others_guess(gatepost: Gatepost) -> None:
    """ASVS 6.1.1: to guess at somebody's password must not put them out."""
    ada = await gatepost.session(ADA)
    for number in range(25):
        with suppress(ConnectError):
            await gatepost.browser(ip=f"192.0.2.{number}").sign_in(ADA, WRONG)
    await waits(gatepost.browser(), ADA)
    await ada.pong.pong(PongRequest())
    await refresh(ada)


@pytest.mark.parametrize("field", ["email", "password"])
@pytest.mark.parametrize("rpc", [SIGN_IN, "PublicAccountsService/SignUp"])
async def test_an_overlong_field_costs_no_hash(gatepost: Gatepost, computed: list[str], rpc: str, field: str) -> None:
    answer = await raw(gatepost, rpc, {"email": ADA, "password": PASSWORD, field: "k" * 60_000})
    assert (answer.reason, computed) == ("INVALID_FIELD", [])


async def test_only_failures_stay_counted(gatepost: Gatepost) -> None:
    browser = await signed_up(gatepost)
    for _ in range(4):
        await fail(browser, ADA)
    for _ in range(6):
        await browser.sign_in(ADA)
    await fail(browser, ADA)
    assert await waits(browser, ADA) == 300


async def test_a_right_password_is_given_back_whatever_comes_after_it(gatepost: Gatepost) -> None:
    browser = await signed_up(gatepost)
    await disable(gatepost)
    for _ in range(6):
        with refused(Code.PERMISSION_DENIED, "ACCOUNT_DISABLED"):
            await browser.sign_in(ADA)


async def test_where_too_many_wait_the_next_is_refused_at_once_and_not_counted(
    tmp_path: Path, migrated: Original, hashing: HeldHashing
) -> None:
    async with started(tmp_path, migrated, password_threads=1, password_queue=1) as gatepost:
        browser = await signed_up(gatepost)
        hashing.hold()
        served = [asyncio.create_task(gatepost.browser().sign_in(ADA))]
        await hashing.until_one_begins()
        both = [asyncio.create_task(gatepost.browser().sign_in(ADA)) for _ in range(2)]
        [refusal], waiting = await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        with refused(Code.RESOURCE_EXHAUSTED, "BUSY") as told:
            await refusal
        assert told.retry_after == 1
        for _ in range(6):
            with refused(Code.RESOURCE_EXHAUSTED, "BUSY"):
                await browser.sign_in(ADA)
        with refused(Code.RESOURCE_EXHAUSTED, "BUSY"):
            await browser.sign_up(UNKNOWN)
        hashing.release()
        assert await together(*served, *waiting) == {OK: 2}
        await browser.sign_in(ADA)


async def test_limits_can_be_switched_off(tmp_path: Path, migrated: Original) -> None:
    async with started(tmp_path, migrated, limits="off") as gatepost:
        browser = await signed_up(gatepost)
        for _ in range(21):
            await fail(browser, ADA)


async def signed_up(gatepost: Gatepost, *, ip: str = "") -> Browser:
    browser = gatepost.browser(ip=ip)
    await browser.sign_up(ADA)
    return browser


async def fail(browser: Browser, email: str) -> None:
    with refused(Code.UNAUTHENTICATED, "WRONG_EMAIL_OR_PASSWORD"):
        await browser.sign_in(email, WRONG)


async def waits(browser: Browser, email: str) -> float | None:
    """Seconds that an attempt is told to wait for."""
    with refused(Code.RESOURCE_EXHAUSTED, "THROTTLED") as told:
        await browser.sign_in(email, WRONG)
    return told.retry_after
