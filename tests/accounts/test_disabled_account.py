"""What operators do: disable an account, enable it again, and end its sessions."""

from pathlib import Path

import pytest
from connectrpc.code import Code

from app.core.errors import NotFound
from tests.accounts.calls import (
    ADA,
    authorize,
    disable,
    enable,
    end_sessions,
    mailed,
    refresh,
    tab,
    trail,
)
from tests.support.clock import FakeClock
from tests.support.databases import Original
from tests.support.refusals import refused
from tests.support.service import Browser, Gatepost, started
from tests.support.slow_call import slow
from tests.support.together import together
from tests.tokens.calls import create, exchanged, id_of, listed, regenerate, update, value_of, works


async def test_sessions_and_tokens_die_and_stay_dead_when_it_is_enabled_again(gatepost: Gatepost) -> None:
    """ASVS 7.4.2: cookie, refresh and tokens."""
    ada, bob = await gatepost.session(ADA), await gatepost.session("bob@example.test")
    token = await create(ada.tokens)
    value = value_of(token)
    credentials = [ada, await exchanged(gatepost, value), gatepost.bearer(value)]
    done = await disable(gatepost)
    assert (done.changed, done.sessions, done.tokens) == (True, 2, 1)
    assert [await works(each) for each in credentials] == [False] * 3
    with refused(Code.UNAUTHENTICATED, "BAD_CREDENTIAL"):
        await refresh(ada)
    with refused(Code.UNAUTHENTICATED, "BAD_CREDENTIAL"):
        await authorize(gatepost.bearer(value))
    assert (await enable(gatepost)).changed
    assert [await works(each) for each in credentials] == [False] * 3
    assert await works(bob)
    assert await trail(gatepost) == [
        *("signed_up", "signed_in", "signed_up", "signed_in", "token_created", "token_authorized"),
        *("account_disabled", "account_enabled"),
    ]


async def test_nothing_comes_back_after_a_restart(tmp_path: Path, migrated: Original) -> None:
    clock = FakeClock()
    async with started(tmp_path, migrated, clock=clock) as gatepost:
        ada = await gatepost.session(ADA)
        value = value_of(await create(ada.tokens))
        await disable(gatepost)
        await enable(gatepost)
    async with started(tmp_path, migrated, clock=clock) as gatepost:
        assert not await works(tab(gatepost, ada.session))
        assert not await works(gatepost.bearer(value))
        assert await works(await gatepost.session(ADA))


async def test_a_token_moved_into_the_future_does_not_get_its_old_value_back(gatepost: Gatepost) -> None:
    token = await create((await gatepost.session(ADA)).tokens)
    await disable(gatepost)
    await enable(gatepost)
    ada = await gatepost.session(ADA)
    [told] = await listed(ada.tokens)
    assert told.token_metadata
    assert told.token_metadata.expires_at
    assert told.token_metadata.expires_at.to_datetime() == gatepost.clock.now()
    later = gatepost.clock.now().replace(year=2026, month=2)
    await update(ada.tokens, id_of(token), expires_at=later)
    assert not await works(gatepost.bearer(value_of(token)))
    assert await works(gatepost.bearer(await regenerate(ada.tokens, id_of(token))))


async def test_a_token_that_had_ended_keeps_its_end_and_loses_its_value(gatepost: Gatepost) -> None:
    ada = await gatepost.session(ADA)
    end = gatepost.clock.now().replace(hour=13)
    await create(ada.tokens, expires_at=end)
    gatepost.clock.advance(hours=2)
    assert (await disable(gatepost)).tokens == 1
    await enable(gatepost)
    [told] = await listed((await gatepost.session(ADA)).tokens)
    assert told.token_metadata
    assert told.token_metadata.expires_at
    assert told.token_metadata.expires_at.to_datetime() == end
    assert await gatepost.fetch("SELECT value_digest FROM tokens") == [(None,)]


async def test_queued_mail_and_codes_are_dropped(gatepost: Gatepost) -> None:
    await gatepost.browser().sign_up(ADA)
    await gatepost.browser().sign_up("bob@example.test")
    await disable(gatepost)
    assert await gatepost.fetch("SELECT recipient FROM mail_outbox") == [("bob@example.test",)]
    assert await gatepost.fetch("SELECT address FROM verifications WHERE tries_left > 0") == [("bob@example.test",)]


