"""What one process ends, another on the same database refuses once it has looked, which it does every 10 ms.

That is SQLite. On a server, where nobody tells, the bound is `core.verified.LIFE`, a second (semantics.md).
"""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from connectrpc.code import Code

from app.core.verified import LIFE
from tests.accounts.calls import ADA, authorize, refresh, sign_out, tab
from tests.support.databases import Original
from tests.support.refusals import refused
from tests.support.service import Gatepost, started
from tests.tokens.calls import create, expire, id_of, page, regenerate, update, value_of, works

Pair = tuple[Gatepost, Gatepost]


async def test_a_session_that_ended_there_is_refused_here(two: Pair) -> None:
    """ASVS 8.3.2, 7.4.1."""
    here, there = two
    ada = await there.session(ADA)
    mine = tab(here, ada.session)
    assert await works(mine)
    await sign_out(ada)
    here.clock.advance(LIFE)
    assert not await works(mine)


async def test_a_token_that_died_there_is_refused_here(two: Pair) -> None:
    here, there = two
    ada = await there.session(ADA)
    for number, kill in enumerate((expire, regenerate)):
        made = await create(ada.tokens, f"token {number}")
        holder = here.bearer(value_of(made))
        await authorize(holder)
        made_from_it = tab(here, holder.session)
        assert (await works(holder), await works(made_from_it)) == (True, True)
        await kill(ada.tokens, id_of(made))
        here.clock.advance(LIFE)
        assert (await works(holder), await works(made_from_it)) == (False, False)


async def test_scopes_that_were_taken_there_are_missing_here(two: Pair) -> None:
    here, there = two
    ada = await there.session(ADA)
    made = await create(ada.tokens, scopes=["tokens:read"])
    holder = here.bearer(value_of(made))
    await page(holder.tokens)
    await update(ada.tokens, id_of(made), scopes=["builds:start"])
    here.clock.advance(LIFE)
    with refused(Code.PERMISSION_DENIED, "SCOPE_MISSING"):
        await page(holder.tokens)


async def test_a_theft_seen_there_ends_the_session_here(two: Pair) -> None:
    here, there = two
    ada = await there.session(ADA)
    stolen, mine = tab(there, ada.session), tab(here, ada.session)
    for _ in range(2):
        for gatepost in two:
            gatepost.clock.advance(300)
        await refresh(mine)
    assert await works(mine)
    assert not await works(stolen)
    here.clock.advance(LIFE)
    assert not await works(mine)


async def test_a_password_of_one_is_right_in_the_other(two: Pair) -> None:
    here, there = two
    await there.session(ADA)
    assert await works(await here.session(ADA))


@pytest.fixture
async def two(tmp_path: Path, migrated: Original) -> AsyncIterator[Pair]:
    """Two services with connections of their own to one file."""
    async with started(tmp_path, migrated) as here, started(tmp_path, migrated) as there:
        yield here, there
