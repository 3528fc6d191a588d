"""Calls that start together."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from connectrpc.code import Code
from connectrpc.errors import ConnectError

from app.core import secrets
from app.tokens import store
from tests.support.databases import Original
from tests.support.service import Browser, Gatepost, started
from tests.tokens.calls import (
    create,
    end_of,
    events,
    exchanged,
    expire,
    get,
    id_of,
    listed,
    regenerate,
    update,
    value_of,
    works,
)

OK = "ok"
MANY = 8
ROUNDS = 5


async def test_one_name_goes_to_one_token(gatepost: Gatepost) -> None:
    ada = await gatepost.session()
    outcomes = await together(*(create(ada.tokens, "ci") for _ in range(MANY)))
    assert outcomes == {OK: 1, Code.ALREADY_EXISTS: MANY - 1}
    assert len(await listed(ada.tokens)) == 1


async def test_the_last_place_goes_to_one_token(tmp_path: Path, migrated: Original) -> None:
    async with started(tmp_path, migrated, token_quota=3) as gatepost:
        ada = await gatepost.session()
        for name in ("one", "two"):
            await create(ada.tokens, name)
        outcomes = await together(*(create(ada.tokens, f"token {number}") for number in range(MANY)))
        assert outcomes == {OK: 1, Code.RESOURCE_EXHAUSTED: MANY - 1}
        assert len(await listed(ada.tokens)) == 3


async def test_one_of_many_namesakes_is_revived(gatepost: Gatepost) -> None:
    ada = await gatepost.session()
    dead = []
    for _ in range(MANY):
        dead.append(id_of(await create(ada.tokens, "ci")))
        await expire(ada.tokens, dead[-1])
    end = gatepost.clock.now() + timedelta(hours=1)
    outcomes = await together(*(update(ada.tokens, token_id, expires_at=end) for token_id in dead))
    assert outcomes == {OK: 1, Code.ALREADY_EXISTS: MANY - 1}
    assert sum(end_of(each) > gatepost.clock.now() for each in await listed(ada.tokens)) == 1


async def test_renaming_and_creating_share_the_names(gatepost: Gatepost) -> None:
    ada = await gatepost.session()
    token_id = id_of(await create(ada.tokens, "old"))
    outcomes = await together(
        create(ada.tokens, "ci"), update(ada.tokens, token_id, name="ci"), create(ada.tokens, "ci")
    )
    assert outcomes == {OK: 1, Code.ALREADY_EXISTS: 2}


async def test_a_swap_wants_the_value_that_was_read(gatepost: Gatepost) -> None:
    ada = await gatepost.session()
    token_id = UUID(id_of(await create(ada.tokens)))
    [(account_id,)] = await gatepost.fetch("SELECT id FROM accounts")
    db, now = gatepost.parts.db, gatepost.clock.now()
    async with db.read() as tx:
        seen = await store.find(tx, UUID(account_id), token_id)
    assert seen is not None
    for value, swapped in [("first", True), ("second", False)]:
        async with db.write() as tx:
            assert await store.swap_value(tx, seen, secrets.digest(value), "", now) is swapped


@pytest.mark.parametrize("revived", [False, True], ids=["with a value", "without a value"])
async def test_of_regenerations_that_saw_the_same_value_one_wins(gatepost: Gatepost, revived: bool) -> None:
    ada = await gatepost.session()
    token_id = id_of(await create(ada.tokens))
    if revived:
        await expire(ada.tokens, token_id)
        await update(ada.tokens, token_id, expires_at=gatepost.clock.now() + timedelta(hours=1))
    lost = 0
    for _ in range(ROUNDS):
        answers = await asyncio.gather(*(regenerate(ada.tokens, token_id) for _ in range(MANY)), return_exceptions=True)
        values = [answer for answer in answers if isinstance(answer, str)]
        refusals = [answer.code for answer in answers if isinstance(answer, ConnectError)]
        assert set(refusals) <= {Code.ABORTED}
        assert len(values) + len(refusals) == MANY
        assert [await works(gatepost.bearer(value)) for value in values].count(True) == 1
        lost += len(refusals)
    assert lost > 0, "none of them ever met another"
    assert (await events(gatepost, token_id)).count("token_regenerated") == ROUNDS * MANY - lost


async def test_tokens_that_regenerate_themselves_at_once(gatepost: Gatepost) -> None:
    ada = await gatepost.session()
    created = await create(ada.tokens)
    holder = gatepost.bearer(value_of(created))
    outcomes = await together(*(regenerate(holder.tokens, id_of(created)) for _ in range(MANY)))
    assert outcomes.pop(OK) == 1
    assert set(outcomes) <= {Code.ABORTED, Code.UNAUTHENTICATED}


@pytest.mark.parametrize("act", [regenerate, expire])
async def test_after_the_answer_the_old_value_never_works(
    gatepost: Gatepost, act: Callable[[Any, str], Awaitable[Any]]
) -> None:
    ada = await gatepost.session()
    answered = False

    async def use(holder: Browser) -> None:
        while True:
            late = answered
            if not await works(holder):
                return
            assert not late, "a revoked value was let in"

    for number in range(ROUNDS):
        created = await create(ada.tokens, f"token {number}")
        answered = False
        users = [asyncio.create_task(use(gatepost.bearer(value_of(created)))) for _ in range(3)]
        users.append(asyncio.create_task(use(await exchanged(gatepost, value_of(created)))))
        await act(ada.tokens, id_of(created))
        answered = True
        await asyncio.gather(*users)


async def test_an_expiry_beats_a_regeneration(gatepost: Gatepost) -> None:
    ada = await gatepost.session()
    for number in range(ROUNDS):
        token_id = id_of(await create(ada.tokens, f"token {number}"))
        answers = await asyncio.gather(
            regenerate(ada.tokens, token_id), expire(ada.tokens, token_id), return_exceptions=True
        )
        if isinstance(answers[0], ConnectError):
            assert answers[0].code in (Code.ABORTED, Code.FAILED_PRECONDITION)
        else:
            assert not await works(gatepost.bearer(str(answers[0])))
        assert end_of(await get(ada.tokens, token_id)) <= gatepost.clock.now()


async def test_no_session_outlives_the_token_that_it_is_being_made_from(gatepost: Gatepost) -> None:
    ada = await gatepost.session()
    for number in range(ROUNDS):
        created = await create(ada.tokens, f"token {number}")
        browser, _ = await asyncio.gather(
            exchanged(gatepost, value_of(created)), expire(ada.tokens, id_of(created)), return_exceptions=True
        )
        assert isinstance(browser, Browser | ConnectError)
        assert isinstance(browser, ConnectError) or not await works(browser)
        assert await gatepost.fetch("SELECT 1 FROM sessions WHERE token_id IS NOT NULL") == []


async def together(*calls: Awaitable[Any]) -> Counter[object]:
    """How the calls ended, each by its code."""
    answers = await asyncio.gather(*calls, return_exceptions=True)
    return Counter(_ended(answer) for answer in answers)


def _ended(answer: object) -> object:
    if isinstance(answer, ConnectError):
        return answer.code
    if isinstance(answer, BaseException):
        raise answer
    return OK
