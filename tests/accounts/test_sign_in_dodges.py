"""Ways around the limits on guesses, and ways to turn them against the owner (ASVS 6.1.1, 6.3.1)."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from protobuf.wkt import Empty

from gen.test.v1.test_v1_pb import PongRequest
from tests.accounts.calls import ADA, WRONG, raw, refresh
from tests.accounts.conftest import HeldHashing
from tests.accounts.test_sign_in import SIGN_IN
from tests.rpc.asgi import Reply, arriving, collecting, http_scope
from tests.support import tables
from tests.support.databases import Original
from tests.support.service import Gatepost, started


@dataclass(frozen=True, slots=True)
class Angle:
    """Guesses that only one of the limits stops: the n-th one's address and client, and how many there may be."""

    guesses: int
    seconds: int
    """How long the next one is told to wait."""
    email: Callable[[int], str] = lambda _: ADA
    ip: Callable[[int], str] = lambda _: "192.0.2.1"


ANGLES = {
    "client and address": Angle(5, 300),
    "client and unknown address": Angle(5, 300, email=lambda _: "bob@example.test"),
    "address": Angle(20, 60, ip=lambda number: f"198.51.100.{number}"),
    "client": Angle(30, 300, email=lambda number: f"somebody{number}@example.test"),
}
EACH_ANGLE = pytest.mark.parametrize("angle", ANGLES.values(), ids=ANGLES)


@EACH_ANGLE
async def test_parallel_guesses_do_not_beat_the_counter(gatepost: Gatepost, computed: list[str], angle: Angle) -> None:
    await gatepost.browser().sign_up(ADA)
    computed.clear()
    answers = await asyncio.gather(*(guess(gatepost, angle, number) for number in range(angle.guesses + 15)))
    reasons = sorted(answer.reason for answer in answers)
    assert reasons == ["THROTTLED"] * 15 + ["WRONG_EMAIL_OR_PASSWORD"] * angle.guesses
    assert len(computed) == angle.guesses


@EACH_ANGLE
async def test_a_guess_whose_client_hangs_up_is_counted(gatepost: Gatepost, hashing: HeldHashing, angle: Angle) -> None:
    await gatepost.browser().sign_up(ADA)
    for number in range(angle.guesses):
        hashing.hold()
        gone = asyncio.Event()
        headers = [(b"host", b"gatepost.test"), (b"content-type", b"application/json")]
        scope = http_scope(f"/accounts.v1.{SIGN_IN}", "POST", headers, client=(angle.ip(number), 50000))
        body = json.dumps({"email": angle.email(number), "password": WRONG}).encode()
        call = asyncio.create_task(gatepost.app(scope, arriving(body, hang_up=gone), collecting([])))
        await hashing.until_one_begins()
        gone.set()
        await call
        hashing.release()
        await gatepost.parts.run_to_end.settle(10)
    await used_up(gatepost, angle)


@EACH_ANGLE
async def test_guesses_with_a_tiny_timeout_are_counted(gatepost: Gatepost, computed: list[str], angle: Angle) -> None:
    await gatepost.browser().sign_up(ADA)
    computed.clear()
    for number in range(angle.guesses):
        answer = await guess(gatepost, angle, number, {"connect-timeout-ms": "5"})
        assert answer.reason == "DEADLINE"
        await gatepost.parts.run_to_end.settle(10)
    assert len(computed) == angle.guesses
    await used_up(gatepost, angle)


@EACH_ANGLE
async def test_guesses_whose_transaction_is_rolled_back_are_counted(
    gatepost: Gatepost, computed: list[str], angle: Angle
) -> None:
    await gatepost.browser().sign_up(ADA)
    await tables.refuse_writes(gatepost)
    computed.clear()
    for number in range(angle.guesses):
        await guess(gatepost, angle, number)
    assert len(computed) == angle.guesses
    await used_up(gatepost, angle)


