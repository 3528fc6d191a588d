"""GetToken, ListTokens and ListTokensPage."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from connectrpc.code import Code
from protobuf.wkt.google.protobuf.timestamp_pb import Timestamp

from app.core import secrets
from app.core.caller import Caller, Client
from app.tokens import store
from app.tokens.reading import ListTokens
from gen.tokens.v1.tokens_v1_pb import ListTokensResponse
from tests.support import tables
from tests.support.refusals import refused
from tests.support.service import Browser, Gatepost
from tests.tokens.calls import UNKNOWN, create, expire, get, id_of, listed, metadata_of, page, value_of


async def test_a_token_without_its_value(gatepost: Gatepost) -> None:
    ada = await gatepost.session()
    created = await create(ada.tokens, "ci", scopes=["a:b"])
    told = await get(ada.tokens, id_of(created))
    assert (told.token_uuid, told.token_metadata, told.token_permissions) == (
        created.token_uuid,
        created.token_metadata,
        created.token_permissions,
    )
    assert value_of(created).encode() not in told.to_binary()


async def test_no_such_token(gatepost: Gatepost) -> None:
    ada = await gatepost.session()
    with refused(Code.NOT_FOUND, "NOT_FOUND"):
        await get(ada.tokens, UNKNOWN)


async def test_an_account_without_tokens_has_an_empty_list(gatepost: Gatepost) -> None:
    ada = await gatepost.session()
    assert await listed(ada.tokens) == []
    first = await page(ada.tokens)
    assert (first.tokens, first.next_page_token) == ([], "")


async def test_the_list_is_the_accounts_own_newest_first_with_the_dead(gatepost: Gatepost) -> None:
    ada, bob = await gatepost.session("ada@example.test"), await gatepost.session("bob@example.test")
    names = ["first", "second", "third"]
    for name in names:
        gatepost.clock.advance(1)
        await create(bob.tokens, f"bob's {name}")
        created = await create(ada.tokens, name)
    await expire(ada.tokens, id_of(created))
    told = await listed(ada.tokens)
    assert [metadata_of(each).name for each in told] == names[::-1]
    assert (await page(ada.tokens)).tokens == told
    for each in told:
        alone = await get(ada.tokens, id_of(each))
        assert (each.token_metadata, each.token_permissions) == (alone.token_metadata, alone.token_permissions)


async def test_dead_tokens_stay_listed_for_90_days(gatepost: Gatepost) -> None:
    ada = await gatepost.session()
    created = await create(ada.tokens)
    await expire(ada.tokens, id_of(created))
    gatepost.clock.advance(days=90)
    ada = await gatepost.session()
    assert [id_of(each) for each in await listed(ada.tokens)] == [id_of(created)]


async def test_a_long_list_is_whole_in_order_and_the_same_by_pages(gatepost: Gatepost) -> None:
    ada = await gatepost.session()
    await many(gatepost, ada, 612)
    told = await listed(ada.tokens)
    assert len({id_of(each) for each in told}) == 612
    assert [place(each) for each in told] == sorted((place(each) for each in told), reverse=True)

    by_pages, next_page_token = [], ""
    while True:
        answer = await page(ada.tokens, 100, next_page_token)
        by_pages += answer.tokens
        next_page_token = answer.next_page_token
        if not next_page_token:
            break
        assert len(answer.tokens) == 100
    assert by_pages == told


@pytest.mark.parametrize(("count", "size"), [(1, 1), (20, 20), (20, 19), (20, 21), (270, 100), (271, 100), (520, 100)])
async def test_lists_that_end_where_a_read_ends(gatepost: Gatepost, count: int, size: int) -> None:
    ada = await gatepost.session()
    await many(gatepost, ada, count)
    assert len(await listed(ada.tokens)) == count
    first = await page(ada.tokens, size)
    assert len(first.tokens) == min(count, size)
    assert bool(first.next_page_token) == (count > size)


async def test_a_page_has_50_unless_asked_otherwise_and_100_at_most(gatepost: Gatepost) -> None:
    ada = await gatepost.session()
    await many(gatepost, ada, 101)
    assert len((await page(ada.tokens)).tokens) == 50
    assert len((await page(ada.tokens, 100)).tokens) == 100
    for size in (101, -1):
        with refused(Code.INVALID_ARGUMENT, "INVALID_FIELD", fields=["page_size"]):
            await page(ada.tokens, size)


async def test_pages_do_not_shift_when_tokens_are_made_meanwhile(gatepost: Gatepost) -> None:
    ada = await gatepost.session()
    await many(gatepost, ada, 4)
    first = await page(ada.tokens, 2)
    gatepost.clock.advance(1)
    await create(ada.tokens, "newer")
    second = await page(ada.tokens, 2, first.next_page_token)
    assert [id_of(each) for each in await listed(ada.tokens)][1:] == [
        id_of(each) for each in [*first.tokens, *second.tokens]
    ]
    assert second.next_page_token == ""


@pytest.mark.parametrize(
    "malformed",
    [
        "x",
        "A" * 31,
        "A" * 33,
        "A" * 36,
        "@" * 32,
        " " + "A" * 32,
        "_" * 32,
        "+" * 32,
        "é" * 32,
        "A" * 513,
    ],
    ids=ascii,
)
async def test_a_malformed_page_token(gatepost: Gatepost, malformed: str) -> None:
    ada = await gatepost.session()
    with refused(Code.INVALID_ARGUMENT, "INVALID_FIELD", fields=["page_token"]):
        await page(ada.tokens, 0, malformed)


async def test_another_accounts_page_token_shows_nothing_of_it(gatepost: Gatepost) -> None:
    ada, bob = await gatepost.session("ada@example.test"), await gatepost.session("bob@example.test")
    await many(gatepost, bob, 3)
    gatepost.clock.advance(1)
    await many(gatepost, ada, 3)
    adas = await page(ada.tokens, 1)
    answer = await page(bob.tokens, 0, adas.next_page_token)
    assert answer.tokens == await listed(bob.tokens)


async def test_a_slow_reader_holds_no_transaction(gatepost: Gatepost) -> None:
    ada = await gatepost.session()
    account_id = await many(gatepost, ada, 30)
    stream = aiter(
        ListTokens(gatepost.parts.db)(Caller(account_id, Client(ip="", user_agent=""), session_id=account_id))
    )
    for _ in range(2):
        await anext(stream)
    await create(ada.tokens, "made meanwhile")
    assert not await tables.somebody_reads(gatepost)
    assert len([each async for each in stream]) == 28


async def many(gatepost: Gatepost, owner: Browser, count: int) -> UUID:
    """Give the owner so many dead tokens, past and around what one reading takes, some made in the same moment."""
    created = await create(owner.tokens, "model")
    async with gatepost.parts.db.write() as tx:
        account_id = await store.owner_of(tx, UUID(id_of(created)))
        assert account_id is not None
        model = await store.find(tx, account_id, UUID(id_of(created)))
        assert model is not None
        for number in range(1, count):
            made_at = model.created_at - timedelta(seconds=number // 7)
            copy = replace(
                model,
                id=secrets.new_id(made_at),
                name=f"token {number}",
                value_digest=None,
                created_at=made_at,
                expires_at=made_at,
            )
            await store.add(tx, copy)
    return account_id


def place(told: ListTokensResponse) -> tuple[int, str]:
    created_at = metadata_of(told).created_at
    assert isinstance(created_at, Timestamp)
    return created_at.to_nanos(), id_of(told)
