"""Calls that are cut short at each of their awaits: what they write is whole or absent, and others can write after."""

import asyncio
import json
from collections.abc import Generator
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
from connectrpc.code import Code

from tests.accounts.calls import (
    ADA,
    ANOTHER,
    RESET,
    codes_to,
    current,
    mailed,
    new_password,
    refresh,
    reset,
    tab,
    trail,
)
from tests.rpc.asgi import arriving, collecting, http_scope
from tests.support.refusals import refused
from tests.support.service import COOKIE, PASSWORD, Gatepost
from tests.tokens.calls import create, value_of, works


async def test_sign_up(gatepost: Gatepost) -> None:
    for at in range(100):
        email = f"ada{at}@example.test"
        whole = await cut_short(
            gatepost, at, "PublicAccountsService/SignUp", body=credentials(email), ip=f"10.1.0.{at}"
        )
        counts = await gatepost.fetch(
            "SELECT (SELECT count(*) FROM accounts), (SELECT count(*) FROM mail_outbox),"
            " (SELECT count(*) FROM verifications), (SELECT count(*) FROM security_events)"
        )
        assert len(set(counts[0])) == 1
        if whole:
            await gatepost.browser().sign_in(email)
            return
    pytest.fail("it never ended")


async def test_sign_in(gatepost: Gatepost) -> None:
    ada = await gatepost.session(ADA)
    for at in range(100):
        whole = await cut_short(
            gatepost, at, "PublicAccountsService/SignIn", body=credentials(ADA), cookie=ada.session, ip=f"10.1.0.{at}"
        )
        [(sessions,)] = await gatepost.fetch("SELECT count(*) FROM sessions")
        signed_in = (await trail(gatepost)).count("signed_in")
        # The presented one ends with the first that opens another.
        assert sessions == signed_in - (signed_in > 1)
        assert await works(ada) == (signed_in == 1)
        if whole:
            return
    pytest.fail("it never ended")


async def test_refresh_session(gatepost: Gatepost) -> None:
    ada = await gatepost.session(ADA)
    for at in range(100):
        gatepost.clock.advance(300)
        whole = await cut_short(gatepost, at, "AccountsService/RefreshSession", cookie=ada.session)
        assert await works(tab(gatepost, ada.session)), "an answer was lost, and with it the session"
        if whole:
            break
    assert "session_reused" not in await trail(gatepost)
    gatepost.clock.advance(300)
    await refresh(ada)
    assert await works(ada)


async def test_the_first_return_of_a_new_secret(gatepost: Gatepost) -> None:
    """The guard notes it, before the body is read and whatever the RPC."""
    ada = await gatepost.session(ADA)
    for at in range(100):
        before = tab(gatepost, ada.session)
        gatepost.clock.advance(300)
        await refresh(ada)
        whole = await cut_short(gatepost, at, "AccountsService/GetAccount", cookie=ada.session)
        assert await works(before)
        assert await works(ada)
        if whole:
            break
    gatepost.clock.advance(31)
    assert not await works(before)
    assert await works(ada)


async def test_a_theft_signal(gatepost: Gatepost) -> None:
    for at in range(100):
        ada = await gatepost.session(ADA)
        stolen = ada.session
        for _ in range(2):
            gatepost.clock.advance(300)
            await refresh(ada)
        before = await trail(gatepost)
        whole = await cut_short(gatepost, at, "AccountsService/GetAccount", cookie=stolen)
        told = (await trail(gatepost)).count("session_reused") - before.count("session_reused")
        assert await works(ada) == (told == 0)
        mails = await gatepost.fetch("SELECT count(*) FROM mail_outbox WHERE template = 'session_reused'")
        assert mails == [((await trail(gatepost)).count("session_reused"),)]
        assert not await works(tab(gatepost, stolen))
        assert not await works(ada), "the next use gives it away all the same"
        if whole:
            return
    pytest.fail("it never ended")