@EACH_ANGLE
async def test_guesses_that_were_no_guesses_are_not_counted(gatepost: Gatepost, angle: Angle) -> None:
    """Nothing was learnt from them, and each was refused before a password was looked at."""
    await gatepost.browser().sign_up(ADA)
    for number in range(angle.guesses):
        empty = {"email": angle.email(number), "password": ""}
        assert (await raw(gatepost, SIGN_IN, empty, ip=angle.ip(number))).reason == "INVALID_FIELD"
    assert (await guess(gatepost, angle, 0)).reason == "WRONG_EMAIL_OR_PASSWORD"


async def test_an_invented_forwarded_for_makes_no_new_client(gatepost: Gatepost) -> None:
    angle = ANGLES["client"]
    for number in range(angle.guesses):
        forwarded = {"x-forwarded-for": f"203.0.113.{number}"}
        assert (await guess(gatepost, angle, number, forwarded)).reason == "WRONG_EMAIL_OR_PASSWORD"
    await used_up(gatepost, angle, {"x-forwarded-for": "203.0.113.99"})


async def test_what_is_written_in_front_of_a_proxys_own_entry_makes_no_new_client(
    tmp_path: Path, migrated: Original
) -> None:
    async with started(tmp_path, migrated, trusted_proxies=("192.0.2.1",)) as gatepost:
        angle = ANGLES["client"]
        for number in range(angle.guesses):
            forwarded = {"x-forwarded-for": f"203.0.113.{number}, 198.51.100.7"}
            assert (await guess(gatepost, angle, number, forwarded)).reason == "WRONG_EMAIL_OR_PASSWORD"
        await used_up(gatepost, angle, {"x-forwarded-for": "203.0.113.99, 198.51.100.7"})
        another = await guess(gatepost, angle, 99, {"x-forwarded-for": "198.51.100.7, 198.51.100.8"})
        assert another.reason == "WRONG_EMAIL_OR_PASSWORD"


@EACH_ANGLE
async def test_the_owner_who_is_signed_in_notices_nothing(gatepost: Gatepost, angle: Angle) -> None:
    """Not even from the attacker's own network: a lock-out would be a weapon against the owner."""
    ada = await gatepost.session(ADA, ip="192.0.2.1")
    for number in range(angle.guesses):
        await guess(gatepost, angle, number)
    await used_up(gatepost, angle)
    await ada.pong.pong(PongRequest())
    await ada.accounts.refresh_session(Empty())
    gatepost.clock.advance(minutes=10)
    assert await refresh(ada) is not None
    await ada.pong.pong(PongRequest())


@EACH_ANGLE
async def test_after_the_wait_that_it_was_told_a_try_is_let_through(gatepost: Gatepost, angle: Angle) -> None:
    """However hard the attacker goes on in the meantime: what is refused is not counted."""
    await gatepost.browser().sign_up(ADA)
    for number in range(angle.guesses):
        await guess(gatepost, angle, number)
    for _ in range(angle.seconds):
        await used_up(gatepost, angle)
        gatepost.clock.advance(1)
        angle = Angle(angle.guesses, angle.seconds - 1, angle.email, angle.ip)
    if angle.email(0) == ADA:
        await gatepost.browser(ip=angle.ip(0)).sign_in(ADA)
    assert (await guess(gatepost, angle, 0)).reason == "WRONG_EMAIL_OR_PASSWORD"


async def guess(gatepost: Gatepost, angle: Angle, number: int, headers: dict[str, str] | None = None) -> Reply:
    message = {"email": angle.email(number), "password": WRONG}
    return await raw(gatepost, SIGN_IN, message, headers or {}, ip=angle.ip(number))


async def used_up(gatepost: Gatepost, angle: Angle, headers: dict[str, str] | None = None) -> None:
    """The next guess is refused, and told for how long."""
    answer = await guess(gatepost, angle, angle.guesses, headers)
    assert (answer.status, answer.reason, answer["retry-after"]) == (429, "THROTTLED", str(angle.seconds))
    retry = {each["type"]: each["debug"] for each in answer.json["details"]}["google.rpc.RetryInfo"]
    assert retry == {"retryDelay": f"{angle.seconds}s"}
