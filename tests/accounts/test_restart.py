"""What a restart keeps, and what it must not bring back."""

from pathlib import Path

from connectrpc.code import Code
from pydantic import SecretStr

from tests.accounts.calls import ADA, refresh, sign_out, tab
from tests.support.clock import FakeClock
from tests.support.databases import Original
from tests.support.refusals import refused
from tests.support.service import started
from tests.tokens.calls import create, exchanged, expire, id_of, value_of, works

OLD, NEW = SecretStr("an old key of the tests 0123456789"), SecretStr("a new key of the tests 0123456789")


async def test_the_live_stay_live_and_the_ended_stay_ended(tmp_path: Path, migrated: Original) -> None:
    clock = FakeClock()
    async with started(tmp_path, migrated, clock=clock) as gatepost:
        ada, ended, replaced = [await gatepost.session(ADA) for _ in range(3)]
        token, expired = await create(ada.tokens), await create(ada.tokens, "expired")
        of_token = await exchanged(gatepost, value_of(token))
        of_expired = await exchanged(gatepost, value_of(expired))
        live = [ada.session, of_token.session]
        dead = [ended.session, replaced.session, of_expired.session]
        await sign_out(ended)
        await replaced.sign_in(ADA)
        await expire(ada.tokens, id_of(expired))

    async with started(tmp_path, migrated, clock=clock) as gatepost:
        assert all([await works(tab(gatepost, value)) for value in live])
        assert not any([await works(tab(gatepost, value)) for value in dead])
        assert await works(gatepost.bearer(value_of(token)))
        assert not await works(gatepost.bearer(value_of(expired)))


async def test_a_rotation_and_a_theft_are_remembered(tmp_path: Path, migrated: Original) -> None:
    clock = FakeClock()
    async with started(tmp_path, migrated, clock=clock) as gatepost:
        ada = await gatepost.session(ADA)
        oldest = ada.session
        for _ in range(2):
            clock.advance(300)
            await refresh(ada)
            assert await works(ada)

    async with started(tmp_path, migrated, clock=clock) as gatepost:
        assert await works(tab(gatepost, ada.session))
        assert not await works(tab(gatepost, oldest))
        assert not await works(tab(gatepost, ada.session))

    async with started(tmp_path, migrated, clock=clock) as gatepost:
        assert not await works(tab(gatepost, ada.session))


async def test_a_new_key_signs_and_the_old_one_still_verifies_until_it_is_taken_away(
    tmp_path: Path, migrated: Original
) -> None:
    """ASVS 11.2.2."""
    clock = FakeClock()
    async with started(tmp_path, migrated, clock=clock, secret_keys=(OLD,)) as gatepost:
        before = await gatepost.session(ADA)
    async with started(tmp_path, migrated, clock=clock, secret_keys=(NEW, OLD)) as gatepost:
        kept, after = tab(gatepost, before.session), await gatepost.session(ADA)
        assert await works(kept)
        renewed = tab(gatepost, before.session)
        clock.advance(300)
        await refresh(renewed)
    async with started(tmp_path, migrated, clock=clock, secret_keys=(NEW,)) as gatepost:
        assert await works(tab(gatepost, after.session))
        assert await works(tab(gatepost, renewed.session))
        assert not await works(tab(gatepost, before.session))


async def test_a_restart_does_not_forget_the_mail_and_its_minute(tmp_path: Path, migrated: Original) -> None:
    clock = FakeClock()
    async with started(tmp_path, migrated, clock=clock) as gatepost:
        await gatepost.browser().sign_up(ADA)
    async with started(tmp_path, migrated, clock=clock) as gatepost:
        with refused(Code.ALREADY_EXISTS, "EMAIL_TAKEN"):
            await gatepost.browser().sign_up(ADA)
        assert len(await gatepost.mails()) == 1