async def test_token_authorization(gatepost: Gatepost) -> None:
    ada = await gatepost.session(ADA)
    value = value_of(await create(ada.tokens))
    for at in range(100):
        whole = await cut_short(gatepost, at, "AccountsService/TokenAuthorization", authorization=f"Bearer {value}")
        [(sessions,)] = await gatepost.fetch("SELECT count(*) FROM sessions WHERE token_id IS NOT NULL")
        assert sessions == (await trail(gatepost)).count("token_authorized")
        if whole:
            return
    pytest.fail("it never ended")


async def test_sign_out(gatepost: Gatepost) -> None:
    for at in range(100):
        ada = await gatepost.session(ADA)
        signed_out = (await trail(gatepost)).count("signed_out")
        whole = await cut_short(gatepost, at, "AccountsService/SignOut", cookie=ada.session)
        assert await works(ada) == ((await trail(gatepost)).count("signed_out") == signed_out)
        if whole:
            return
    pytest.fail("it never ended")


async def test_verify_email(gatepost: Gatepost) -> None:
    for at in range(100):
        email = f"ada{at}@example.test"
        await gatepost.browser().sign_up(email)
        [code] = await codes_to(gatepost, email)
        body = f'{{"data": {{"email": "{email}"}}, "code": "{code}"}}'.encode()
        whole = await cut_short(gatepost, at, "PublicAccountsService/VerifyEmail", body=body, ip=f"10.1.0.{at}")
        verified = await gatepost.fetch("SELECT count(*) FROM accounts WHERE email_verified_at IS NOT NULL")
        assert verified == [((await trail(gatepost)).count("email_verified"),)]
        if whole:
            return
        await gatepost.execute("UPDATE accounts SET email_verified_at = NULL")
        await gatepost.execute("DELETE FROM security_events")
    pytest.fail("it never ended")


async def test_new_password(gatepost: Gatepost) -> None:
    for at in range(100):
        email, ada = f"ada{at}@example.test", gatepost.browser()
        await ada.sign_up(email)
        await ada.sign_in(email)
        await reset(gatepost.browser(), email)
        [code] = await codes_to(gatepost, email, RESET)
        body = f'{{"data": {{"email": "{email}"}}, "code": "{code}", "password": {{"password": "{ANOTHER}"}}}}'
        whole = await cut_short(
            gatepost, at, "PublicAccountsService/NewPassword", body=body.encode(), ip=f"10.1.0.{at}"
        )
        changed = not await works(ada)
        assert (await trail(gatepost)).count("password_reset") == int(changed)
        await gatepost.browser().sign_in(email, ANOTHER if changed else PASSWORD)
        if changed:
            with refused(Code.INVALID_ARGUMENT, "CODE_REFUSED"):
                await new_password(gatepost.browser(), code, email=email)
        else:
            await new_password(gatepost.browser(), code, email=email)
        if whole:
            return
        await gatepost.execute("DELETE FROM security_events")
    pytest.fail("it never ended")


async def test_update_account(gatepost: Gatepost) -> None:
    ada = await gatepost.session(ADA)
    for at in range(100):
        gatepost.clock.advance(60)
        await ada.sign_in(ADA)
        body = f'{{"data": {{"name": "Ada {at}", "email": "ada{at}@example.test"}}}}'.encode()
        whole = await cut_short(gatepost, at, "AccountsService/UpdateAccount", body=body, cookie=ada.session)
        [(name, pending, mails, codes)] = await gatepost.fetch(
            "SELECT name, pending_address, (SELECT count(*) FROM mail_outbox WHERE template LIKE '%address%'),"
            " (SELECT count(*) FROM verifications WHERE address = pending_address) FROM accounts"
        )
        done = name == f"Ada {at}"
        assert (pending, mails, codes) == ((f"ada{at}@example.test", 2, 1) if done else (None, 0, 0))
        if whole:
            return
        await gatepost.execute("UPDATE accounts SET name = 'ada', pending_address = NULL")
        await gatepost.execute("DELETE FROM mail_outbox")
    pytest.fail("it never ended")


