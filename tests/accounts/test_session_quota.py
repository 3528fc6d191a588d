"""How many sessions an account may have at a time (ASVS 7.1.2)."""

from pathlib import Path

import pytest

from tests.accounts.calls import ADA, refresh
from tests.support.databases import Original
from tests.support.service import Browser, Gatepost, settings_for, started
from tests.tokens.calls import create, exchanged, value_of, works


async def test_the_oldest_goes(tmp_path: Path, migrated: Original) -> None:
    assert settings_for(tmp_path).session_quota == 20
    async with started(tmp_path, migrated, session_quota=3) as gatepost:
        sessions = [await opened(gatepost) for _ in range(5)]
        assert [await works(each) for each in sessions] == [False, False, True, True, True]


async def test_neither_other_accounts_sessions_nor_those_of_tokens_count(tmp_path: Path, migrated: Original) -> None:
    async with started(tmp_path, migrated, session_quota=2) as gatepost:
        ada, bob = await opened(gatepost), await opened(gatepost, "bob@example.test")
        token = await create(ada.tokens)
        of_token = [await exchanged(gatepost, value_of(token)) for _ in range(3)]
        another = await opened(gatepost)
        assert all([await works(each) for each in (ada, bob, another, *of_token)])


@pytest.mark.parametrize("quota", [1, 2])
async def test_the_new_one_never_goes_even_if_the_clock_was_set_back(
    tmp_path: Path, migrated: Original, quota: int
) -> None:
    """Otherwise nobody with as many sessions could sign in until the clock has caught up."""
    async with started(tmp_path, migrated, session_quota=quota) as gatepost:
        for _ in range(quota):
            await opened(gatepost)
        gatepost.clock.advance(hours=-2)
        assert await works(await opened(gatepost))
        assert await gatepost.fetch("SELECT count(*) FROM sessions") == [(quota,)]


async def test_the_dead_do_not_count(tmp_path: Path, migrated: Original) -> None:
    async with started(tmp_path, migrated, session_quota=2) as gatepost:
        in_use, left_alone = await opened(gatepost), await opened(gatepost)
        for _ in range(2):
            gatepost.clock.advance(days=6)
            await refresh(in_use)
        assert not await works(left_alone)
        await opened(gatepost)
        assert await works(in_use)


async def opened(gatepost: Gatepost, email: str = ADA) -> Browser:
    gatepost.clock.advance(1)
    return await gatepost.session(email)
