"""RegenerateToken: a new value for the same token."""

from datetime import timedelta
from uuid import UUID

import pytest
from connectrpc.code import Code
from protobuf.wkt.google.protobuf.timestamp_pb import Timestamp

from app.core.caller import Client
from app.core.errors import BadCredential
from app.tokens.expiration import ForceTokenExpiration
from app.tokens.regeneration import RegenerateToken
from tests.support.refusals import refused
from tests.support.service import Gatepost
from tests.tokens.calls import (
    UNKNOWN,
    create,
    credentials_of,
    events,
    exchanged,
    expire,
    get,
    id_of,
    metadata_of,
    regenerate,
    scopes_of,
    update,
    value_of,
    works,
)


async def test_the_new_value_works_and_the_old_one_and_its_sessions_do_not(gatepost: Gatepost) -> None:
    ada = await gatepost.session()
    created = await create(ada.tokens)
    of_the_token = await exchanged(gatepost, value_of(created))
    value = await regenerate(ada.tokens, id_of(created))
    assert value != value_of(created)
    assert await works(gatepost.bearer(value))
    assert not await works(gatepost.bearer(value_of(created)))
    assert not await works(of_the_token)
    assert await works(ada)


async def test_everything_else_stays(gatepost: Gatepost) -> None:
    ada = await gatepost.session()
    created = await create(ada.tokens, "ci", scopes=["a:b"])
    gatepost.clock.advance(hours=1)
    value = await regenerate(ada.tokens, id_of(created))
    told = await get(ada.tokens, id_of(created))
    was, now = metadata_of(created), metadata_of(told)
    assert (now.name, now.expires_at, now.created_at) == (was.name, was.expires_at, was.created_at)
    assert scopes_of(told) == ["a:b"]
    assert now.value_hint == value[:8]
    assert now.regenerated_at == Timestamp.from_datetime(gatepost.clock.now())
    assert await events(gatepost, id_of(created)) == ["token_created", "token_regenerated"]


async def test_one_after_the_other_both_succeed(gatepost: Gatepost) -> None:
    ada = await gatepost.session()
    token_id = id_of(await create(ada.tokens))
    first, second = await regenerate(ada.tokens, token_id), await regenerate(ada.tokens, token_id)
    assert not await works(gatepost.bearer(first))
    assert await works(gatepost.bearer(second))


async def test_a_token_replaces_its_own_value(gatepost: Gatepost) -> None:
    ada = await gatepost.session()
    created = await create(ada.tokens, scopes=["deploy:run"])
    holder = gatepost.bearer(value_of(created))
    value = await regenerate(holder.tokens, id_of(created))
    assert await works(gatepost.bearer(value))
    assert not await works(holder)


async def test_use_of_a_superseded_value_revokes_nothing(gatepost: Gatepost) -> None:
    ada = await gatepost.session()
    created = await create(ada.tokens)
    value, superseded = await regenerate(ada.tokens, id_of(created)), gatepost.bearer(value_of(created))
    for act in (expire, regenerate, get):
        with refused(Code.UNAUTHENTICATED, "BAD_CREDENTIAL"):
            await act(superseded.tokens, id_of(created))
    assert await works(gatepost.bearer(value))


@pytest.mark.parametrize("by_force", [True, False], ids=["by force", "by time"])
async def test_a_dead_token_gets_no_value(gatepost: Gatepost, by_force: bool) -> None:
    ada = await gatepost.session()
    token_id = id_of(await create(ada.tokens, expires_at=gatepost.clock.now() + timedelta(hours=1)))
    if by_force:
        await expire(ada.tokens, token_id)
    else:
        gatepost.clock.advance(hours=1)
    with refused(Code.FAILED_PRECONDITION, "TOKEN_EXPIRED"):
        await regenerate(ada.tokens, token_id)
    await update(ada.tokens, token_id, expires_at=gatepost.clock.now() + timedelta(hours=1))
    assert await works(gatepost.bearer(await regenerate(ada.tokens, token_id)))


async def test_no_such_token(gatepost: Gatepost) -> None:
    ada = await gatepost.session()
    with refused(Code.NOT_FOUND, "NOT_FOUND"):
        await regenerate(ada.tokens, UNKNOWN)


async def test_a_value_superseded_while_its_request_was_on_the_way_does_nothing(gatepost: Gatepost) -> None:
    """The guard lets a caller in before the body is read, and the client decides how long that takes."""
    ada = await gatepost.session()
    created = await create(ada.tokens)
    parts = gatepost.parts
    credentials = credentials_of(gatepost)
    slow = await credentials.authenticate(value_of(created), Client(ip="", user_agent=""))
    value = await regenerate(ada.tokens, id_of(created))

    token_id = UUID(id_of(created))
    with pytest.raises(BadCredential):
        await RegenerateToken(parts.db, parts.clock, gatepost.settings.token_prefix, False)(slow, token_id)
    with pytest.raises(BadCredential):
        await ForceTokenExpiration(parts.db, parts.clock)(slow, token_id)
    async with parts.db.write() as tx:
        with pytest.raises(BadCredential):
            await credentials.hold(tx, slow, parts.clock.now())
    assert await works(gatepost.bearer(value))
