"""PostgreSQL hangs, dies and comes back under calls: they are `unavailable`, and nothing that was answered is lost."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from connectrpc.code import Code
from connectrpc.errors import ConnectError

from app.core import postgresql
from gen.test.v1.test_v1_pb import PongRequest
from tests.accounts.calls import ADA, refresh, sessions, sign_out
from tests.support.databases import PostgresqlOriginal, migrated_database
from tests.support.postgresql import PostgreSQL
from tests.support.service import Browser, Gatepost, started
from tests.support.together import OK, together
from tests.tokens.calls import create, listed, metadata_of, value_of, works

pytestmark = pytest.mark.only("postgresql")


async def test_while_it_hangs_every_call_ends_and_afterwards_all_goes_on(
    gatepost: Gatepost, server: PostgreSQL
) -> None:
    ada = await gatepost.session(ADA)
    holder = gatepost.bearer(value_of(await create(ada.tokens)))
    server.pause()
    assert await together(*each_way(gatepost, ada, holder)) == {Code.UNAVAILABLE: 7}
    server.resume()
    assert await together(*each_way(gatepost, ada, holder)) == {OK: 7}
    assert len(await gatepost.mails()) == 4  # the workers went on by themselves, too


async def test_while_it_is_gone_every_call_is_told_so_and_afterwards_all_goes_on(
    gatepost: Gatepost, server: PostgreSQL
) -> None:
    ada = await gatepost.session(ADA)
    holder = gatepost.bearer(value_of(await create(ada.tokens)))
    server.stop()
    for _ in range(2):
        assert await together(*each_way(gatepost, ada, holder)) == {Code.UNAVAILABLE: 7}
    server.start()
    assert await together(*each_way(gatepost, ada, holder)) == {OK: 7}


async def test_what_was_answered_before_it_died_is_there_and_the_rest_is_whole_or_absent(
    gatepost: Gatepost, server: PostgreSQL
) -> None:
    ada, others = await gatepost.session(ADA), [await gatepost.session(ADA) for _ in range(3)]
    made: list[str] = []
    outcomes: set[object] = set()
    enough = asyncio.Event()

    async def make(by: Browser, number: int) -> None:
        try:
            await create(by.tokens, f"token {number}")
            made.append(f"token {number}")
        except ConnectError as error:
            outcomes.add(error.code)
        if len(made) == 9:
            enough.set()

    async def make_many(by: Browser, first: int) -> None:
        for number in range(first, 40, 4):
            await make(by, number)

    makers = [asyncio.create_task(make_many(by, at)) for at, by in enumerate((ada, *others))]
    await enough.wait()
    await sign_out(others[0])
    signed_out = others[0].session
    server.kill()
    await asyncio.gather(*makers)
    server.start()
    assert outcomes <= {Code.UNAVAILABLE, Code.UNAUTHENTICATED}
    there = [metadata_of(each).name for each in await listed(ada.tokens)]
    assert set(made) <= set(there)
    [(events,)] = await gatepost.fetch("SELECT count(*) FROM security_events WHERE kind = 'token_created'")
    assert events == len(there)
    ended = gatepost.browser()
    ended.session = signed_out
    assert not await works(ended)
    assert len(await sessions(ada)) == 3


def each_way(gatepost: Gatepost, ada: Browser, holder: Browser) -> Iterator[object]:
    yield gatepost.browser().sign_up(f"person{gatepost.addresses}@example.test")
    yield gatepost.browser().sign_in(ADA)
    yield ada.pong.pong(PongRequest())
    yield holder.pong.pong(PongRequest())
    yield refresh(ada)
    yield listed(holder.tokens)
    yield create(ada.tokens, f"token {gatepost.addresses}")


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresqlOriginal]:
    with migrated_database("postgresql", tmp_path_factory.mktemp("fragile")) as made:
        assert isinstance(made, PostgresqlOriginal)
        yield made


@pytest.fixture
def server(original: PostgresqlOriginal) -> Iterator[PostgreSQL]:
    """One that the test may stop."""
    yield original.server
    original.server.restore()


@pytest.fixture
async def gatepost(
    tmp_path: Path, original: PostgresqlOriginal, server: PostgreSQL, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Gatepost]:
    for name in ("ANSWER_WITHIN", "CONNECT_WITHIN", "WAIT_FOR_CONNECTION"):
        monkeypatch.setattr(postgresql, name, 1.0)
    async with started(tmp_path, original) as service:
        yield service