async def test_change_password(gatepost: Gatepost) -> None:
    ada, password = await gatepost.session(ADA), PASSWORD
    for at in range(100):
        gatepost.clock.advance(minutes=6)  # an attempt that never ended stays counted
        elsewhere = await gatepost.session(ADA, password=password)
        changed, new = (await trail(gatepost)).count("password_changed"), f"password number {at} of Ada's"
        body = {"current_password": {"password": password}, "new_password": {"password": new}}
        whole = await cut_short(
            gatepost, at, "AccountsService/ChangePassword", body=json.dumps(body).encode(), cookie=ada.session
        )
        done = (await trail(gatepost)).count("password_changed") == changed + 1
        assert await mailed(gatepost, "password_changed") == changed + done
        assert await works(elsewhere) != done
        assert await works(ada)
        password = new if done else password
        if whole:
            assert done
            return
    pytest.fail("it never ended")


async def test_delete_account(gatepost: Gatepost) -> None:
    body = json.dumps({"password": {"password": PASSWORD}}).encode()
    for at in range(100):
        gatepost.clock.advance(minutes=6)
        ada = await gatepost.session(ADA)
        value = value_of(await create(ada.tokens, f"token {at}"))
        whole = await cut_short(gatepost, at, "AccountsService/DeleteAccount", body=body, cookie=ada.session)
        [(left,)] = await gatepost.fetch("SELECT count(*) FROM accounts")
        deleted = (await trail(gatepost)).count("account_deleted")
        assert await mailed(gatepost, "account_deleted") == deleted
        assert [await works(ada), await works(gatepost.bearer(value))] == [left == 1] * 2
        if left == 0:
            await gatepost.execute("DELETE FROM security_events")
            await gatepost.execute("DELETE FROM mail_outbox")
            assert deleted == 1
        if whole:
            assert left == 0
            return
    pytest.fail("it never ended")


async def test_revoke_session(gatepost: Gatepost) -> None:
    ada = await gatepost.session(ADA)
    for at in range(100):
        elsewhere = await gatepost.session(ADA)
        revoked = (await trail(gatepost)).count("session_revoked")
        body = json.dumps({"session_id": await current(elsewhere)}).encode()
        whole = await cut_short(gatepost, at, "AccountsService/RevokeSession", body=body, cookie=ada.session)
        assert await works(elsewhere) == ((await trail(gatepost)).count("session_revoked") == revoked)
        if whole:
            assert not await works(elsewhere)
            return
    pytest.fail("it never ended")


def credentials(email: str) -> bytes:
    return f'{{"email": "{email}", "password": "{PASSWORD}"}}'.encode()


async def cut_short(
    gatepost: Gatepost,
    at: int,
    rpc: str,
    *,
    body: bytes = b"{}",
    cookie: str | None = None,
    authorization: str = "",
    ip: str = "192.0.2.1",
) -> bool:
    """Call and cancel when it waits for the (at + 1)th time; whether it ended before that.

    On return nothing of it runs any more, and the one connection for writing is free.
    """
    headers = {"host": "gatepost.test", "content-type": "application/json", "authorization": authorization}
    lines = [(name.encode(), value.encode()) for name, value in headers.items()]
    if cookie is not None:
        lines.append((b"cookie", f"{COOKIE}={cookie}".encode()))
    scope = http_scope(f"/accounts.v1.{rpc}", "POST", lines, client=(ip, 50000))
    call = gatepost.app(scope, arriving(body), collecting([]))
    task = asyncio.ensure_future(_Cancelling(call, at))
    await asyncio.wait([task])
    await gatepost.parts.run_to_end.settle(10)
    await gatepost.execute("UPDATE accounts SET name = name")
    assert task.cancelled() or at > 0, "it never waited, so nothing was tried"
    return not task.cancelled()


@dataclass
class _Cancelling:
    """Awaits the work and cancels the task that does at one of the work's suspensions."""

    work: Any
    at: int

    def __await__(self) -> Generator[Any, Any, None]:
        driven = self.work.__await__()
        resume = partial(driven.send, None)
        for suspension in range(1_000_000):
            try:
                awaited = resume()
            except StopIteration:
                return
            if suspension == self.at:
                task = asyncio.current_task()
                assert task is not None
                task.cancel()
            try:
                resume = partial(driven.send, (yield awaited))
            except BaseException as error:  # what it awaited failed, or the cancellation arrives
                resume = partial(driven.throw, error)
