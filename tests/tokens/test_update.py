"""UpdateToken: partial by presence, and no way back for a dead value."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import pytest
from connectrpc.code import Code

from gen.tokens.v1.tokens_v1_pb import TokenMetadata, TokenUUID, UpdateTokenRequest, UpdateTokenResponse
from tests.support.refusals import refused
from tests.support.service import Browser, Gatepost
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
    regenerate,
    scopes_of,
    update,
    value_of,
    works,
)

HOUR = timedelta(hours=1)
MICROSECOND = timedelta(microseconds=1)
Kill = Callable[[Gatepost, Browser, str], Awaitable[None]]


async def by_force(gatepost: Gatepost, owner: Browser, token_id: str) -> None:
    await expire(owner.tokens, token_id)


async def by_time(gatepost: Gatepost, owner: Browser, token_id: str) -> None:
    await update(owner.tokens, token_id, expires_at=gatepost.clock.now() + timedelta(minutes=10))
    gatepost.clock.advance(minutes=10)


in_both_deaths = pytest.mark.parametrize("kill", [by_force, by_time])


@pytest.mark.parametrize("changed", ["nothing", "an empty metadata", "name", "expires_at", "scopes", "no scopes"])
async def test_what_is_absent_stays_as_it_is(gatepost: Gatepost, changed: str) -> None:
    ada = await gatepost.session()
    created = await create(ada.tokens, "ci", scopes=["deploy:run"])
    token_id, later = id_of(created), gatepost.clock.now() + timedelta(days=100)
    calls: dict[str, Callable[[], Awaitable[UpdateTokenResponse]]] = {
        "nothing": lambda: update(ada.tokens, token_id),
        "an empty metadata": lambda: ada.tokens.update_token(
            UpdateTokenRequest(token_uuid=TokenUUID(uuid=token_id), token_metadata=TokenMetadata())
        ),
        "name": lambda: update(ada.tokens, token_id, name=" renamed "),
        "expires_at": lambda: update(ada.tokens, token_id, expires_at=later),
        "scopes": lambda: update(ada.tokens, token_id, scopes=["a:b", "c:d"]),
        "no scopes": lambda: update(ada.tokens, token_id, scopes=[]),
    }
    answer = await calls[changed]()

    assert id_of(answer) == token_id
    assert metadata_of(answer).name == ("renamed" if changed == "name" else "ci")
    assert end_of(answer) == (later if changed == "expires_at" else end_of(created))
    assert scopes_of(answer) == {"scopes": ["a:b", "c:d"], "no scopes": []}.get(changed, ["deploy:run"])
    kept = await get(ada.tokens, token_id)
    assert (kept.token_metadata, kept.token_permissions) == (answer.token_metadata, answer.token_permissions)
    assert await works(gatepost.bearer(value_of(created)))
    silent = changed in ("nothing", "an empty metadata")
    assert await events(gatepost, token_id) == ["token_created"] + ([] if silent else ["token_updated"])


async def test_the_value_is_never_told(gatepost: Gatepost) -> None:
    ada = await gatepost.session()
    created = await create(ada.tokens)
    answer = await update(ada.tokens, id_of(created), name="renamed")
    assert value_of(created).encode() not in answer.to_binary()


@pytest.mark.parametrize(
    ("end", "accepted"),
    [
        (lambda now: now + MICROSECOND, True),
        (lambda now: now, False),
        (lambda now: now - HOUR, False),
        (lambda now: now + timedelta(days=366), True),
        (lambda now: now + timedelta(days=366) + MICROSECOND, False),
    ],
    ids=["earlier", "now", "into the past", "the longest", "longer"],
)
async def test_a_live_tokens_end_moves_within_the_limits(
    gatepost: Gatepost, end: Callable[[datetime], datetime], accepted: bool
) -> None:
    ada = await gatepost.session()
    created = await create(ada.tokens)
    gatepost.clock.advance(days=1)
    wanted = end(gatepost.clock.now())
    if accepted:
        assert end_of(await update(ada.tokens, id_of(created), expires_at=wanted)) == wanted
    else:
        with refused(Code.INVALID_ARGUMENT, "INVALID_FIELD", fields=["token_metadata.expires_at"]):
            await update(ada.tokens, id_of(created), expires_at=wanted)
        assert end_of(await get(ada.tokens, id_of(created))) == end_of(created)
    assert await works(gatepost.bearer(value_of(created)))


async def test_an_earlier_end_holds_also_for_sessions_made_before(gatepost: Gatepost) -> None:
    ada = await gatepost.session()
    created = await create(ada.tokens)
    holder, of_the_token = gatepost.bearer(value_of(created)), await exchanged(gatepost, value_of(created))
    await update(ada.tokens, id_of(created), expires_at=gatepost.clock.now() + timedelta(minutes=10))
    assert await works(holder)
    assert await works(of_the_token)
    gatepost.clock.advance(minutes=10)
    assert not await works(holder)
    assert not await works(of_the_token)


@in_both_deaths
async def test_a_revived_token_has_no_value_until_it_is_regenerated(gatepost: Gatepost, kill: Kill) -> None:
    ada = await gatepost.session()
    created = await create(ada.tokens)
    token_id, holder = id_of(created), gatepost.bearer(value_of(created))
    of_the_token = await exchanged(gatepost, value_of(created))
    await kill(gatepost, ada, token_id)
    end = gatepost.clock.now() + HOUR

    revived = await update(ada.tokens, token_id, expires_at=end)
    assert end_of(revived) == end
    assert metadata_of(revived).value_hint == ""
    assert not await works(holder)
    assert not await works(of_the_token)
    assert await gatepost.fetch("SELECT value_digest FROM tokens") == [(None,)]

    value = await regenerate(ada.tokens, token_id)
    assert await works(gatepost.bearer(value))
    assert not await works(holder)
    assert not await works(of_the_token)
    assert metadata_of(await get(ada.tokens, token_id)).value_hint == value[:8]


@in_both_deaths
async def test_a_revived_token_needs_its_name(gatepost: Gatepost, kill: Kill) -> None:
    ada = await gatepost.session()
    dead = id_of(await create(ada.tokens, "ci"))
    await kill(gatepost, ada, dead)
    await create(ada.tokens, "ci")
    end = gatepost.clock.now() + HOUR
    with refused(Code.ALREADY_EXISTS, "NAME_TAKEN"):
        await update(ada.tokens, dead, expires_at=end)
    assert end_of(await get(ada.tokens, dead)) <= gatepost.clock.now()
    assert metadata_of(await update(ada.tokens, dead, name="old ci", expires_at=end)).name == "old ci"


@in_both_deaths
async def test_a_revived_token_needs_room(gatepost: Gatepost, kill: Kill) -> None:
    ada = await gatepost.session()
    dead = id_of(await create(ada.tokens, "dead"))
    await kill(gatepost, ada, dead)
    live = [await create(ada.tokens, f"token {number}") for number in range(50)]
    with refused(Code.RESOURCE_EXHAUSTED, "TOKEN_QUOTA"):
        await update(ada.tokens, dead, expires_at=gatepost.clock.now() + HOUR)
    await update(ada.tokens, id_of(live[0]), name="at the quota", expires_at=gatepost.clock.now() + HOUR)
    await expire(ada.tokens, id_of(live[0]))
    await update(ada.tokens, dead, expires_at=gatepost.clock.now() + HOUR)


@in_both_deaths
async def test_a_dead_token_can_be_changed_and_stays_dead(gatepost: Gatepost, kill: Kill) -> None:
    ada = await gatepost.session()
    created = await create(ada.tokens, "dead")
    await kill(gatepost, ada, id_of(created))
    await create(ada.tokens, "ci")
    answer = await update(ada.tokens, id_of(created), name="ci", scopes=["a:b"])
    assert (metadata_of(answer).name, scopes_of(answer)) == ("ci", ["a:b"])
    assert metadata_of(answer).value_hint == value_of(created)[:8]
    assert not await works(gatepost.bearer(value_of(created)))


@in_both_deaths
async def test_a_dead_tokens_end_does_not_move_into_the_past(gatepost: Gatepost, kill: Kill) -> None:
    ada = await gatepost.session()
    token_id = id_of(await create(ada.tokens))
    await kill(gatepost, ada, token_id)
    with refused(Code.INVALID_ARGUMENT, "INVALID_FIELD", fields=["token_metadata.expires_at"]):
        await update(ada.tokens, token_id, expires_at=gatepost.clock.now() - HOUR)


async def test_a_live_token_takes_no_other_ones_name(gatepost: Gatepost) -> None:
    ada = await gatepost.session()
    await create(ada.tokens, "taken")
    token_id = id_of(await create(ada.tokens, "ci"))
    with refused(Code.ALREADY_EXISTS, "NAME_TAKEN"):
        await update(ada.tokens, token_id, name="taken")
    await update(ada.tokens, token_id, name="ci")


@pytest.mark.parametrize("name", ["   ", "n" * 65, "a\x07b"], ids=ascii)
async def test_a_name_is_checked_as_in_create(gatepost: Gatepost, name: str) -> None:
    ada = await gatepost.session()
    token_id = id_of(await create(ada.tokens, "ci"))
    with refused(Code.INVALID_ARGUMENT, "INVALID_FIELD", fields=["token_metadata.name"]):
        await update(ada.tokens, token_id, name=name)


async def test_all_or_nothing(gatepost: Gatepost) -> None:
    ada = await gatepost.session()
    created = await create(ada.tokens, "ci")
    with refused(Code.INVALID_ARGUMENT, "INVALID_FIELD"):
        await update(ada.tokens, id_of(created), name="renamed", expires_at=gatepost.clock.now() - HOUR, scopes=["a:b"])
    kept = await get(ada.tokens, id_of(created))
    assert (metadata_of(kept), scopes_of(kept)) == (metadata_of(created), [])


async def test_scopes_act_at_once_also_on_sessions_made_from_the_token(gatepost: Gatepost) -> None:
    ada = await gatepost.session()
    created = await create(ada.tokens)
    other = id_of(await create(ada.tokens, "other"))
    holders = [gatepost.bearer(value_of(created)), await exchanged(gatepost, value_of(created))]
    for holder in holders:
        await get(holder.tokens, other)
    await update(ada.tokens, id_of(created), scopes=["deploy:run"])
    for holder in holders:
        with refused(Code.PERMISSION_DENIED, "SCOPE_MISSING"):
            await get(holder.tokens, other)


async def test_no_such_token(gatepost: Gatepost) -> None:
    ada = await gatepost.session()
    with refused(Code.NOT_FOUND, "NOT_FOUND"):
        await update(ada.tokens, UNKNOWN, name="renamed")
