"""Tokens as credentials: what is let in, what is not, and when it was last used."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

import pytest
from connectrpc.code import Code

from app.tokens import store
from app.tokens.format import new_value
from gen.test.v1.test_v1_pb import PongRequest
from tests.support.refusals import refused
from tests.support.service import Browser, Gatepost
from tests.tokens.calls import create, exchanged, get, id_of, metadata_of, value_of, works

ALTERED: dict[str, Callable[[str], str]] = {
    "nothing": lambda value: "",
    "cut": lambda value: value[:-1],
    "longer": lambda value: value + "0",
    "another checksum": lambda value: value[:-1] + ("0" if value[-1] != "0" else "1"),
    "another secret": lambda value: value[:10] + ("0" if value[10] != "0" else "1") + value[11:],
    "another prefix": lambda value: "xy_" + value[3:],
    "without prefix": lambda value: value[3:],
    "never given out": lambda value: new_value("gp_"),
    "twice": lambda value: f"{value} {value}",
    "bytes": lambda value: "\xff" + value[1:],
}


@pytest.mark.parametrize("how", ALTERED)
async def test_whatever_is_wrong_with_a_value_the_answer_is_one(gatepost: Gatepost, how: str) -> None:
    ada = await gatepost.session()
    value = value_of(await create(ada.tokens))
    with refused(Code.UNAUTHENTICATED, "BAD_CREDENTIAL"):
        await gatepost.bearer(ALTERED[how](value)).pong.pong(PongRequest())
    assert await works(gatepost.bearer(value))


async def test_a_good_cookie_does_not_help_a_bad_token(gatepost: Gatepost) -> None:
    ada = await gatepost.session()
    both = gatepost.bearer(new_value("gp_"))
    both.session = ada.session
    assert not await works(both)


async def test_a_wrong_checksum_is_refused_without_the_database(gatepost: Gatepost) -> None:
    await gatepost.execute("ALTER TABLE tokens RENAME TO away")
    value = new_value("gp_")
    with refused(Code.UNAVAILABLE, "UNAVAILABLE"):
        await gatepost.bearer(value).pong.pong(PongRequest())
    with refused(Code.UNAUTHENTICATED, "BAD_CREDENTIAL"):
        await gatepost.bearer(ALTERED["another checksum"](value)).pong.pong(PongRequest())


async def test_the_last_use_is_exact_to_a_minute_and_written_in_batches(gatepost: Gatepost) -> None:
    ada = await gatepost.session()
    created = await create(ada.tokens)
    token_id, holder = id_of(created), gatepost.bearer(value_of(created))
    first = gatepost.clock.now()
    await holder.pong.pong(PongRequest())
    assert await last_used(ada, token_id) is None
    await gatepost.parts.activities[1].flush()
    assert await last_used(ada, token_id) == first

    for seconds, expected in [(59, 0), (1, 60), (59, 60)]:
        gatepost.clock.advance(seconds)
        await holder.pong.pong(PongRequest())
        await gatepost.parts.activities[1].flush()
        told = await last_used(ada, token_id)
        assert told is not None
        assert (told - first).total_seconds() == expected


async def test_a_refused_use_is_no_use(gatepost: Gatepost) -> None:
    ada = await gatepost.session()
    created = await create(ada.tokens)
    await works(gatepost.bearer(ALTERED["another checksum"](value_of(created))))
    await gatepost.parts.activities[1].flush()
    assert await last_used(ada, id_of(created)) is None


async def test_a_later_use_that_another_process_noted_stays(gatepost: Gatepost) -> None:
    ada = await gatepost.session()
    token_id = id_of(await create(ada.tokens))
    earlier = gatepost.clock.now()
    gatepost.clock.advance(minutes=5)
    for at in (gatepost.clock.now(), earlier):
        async with gatepost.parts.db.write() as tx:
            await store.touch(tx, [UUID(token_id)], at)
    assert await last_used(ada, token_id) == gatepost.clock.now()


async def test_a_session_made_from_a_token_dies_with_the_tokens_row(gatepost: Gatepost) -> None:
    ada = await gatepost.session()
    created = await create(ada.tokens)
    browser = await exchanged(gatepost, value_of(created))
    assert await works(browser)
    await gatepost.execute("DELETE FROM tokens")
    assert not await works(browser)


async def last_used(owner: Browser, token_id: str) -> datetime | None:
    told = metadata_of(await get(owner.tokens, token_id)).last_used_at
    return None if told is None else told.to_datetime()
