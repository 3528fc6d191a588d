"""DeleteAccount: nothing of the account is left but its trail, which tells of no client any more."""

import asyncio
from pathlib import Path

import pytest
from connectrpc.code import Code

from gen.accounts.v1.accounts_v1_pb import GetAccountRequest
from tests.accounts.calls import ADA, WRONG, account, authorize, delete_account, refresh, tab, trail
from tests.accounts.conftest import HeldHashing
from tests.support.clock import FakeClock
from tests.support.databases import Original
from tests.support.refusals import refused
from tests.support.service import COOKIE, PASSWORD, Gatepost, started
from tests.support.slow_call import slow
from tests.support.together import OK, together
from tests.tokens.calls import create, exchanged, listed, value_of, works

BOB = "bob@example.test"
DELETE = "accounts.v1.AccountsService/DeleteAccount"


async def test_account_sessions_tokens_codes_and_mail_are_gone(gatepost: Gatepost) -> None:
    """ASVS 7.4.2."""
    ada, elsewhere = await gatepost.session(ADA), await gatepost.session(ADA)
    bob = await gatepost.session(BOB)
    value = value_of(await create(ada.tokens))
    bobs = value_of(await create(bob.tokens))
    session = ada.session
    credentials = [tab(gatepost, session), elsewhere, await exchanged(gatepost, value), gatepost.bearer(value)]
    await gatepost.mails()
    await create(ada.tokens, "its mail is unsent")
    await delete_account(ada)
    assert [await works(each) for each in credentials] == [False] * 4
    with refused(Code.UNAUTHENTICATED, "BAD_CREDENTIAL"):
        await refresh(elsewhere)
    with refused(Code.UNAUTHENTICATED, "BAD_CREDENTIAL"):
        await authorize(gatepost.bearer(value))
    with refused(Code.UNAUTHENTICATED, "WRONG_EMAIL_OR_PASSWORD"):
        await gatepost.browser().sign_in(ADA)
    bob_id = (await account(bob)).account_id.replace("-", "")
    assert await gatepost.fetch("SELECT address FROM accounts") == [(BOB,)]
    for table in ("sessions", "tokens", "verifications"):
        assert await gatepost.fetch(f"SELECT DISTINCT account_id FROM {table}") == [(bob_id,)]  # noqa: S608
    assert await gatepost.fetch("SELECT recipient, template FROM mail_outbox WHERE recipient = ?", ADA) == [
        (ADA, "account_deleted")
    ]
    assert await works(bob)
    assert await works(gatepost.bearer(bobs))


async def test_the_cookie_is_cleared(gatepost: Gatepost) -> None:
    ada = await gatepost.session(ADA)
    await delete_account(ada)
    assert ada.jar.set_cookies == [f"{COOKIE}=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax"]


async def test_the_former_owner_is_told_once(gatepost: Gatepost) -> None:
    ada = await gatepost.session(ADA, ip="198.51.100.7")
    await delete_account(ada)
    [mail] = await gatepost.mails()
    assert mail["To"] == ADA
    assert "deleted" in mail["Subject"]
    assert "198.51.100.7" in mail.get_content()


@pytest.mark.parametrize("password", [WRONG, "", PASSWORD.upper()])
async def test_without_the_password_nothing_is_deleted(gatepost: Gatepost, password: str) -> None:
    """ASVS 7.5.3."""
    ada = await gatepost.session(ADA)
    with refused(Code.INVALID_ARGUMENT, "INVALID_FIELD", fields=["password"]):
        await delete_account(ada, password)
    assert ada.jar.set_cookies == []
    assert await works(ada)
    assert (await trail(gatepost))[-1] == "sign_in_failed"


async def test_wrong_ones_are_counted_with_those_of_sign_in(gatepost: Gatepost) -> None:
    ada = await gatepost.session(ADA, ip="198.51.100.7")
    for _ in range(3):
        with refused(Code.INVALID_ARGUMENT, "INVALID_FIELD"):
            await delete_account(ada, WRONG)
    for _ in range(2):
        with refused(Code.UNAUTHENTICATED, "WRONG_EMAIL_OR_PASSWORD"):
            await gatepost.browser(ip="198.51.100.7").sign_in(ADA, WRONG)
    with refused(Code.RESOURCE_EXHAUSTED, "THROTTLED"):
        await delete_account(ada)
    assert await gatepost.fetch("SELECT failed_attempts FROM accounts") == [(5,)]


async def test_a_disabled_password_is_as_wrong_here(gatepost: Gatepost) -> None:
    ada = await gatepost.session(ADA)
    await gatepost.execute("UPDATE accounts SET failed_attempts = 100")
    with refused(Code.INVALID_ARGUMENT, "INVALID_FIELD", fields=["password"]):
        await delete_account(ada)
    assert await works(ada)


async def test_the_trail_stays_under_the_bare_id_and_tells_of_no_client(gatepost: Gatepost) -> None:
    ada, bob = await gatepost.session(ADA), await gatepost.session(BOB)
    account_id = (await account(ada)).account_id.replace("-", "")
    with refused(Code.INVALID_ARGUMENT, "INVALID_FIELD"):
        await delete_account(ada, WRONG)
    await delete_account(ada)
    told = await gatepost.fetch("SELECT kind, ip_address, user_agent, account_id FROM security_events ORDER BY rowid")
    assert [row for row in told if row[3] == account_id] == [
        (kind, "", "", account_id) for kind in ("signed_up", "signed_in", "sign_in_failed", "account_deleted")
    ]
    assert all(ip for _, ip, _, owner in told if owner != account_id)
    assert await works(bob)


