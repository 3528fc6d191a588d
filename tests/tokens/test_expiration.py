"""ForceTokenExpiration, and the end that time brings."""

from datetime import timedelta

from connectrpc.code import Code

from tests.support.refusals import refused
from tests.support.service import Gatepost
from tests.tokens.calls import (
    UNKNOWN,
    create,
    end_of,
    events,
    exchanged,
    expire,
    get,
    id_of,
    metadata_of,
    value_of,
    works,
)


async def test_the_value_and_its_sessions_die_at_once(gatepost: Gatepost) -> None:
    ada = await gatepost.session()
    created, other = await create(ada.tokens), await create(ada.tokens, "other")
    holder, of_the_token = gatepost.bearer(value_of(created)), await exchanged(gatepost, value_of(created))
    assert await works(holder)
    assert await works(of_the_token)

    await expire(ada.tokens, id_of(created))
    assert not await works(holder)
    assert not await works(of_the_token)
    assert await works(ada)
    assert await works(gatepost.bearer(value_of(other)))
    assert await gatepost.fetch("SELECT value_digest FROM tokens WHERE name = 'ci'") == [(None,)]
    assert await gatepost.fetch("SELECT 1 FROM sessions WHERE token_id IS NOT NULL") == []


async def test_the_end_becomes_now_and_the_hint_stays(gatepost: Gatepost) -> None:
    ada = await gatepost.session()
    created = await create(ada.tokens)
    gatepost.clock.advance(hours=1)
    await expire(ada.tokens, id_of(created))
    expired = await get(ada.tokens, id_of(created))
    assert end_of(expired) == gatepost.clock.now()
    assert metadata_of(expired).value_hint == value_of(created)[:8]


async def test_later_calls_succeed_and_keep_the_first_time(gatepost: Gatepost) -> None:
    ada = await gatepost.session()
    token_id = id_of(await create(ada.tokens))
    await expire(ada.tokens, token_id)
    first = gatepost.clock.now()
    gatepost.clock.advance(hours=1)
    await expire(ada.tokens, token_id)
    assert end_of(await get(ada.tokens, token_id)) == first
    assert await events(gatepost, token_id) == ["token_created", "token_expired"]


async def test_a_token_that_ended_by_itself_keeps_that_end_and_loses_its_digest(gatepost: Gatepost) -> None:
    ada = await gatepost.session()
    created = await create(ada.tokens, expires_at=gatepost.clock.now() + timedelta(hours=1))
    gatepost.clock.advance(hours=2)
    await expire(ada.tokens, id_of(created))
    assert end_of(await get(ada.tokens, id_of(created))) == end_of(created)
    assert await gatepost.fetch("SELECT value_digest FROM tokens") == [(None,)]


async def test_a_clock_that_is_set_back_revives_nothing(gatepost: Gatepost) -> None:
    ada = await gatepost.session()
    created = await create(ada.tokens)
    gatepost.clock.advance(hours=1)
    await expire(ada.tokens, id_of(created))
    gatepost.clock.advance(hours=-1)
    assert not await works(gatepost.bearer(value_of(created)))


async def test_a_token_and_its_sessions_end_when_the_time_comes(gatepost: Gatepost) -> None:
    ada = await gatepost.session()
    created = await create(ada.tokens, expires_at=gatepost.clock.now() + timedelta(minutes=10))
    holder, of_the_token = gatepost.bearer(value_of(created)), await exchanged(gatepost, value_of(created))
    gatepost.clock.advance(timedelta(minutes=10).total_seconds() - 1e-6)
    assert await works(holder)
    assert await works(of_the_token)
    gatepost.clock.advance(1e-6)
    assert not await works(holder)
    assert not await works(of_the_token)


async def test_no_such_token(gatepost: Gatepost) -> None:
    ada = await gatepost.session()
    with refused(Code.NOT_FOUND, "NOT_FOUND"):
        await expire(ada.tokens, UNKNOWN)
