"""RevokeSession: an owner ends one session, at once and for good."""

import asyncio
from pathlib import Path

import pytest
from connectrpc.code import Code

from app.core.verified import LIFE
from tests.accounts.calls import (
    ADA,
    current,
    raw,
    refresh,
    revoke,
    security_events,
    sessions,
    sign_out,
    tab,
    trail,
)
from tests.support.clock import FakeClock
from tests.support.databases import Original
from tests.support.refusals import refused
from tests.support.service import COOKIE, Browser, Gatepost, started
from tests.support.slow_call import slow
from tests.support.together import OK, together
from tests.tokens.calls import UNKNOWN, create, exchanged, expire, id_of, value_of, works

BOB = "bob@example.test"
REVOKE = "AccountsService/RevokeSession"


async def test_another_session_ends_at_once(gatepost: Gatepost) -> None:
    """ASVS 7.5.2."""
    ada, elsewhere = await gatepost.session(ADA), await gatepost.session(ADA)
    ended = await current(elsewhere)
    await revoke(ada, ended)
    assert not await works(elsewhere)
    with refused(Code.UNAUTHENTICATED, "BAD_CREDENTIAL"):
        await refresh(elsewhere)
    assert await works(ada)
    assert ended not in [each.session_id for each in await sessions(ada)]
    event, *_ = [each for each in await security_events(ada) if each.kind == "session_revoked"]
    assert event.session_id == ended


async def test_the_current_one_can_be_revoked(gatepost: Gatepost) -> None:
    ada = await gatepost.session(ADA)
    await revoke(ada, await current(ada))
    assert not await works(ada)
    assert (await trail(gatepost))[-1] == "session_revoked"


async def test_one_made_from_a_token_ends_and_the_token_stays(gatepost: Gatepost) -> None:
    ada = await gatepost.session(ADA)
    token = await create(ada.tokens)
    of_token = await exchanged(gatepost, value_of(token))
    [session_id] = [each.session_id for each in await sessions(ada) if each.token_uuid]
    await revoke(ada, session_id)
    assert not await works(of_token)
    assert await works(gatepost.bearer(value_of(token)))
    [event] = [each for each in await security_events(ada) if each.kind == "session_revoked"]
    assert (event.session_id, event.token_uuid) == (session_id, id_of(token))


async def test_anothers_a_dead_one_and_none_are_the_same_answer_and_nothing_ends(gatepost: Gatepost) -> None:
    """ASVS 8.2.2."""
    early = await gatepost.session(ADA)
    timed_out = await current(early)
    gatepost.clock.advance(days=6)
    ada, bob, gone = await gatepost.session(ADA), await gatepost.session(BOB), await gatepost.session(ADA)
    signed_out = await current(gone)
    await sign_out(gone)
    token = await create(ada.tokens, expires_at=gatepost.clock.now().replace(day=9))
    of_token = await exchanged(gatepost, value_of(token))
    [with_its_token] = [each.session_id for each in await sessions(ada) if each.token_uuid]
    gatepost.clock.advance(minutes=59)
    await update_end(gatepost)
    gatepost.clock.advance(days=1)
    before = await trail(gatepost)
    answers = [
        await raw(gatepost, REVOKE, {"sessionId": session_id}, {"cookie": f"{COOKIE}={ada.session}"})
        for session_id in (UNKNOWN, await current(bob), timed_out, signed_out, with_its_token)
    ]
    assert [answer.body for answer in answers] == [answers[0].body] * 5
    assert (answers[0].status, answers[0].reason) == (404, "NOT_FOUND")
    assert await works(bob)
    assert not await works(of_token)
    assert await trail(gatepost) == before


async def update_end(gatepost: Gatepost) -> None:
    """Let the session's own end lie far ahead, so that only its token's tells that it is dead."""
    await gatepost.execute("UPDATE sessions SET idle_ends_at = '2026-03-01 00:00:00.000000' WHERE token_id IS NOT NULL")
    await gatepost.execute("UPDATE tokens SET expires_at = '2026-01-07 12:00:00.000000'")