async def test_the_address_is_free_at_once_and_its_next_owner_sees_nothing(gatepost: Gatepost) -> None:
    ada = await gatepost.session(ADA)
    former, value = (await account(ada)).account_id, value_of(await create(ada.tokens))
    session = ada.session
    await delete_account(ada)
    again = await gatepost.session(ADA, password="somebody else's password")
    assert (await account(again)).account_id != former
    assert await listed(again.tokens) == []
    assert await gatepost.fetch("SELECT count(*) FROM sessions") == [(1,)]
    assert not await works(tab(gatepost, session))
    assert not await works(gatepost.bearer(value))
    with refused(Code.UNAUTHENTICATED, "WRONG_EMAIL_OR_PASSWORD"):
        await gatepost.browser().sign_in(ADA)


async def test_nothing_comes_back_after_a_restart(tmp_path: Path, migrated: Original) -> None:
    clock = FakeClock()
    async with started(tmp_path, migrated, clock=clock) as gatepost:
        ada = await gatepost.session(ADA)
        session, value = ada.session, value_of(await create(ada.tokens))
        await delete_account(ada)
    async with started(tmp_path, migrated, clock=clock) as gatepost:
        assert not await works(tab(gatepost, session))
        assert not await works(gatepost.bearer(value))


async def test_at_once_it_is_deleted_once(tmp_path: Path, migrated: Original) -> None:
    clock = FakeClock()
    async with started(tmp_path, migrated, clock=clock) as one, started(tmp_path, migrated, clock=clock) as other:
        ada = await one.session(ADA)
        tabs = [tab(each, ada.session) for each in (one, other) * 2]
        assert await together(*(delete_account(each) for each in tabs)) == {OK: 1, Code.UNAUTHENTICATED: 3}
        assert (await trail(one)).count("account_deleted") == 1
        assert await one.fetch("SELECT count(*) FROM mail_outbox") == [(1,)]


async def test_nothing_outlives_it_whatever_meets(tmp_path: Path, migrated: Original) -> None:
    clock = FakeClock()
    async with started(tmp_path, migrated, clock=clock) as one, started(tmp_path, migrated, clock=clock) as other:
        for _ in range(5):
            ada = await one.session(ADA)
            newcomers = [other.browser() for _ in range(3)]
            holder = other.bearer(value_of(await create(ada.tokens)))
            await together(
                delete_account(ada),
                *(each.sign_in(ADA) for each in newcomers),
                *(each.sign_in(ADA, WRONG) for each in (other.browser(), one.browser())),
                authorize(holder),
                create(tab(other, ada.session).tokens, "late"),
                refresh(tab(other, ada.session)),
            )
            for table in ("accounts", "sessions", "tokens", "verifications"):
                assert await one.fetch(f"SELECT 1 FROM {table}") == []  # noqa: S608
            assert await one.fetch("SELECT 1 FROM security_events WHERE ip_address <> '' OR user_agent <> ''") == []


async def test_what_was_let_in_before_does_nothing_any_more(gatepost: Gatepost) -> None:
    ada, thief = await gatepost.session(ADA), await gatepost.session(ADA)
    calls = {
        "tokens.v1.TokensService/CreateToken": {"tokenMetadata": {"name": "late"}},
        DELETE: {"password": {"password": PASSWORD}},
        "accounts.v1.AccountsService/ChangePassword": {
            "currentPassword": {"password": PASSWORD},
            "newPassword": {"password": "another horse battery"},
        },
    }
    under_way = [await slow(gatepost, thief, rpc) for rpc in calls]
    await delete_account(ada)
    for call, message in zip(under_way, calls.values(), strict=True):
        answer = await call.finish(message)
        assert (answer.status, answer.reason) == (401, "BAD_CREDENTIAL")
    assert (await trail(gatepost)).count("account_deleted") == 1


async def test_a_session_that_ended_meanwhile_deletes_nothing(gatepost: Gatepost) -> None:
    ada, thief = await gatepost.session(ADA), await gatepost.session(ADA)
    deleting = await slow(gatepost, thief, DELETE)
    await gatepost.execute("DELETE FROM sessions WHERE id = (SELECT id FROM sessions ORDER BY rowid DESC LIMIT 1)")
    answer = await deleting.finish({"password": {"password": PASSWORD}})
    assert (answer.status, answer.reason, answer["set-cookie"]) == (401, "BAD_CREDENTIAL", None)
    await ada.accounts.get_account(GetAccountRequest())


async def test_a_password_that_changes_while_it_is_checked_deletes_nothing(
    gatepost: Gatepost, hashing: HeldHashing
) -> None:
    ada = await gatepost.session(ADA)
    hashing.hold()
    deleting = asyncio.create_task(delete_account(ada))
    await hashing.until_one_begins()
    await gatepost.execute("UPDATE accounts SET password_hash = '$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaA'")
    hashing.release()
    with refused(Code.ABORTED, "LOST_RACE"):
        await deleting
    assert await works(ada)
