"""ListSessions: what an owner sees of the account's live sessions."""

from contextlib import aclosing
from datetime import timedelta
from uuid import UUID

import pytest

from app.accounts.models import SessionRow
from app.accounts.session_list import ListSessions
from app.core import secrets
from app.core.caller import Caller, Client
from app.tokens import store as tokens_store
from gen.accounts.v1.accounts_v1_pb import ListSessionsResponse
from tests.accounts.calls import ADA, account, current, refresh, sessions, sign_out
from tests.support import tables
from tests.support.service import Gatepost
from tests.tokens.calls import create, exchanged, expire, id_of, regenerate, update, value_of, works

BOB = "bob@example.test"


async def test_what_is_told_of_a_session(gatepost: Gatepost) -> None:
    """ASVS 7.5.2; nothing of it is a credential (3.3.4)."""
    began = gatepost.clock.now()
    ada = await gatepost.session(ADA, ip="198.51.100.7", headers={"user-agent": "Browser/1"})
    gatepost.clock.advance(minutes=10)
    await refresh(ada)
    [told] = await sessions(ada)
    assert (told.ip_address, told.user_agent, told.current, told.token_uuid) == ("198.51.100.7", "Browser/1", True, "")
    assert UUID(told.session_id).version == 7
    assert told.created_at
    assert told.created_at.to_datetime() == began
    assert told.last_seen_at
    assert told.last_seen_at.to_datetime() == gatepost.clock.now()
    assert end_of(told) == gatepost.clock.now() + timedelta(days=7)
    [(digest,)] = await gatepost.fetch("SELECT secret_digest FROM sessions")
    for secret in (digest, digest.hex().encode(), str(ada.session).split(".")[1].encode()):
        assert secret not in told.to_binary()


async def test_they_are_the_accounts_own_newest_first_and_one_asks(gatepost: Gatepost) -> None:
    await gatepost.session(BOB)
    browsers = []
    for number in range(3):
        gatepost.clock.advance(1)
        browsers.append(await gatepost.session(ADA, headers={"user-agent": f"number {number}"}))
    for number, browser in enumerate(browsers):
        told = await sessions(browser)
        assert [each.user_agent for each in told] == ["number 2", "number 1", "number 0"]
        assert [each.user_agent for each in told if each.current] == [f"number {number}"]


async def test_one_made_from_a_token_names_it_and_ends_with_it(gatepost: Gatepost) -> None:
    ada = await gatepost.session(ADA)
    end = gatepost.clock.now() + timedelta(minutes=20)
    tokens = [await create(ada.tokens, "long"), await create(ada.tokens, "short", expires_at=end)]
    for token in tokens:
        gatepost.clock.advance(1)
        await exchanged(gatepost, value_of(token))
    short, long, own = await sessions(ada)
    assert [each.token_uuid for each in (short, long, own)] == [id_of(tokens[1]), id_of(tokens[0]), ""]
    assert end_of(short) == end
    assert end_of(long) == gatepost.clock.now() + timedelta(minutes=59, seconds=59)
    assert [each.current for each in (short, long, own)] == [False, False, True]


async def test_the_dead_are_not_listed(gatepost: Gatepost) -> None:
    ada = await gatepost.session(ADA)
    await sign_out(await gatepost.session(ADA))
    for name in ("expires", "is expired", "is regenerated", "lives again"):
        soon = gatepost.clock.now() + timedelta(minutes=10)
        token = await create(ada.tokens, name, expires_at=soon)
        of_token = await exchanged(gatepost, value_of(token))
        if name == "is expired":
            await expire(ada.tokens, id_of(token))
        elif name == "is regenerated":
            await regenerate(ada.tokens, id_of(token))
        else:
            gatepost.clock.advance(minutes=11)
        if name == "lives again":
            await update(ada.tokens, id_of(token), expires_at=gatepost.clock.now() + timedelta(days=1))
        assert not await works(of_token)
    assert [each.current for each in await sessions(ada)] == [True]


async def test_one_that_ended_by_time_is_not_listed(gatepost: Gatepost) -> None:
    await gatepost.session(ADA)
    gatepost.clock.advance(days=6, hours=23, minutes=59)
    ada = await gatepost.session(ADA)
    assert len(await sessions(ada)) == 2
    gatepost.clock.advance(minutes=1)
    assert [each.current for each in await sessions(ada)] == [True]


async def test_when_it_was_last_seen_is_exact_to_a_minute(gatepost: Gatepost) -> None:
    ada = await gatepost.session(ADA)
    gatepost.clock.advance(hours=1)
    assert await works(ada)
    for activity in gatepost.parts.activities:
        await activity.flush()
    [told] = await sessions(ada)
    assert told.last_seen_at
    assert told.last_seen_at.to_datetime() == gatepost.clock.now()


@pytest.mark.parametrize("count", [19, 20, 21, 270, 271, 530])
async def test_long_lists_are_whole_and_in_order(gatepost: Gatepost, count: int) -> None:
    ada = await gatepost.session(ADA)
    await many(gatepost, count - 1)
    told = await sessions(ada)
    assert len({each.session_id for each in told}) == len(told) == count
    places = [(each.created_at.to_nanos(), each.session_id) for each in told if each.created_at]
    assert places == sorted(places, reverse=True)


async def test_a_slow_reader_holds_no_transaction(gatepost: Gatepost) -> None:
    ada = await gatepost.session(ADA)
    await many(gatepost, 30)
    asks = Caller(
        UUID((await account(ada)).account_id), Client(ip="", user_agent=""), session_id=UUID(await current(ada))
    )
    async with aclosing(
        aiter(ListSessions(gatepost.parts.db, gatepost.clock, tokens_store.live_ends)(asks))  # type: ignore[type-var]
    ) as stream:
        await anext(stream)
        await gatepost.session(ADA)
        assert not await tables.somebody_reads(gatepost)


async def many(gatepost: Gatepost, count: int) -> None:
    """Give the one session of the account so many companions, some of the same moment."""
    model = await tables.first(gatepost, SessionRow)
    made = [gatepost.clock.now() - timedelta(seconds=number // 7) for number in range(count)]
    await tables.add(gatepost, SessionRow, [{**model, "id": secrets.new_id(at), "created_at": at} for at in made])


def end_of(told: ListSessionsResponse) -> object:
    assert told.expires_at
    return told.expires_at.to_datetime()