@pytest.mark.parametrize("session_id", ["", "7", "01890a5d-ac96-774b-bcce-b302099a805", "' OR 1=1 --"])
async def test_what_is_no_uuid(gatepost: Gatepost, session_id: str) -> None:
    ada = await gatepost.session(ADA)
    with refused(Code.INVALID_ARGUMENT, "INVALID_FIELD", fields=["session_id"]):
        await revoke(ada, session_id)


async def test_revoked_at_once_it_is_one_event(tmp_path: Path, migrated: Original) -> None:
    clock = FakeClock()
    async with started(tmp_path, migrated, clock=clock) as one, started(tmp_path, migrated, clock=clock) as other:
        ada, elsewhere = await one.session(ADA), await one.session(ADA)
        ended = await current(elsewhere)
        tabs = [tab(each, ada.session) for each in (one, other) * 3]
        assert await together(*(revoke(each, ended) for each in tabs)) == {OK: 1, Code.NOT_FOUND: 5}
        assert (await trail(one)).count("session_revoked") == 1


async def test_after_the_answer_it_never_works_in_any_process(tmp_path: Path, migrated: Original) -> None:
    """At once in the process that answers, in the other one once it has looked."""
    clock, answered = FakeClock(), set[Gatepost]()

    async def use(gatepost: Gatepost, browser: Browser) -> None:
        while True:
            late = gatepost in answered
            if not await works(browser):
                return
            assert not late, "a revoked session was let in"

    async with started(tmp_path, migrated, clock=clock) as one, started(tmp_path, migrated, clock=clock) as other:
        for _ in range(5):
            answered.clear()
            ada, elsewhere = await one.session(ADA), await one.session(ADA)
            ended = await current(elsewhere)
            here, there = [asyncio.create_task(use(each, tab(each, elsewhere.session))) for each in (one, other)]
            clock.advance(300)
            await asyncio.gather(revoke(ada, ended), refresh(elsewhere), return_exceptions=True)
            answered.add(one)
            await here
            clock.advance(LIFE)
            answered.add(other)
            await there
            assert not await works(elsewhere)
            await sign_out(ada)


async def test_two_that_revoke_each_other_end_one(gatepost: Gatepost) -> None:
    """Whoever comes second is let in by the guard at most, and has ended by then."""
    for _ in range(5):
        ada, elsewhere = await gatepost.session(ADA), await gatepost.session(ADA)
        ids = [await current(ada), await current(elsewhere)]
        assert await together(revoke(ada, ids[1]), revoke(elsewhere, ids[0])) == {OK: 1, Code.UNAUTHENTICATED: 1}
        assert [await works(ada), await works(elsewhere)].count(True) == 1


async def test_a_session_that_ended_meanwhile_ends_no_other(gatepost: Gatepost) -> None:
    ada, thief = await gatepost.session(ADA), await gatepost.session(ADA)
    revoking = await slow(gatepost, thief, f"accounts.v1.{REVOKE}")
    await revoke(ada, await current(thief))
    answer = await revoking.finish({"sessionId": await current(ada)})
    assert (answer.status, answer.reason) == (401, "BAD_CREDENTIAL")
    assert await works(ada)


async def test_it_stays_revoked_after_a_restart(tmp_path: Path, migrated: Original) -> None:
    clock = FakeClock()
    async with started(tmp_path, migrated, clock=clock) as gatepost:
        ada, elsewhere = await gatepost.session(ADA), await gatepost.session(ADA)
        await revoke(ada, await current(elsewhere))
    async with started(tmp_path, migrated, clock=clock) as gatepost:
        assert not await works(tab(gatepost, elsewhere.session))
        assert await works(tab(gatepost, ada.session))


async def test_an_expired_token_leaves_nothing_to_revoke(gatepost: Gatepost) -> None:
    ada = await gatepost.session(ADA)
    token = await create(ada.tokens)
    await exchanged(gatepost, value_of(token))
    [session_id] = [each.session_id for each in await sessions(ada) if each.token_uuid]
    await expire(ada.tokens, id_of(token))
    with refused(Code.NOT_FOUND, "NOT_FOUND"):
        await revoke(ada, session_id)