async def test_the_trace_of_mail_that_was_sent_stays(gatepost: Gatepost) -> None:
    """It is what keeps strangers from setting off one mail after another."""
    await gatepost.browser().sign_up(ADA)
    await gatepost.mails()
    await disable(gatepost)
    assert await mailed(gatepost, "verify_email") == 1


async def test_a_second_time_nothing_happens(gatepost: Gatepost) -> None:
    await gatepost.session(ADA)
    for operate, kind in [(disable, "account_disabled"), (enable, "account_enabled")]:
        assert [(await operate(gatepost)).changed for _ in range(2)] == [True, False]
        assert (await trail(gatepost)).count(kind) == 1


async def test_ended_sessions_are_all_and_tokens_stay(gatepost: Gatepost) -> None:
    """ASVS 7.4.5."""
    ada, bob = await gatepost.session(ADA), await gatepost.session("bob@example.test")
    value = value_of(await create(ada.tokens))
    sessions = [ada, await gatepost.session(ADA), await exchanged(gatepost, value)]
    done = await end_sessions(gatepost, " Ada@Example.TEST")
    assert (done.changed, done.sessions) == (True, 3)
    assert [await works(each) for each in sessions] == [False] * 3
    assert await works(gatepost.bearer(value))
    assert await works(bob)
    assert (await trail(gatepost))[-1] == "session_revoked"
    assert not (await end_sessions(gatepost)).changed
    assert (await trail(gatepost)).count("session_revoked") == 1


async def test_the_trail_says_that_it_was_an_operator(gatepost: Gatepost) -> None:
    await gatepost.session(ADA)
    for operate in (end_sessions, disable, enable):
        await operate(gatepost)
    assert await gatepost.fetch(
        "SELECT ip_address, user_agent FROM security_events WHERE kind NOT LIKE 'sign%' ORDER BY rowid"
    ) == [("", f"gatepost account {command}") for command in ("end-sessions", "disable", "enable")]


@pytest.mark.parametrize("operate", [disable, enable, end_sessions])
@pytest.mark.parametrize("email", ["bob@example.test", "no address"])
async def test_an_address_that_nobody_has(gatepost: Gatepost, operate: object, email: str) -> None:
    assert callable(operate)
    with pytest.raises(NotFound, match="no account with this address"):
        await operate(gatepost, email)


@pytest.mark.parametrize("end", [disable, end_sessions])
async def test_what_was_let_in_before_makes_nothing_that_outlives_it(gatepost: Gatepost, end: object) -> None:
    """The guard lets a session in before the body is read, and its client decides how long that takes."""
    assert callable(end)
    ada = await gatepost.session(ADA)
    creating = await slow(gatepost, ada, "tokens.v1.TokensService/CreateToken")
    await end(gatepost)
    answer = await creating.finish({"tokenMetadata": {"name": "late"}})
    assert (answer.status, answer.reason) == (401, "BAD_CREDENTIAL")
    assert await gatepost.fetch("SELECT 1 FROM tokens") == []


async def test_no_session_or_token_outlives_it_whatever_meets(tmp_path: Path, migrated: Original) -> None:
    clock = FakeClock()
    async with started(tmp_path, migrated, clock=clock) as one, started(tmp_path, migrated, clock=clock) as other:
        for number in range(5):
            ada = await one.session(ADA)
            holder = one.bearer(value_of(await create(ada.tokens, f"token {number}")))
            newcomers = [other.browser() for _ in range(3)]
            calls: list[object] = [browser.sign_in(ADA) for browser in newcomers]
            calls += [authorize(holder), create(ada.tokens, f"late {number}"), refresh(ada), disable(other)]
            await together(*calls)  # type: ignore[arg-type]
            await enable(one)
            assert await one.fetch("SELECT 1 FROM sessions") == []
            assert await one.fetch("SELECT 1 FROM tokens WHERE value_digest IS NOT NULL") == []
            assert not await any_works([ada, holder, *newcomers])


async def any_works(browsers: list[Browser]) -> bool:
    return any([await works(each) for each in browsers if each.session or "authorization" in each.jar.headers])
