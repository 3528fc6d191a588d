"""The audit trail: each act is one event, in the act's own transaction."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest
from connectrpc.errors import ConnectError

from app.mail.outbox import Outbox
from gen.accounts.v1.accounts_v1_pb import ListSecurityEventsResponse
from tests.accounts.calls import (
    ADA,
    NEW,
    WRONG,
    account,
    authorize,
    change_password,
    current,
    delete_account,
    disable,
    enable,
    end_sessions,
    refresh,
    revoke,
    security_events,
    sign_out,
    trail,
)
from tests.support import tables
from tests.support.service import PASSWORD, Browser, Gatepost
from tests.tokens.calls import create, expire, id_of, regenerate, update, works

Line = tuple[str, str, str, str, str]
"""Kind, client address, user agent, session and token of an event."""


@dataclass
class Acts:
    """One client that does everything, and writes down what it did."""

    gatepost: Gatepost
    browser: Browser
    done: list[Line] = field(default_factory=list)

    async def sessions(self) -> set[str]:
        return {str(UUID(session_id)) for (session_id,) in await self.gatepost.fetch("SELECT id FROM sessions")}

    def did(self, kind: str, session: str = "", token: str = "") -> None:
        self.done.append((kind, "198.51.100.7", "Browser/1", session, token))
        self.gatepost.clock.advance(1)

    async def sign_in(self, password: str = PASSWORD) -> str:
        before = await self.sessions()
        await self.browser.sign_in(ADA, password)
        [session] = await self.sessions() - before
        self.did("signed_in", session)
        return session


async def test_each_act_is_one_event_that_tells_who_did_it(gatepost: Gatepost) -> None:
    """ASVS 16.3.1."""
    agent = {"user-agent": "Browser/1"}
    ada = gatepost.browser(ip="198.51.100.7", headers=agent)
    acts = Acts(gatepost, ada)
    await ada.sign_up(ADA)
    acts.did("signed_up")
    with pytest.raises(ConnectError):
        await ada.sign_in(ADA, WRONG)
    acts.did("sign_in_failed")
    session = await acts.sign_in()
    token = await create(ada.tokens)
    acts.did("token_created", session, id_of(token))
    await update(ada.tokens, id_of(token), name="renamed")
    acts.did("token_updated", session, id_of(token))
    value = await regenerate(ada.tokens, id_of(token))
    acts.did("token_regenerated", session, id_of(token))
    holder = gatepost.browser(ip="198.51.100.7", headers={**agent, "authorization": f"Bearer {value}"})
    before = await acts.sessions()
    await authorize(holder)
    [of_token] = await acts.sessions() - before
    acts.did("token_authorized", of_token, id_of(token))
    await revoke(ada, of_token)
    acts.did("session_revoked", of_token, id_of(token))
    await expire(ada.tokens, id_of(token))
    acts.did("token_expired", session, id_of(token))
    first = ada.session
    for _ in range(2):
        gatepost.clock.advance(300)
        await refresh(ada)
        acts.did("session_refreshed", session)
    thief = gatepost.browser(ip="198.51.100.7", headers=agent)
    thief.session = first
    assert not await works(thief)
    acts.did("session_reused", session)
    session = await acts.sign_in()
    with pytest.raises(ConnectError):
        await change_password(ada, NEW, WRONG)
    acts.did("sign_in_failed", session)
    await change_password(ada, NEW)
    acts.did("password_changed", session)
    await sign_out(ada)
    acts.did("signed_out", session)
    session = await acts.sign_in(NEW)
    told = await security_events(ada)
    assert [line(each) for each in told] == acts.done[::-1]
    assert [each.event_id for each in told] == sorted((each.event_id for each in told), reverse=True)
    account_id = (await account(ada)).account_id
    await end_sessions(gatepost)
    await disable(gatepost)
    await enable(gatepost)
    await acts.sign_in(NEW)
    await delete_account(ada, NEW)
    assert await trail(gatepost) == [
        *(kind for kind, *_ in acts.done[:-1]),
        *("session_revoked", "account_disabled", "account_enabled", "signed_in", "account_deleted"),
    ]
    assert await gatepost.fetch("SELECT DISTINCT account_id FROM security_events") == [(UUID(account_id).hex,)]


Act = Callable[[Gatepost, Browser], Any]
ACTS: dict[str, Act] = {
    "signed_up": lambda gatepost, _: gatepost.browser().sign_up("bob@example.test"),
    "signed_in": lambda gatepost, _: gatepost.browser().sign_in(ADA),
    "sign_in_failed": lambda gatepost, _: gatepost.browser().sign_in(ADA, WRONG),
    "signed_out": lambda _, ada: sign_out(ada),
    "session_refreshed": lambda _, ada: refresh(ada),
    "session_revoked": lambda _, ada: revoked_own(ada),
    "password_changed": lambda _, ada: change_password(ada, NEW),
    "account_deleted": lambda _, ada: delete_account(ada),
    "account_disabled": lambda gatepost, _: disable(gatepost),
    "token_created": lambda _, ada: create(ada.tokens, "new"),
    "token_updated": lambda gatepost, ada: on_the_token(gatepost, ada, lambda id_: update(ada.tokens, id_, name="b")),
    "token_regenerated": lambda gatepost, ada: on_the_token(gatepost, ada, lambda id_: regenerate(ada.tokens, id_)),
    "token_expired": lambda gatepost, ada: on_the_token(gatepost, ada, lambda id_: expire(ada.tokens, id_)),
}


async def revoked_own(ada: Browser) -> None:
    await revoke(ada, await current(ada))


async def on_the_token(gatepost: Gatepost, ada: Browser, act: Callable[[str], Any]) -> None:
    [(token_id,)] = await gatepost.fetch("SELECT id FROM tokens")
    await act(str(UUID(token_id)))


@pytest.mark.parametrize("kind", ACTS)
async def test_an_act_that_is_rolled_back_leaves_no_event_and_one_that_is_answered_has_one(
    gatepost: Gatepost, kind: str
) -> None:
    ada = await gatepost.session(ADA)
    await create(ada.tokens)
    gatepost.clock.advance(300)
    before, state = await trail(gatepost), await everything(gatepost)
    async with tables.refusing(gatepost, "INSERT", "security_events"):
        with pytest.raises(Exception, match=r"unforeseen|no room"):
            await ACTS[kind](gatepost, ada)
    assert await trail(gatepost) == before
    assert await everything(gatepost) == state
    try:
        await ACTS[kind](gatepost, ada)
    except ConnectError:
        assert kind == "sign_in_failed"
    assert await trail(gatepost) == [*before, kind]


async def everything(gatepost: Gatepost) -> list[Any]:
    """All that acts write; not what the workers note meanwhile, of mail on its way and of sessions in use."""
    columns = {table: "*" for table in ("accounts", "tokens", "verifications", "security_events")}
    columns |= {"sessions": "id, secret_digest, idle_ends_at", "mail_outbox": "id, recipient, template"}
    return [await gatepost.fetch(f"SELECT {what} FROM {table}") for table, what in columns.items()]  # noqa: S608


async def test_an_act_whose_mail_cannot_be_queued_leaves_no_event(
    gatepost: Gatepost, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = await gatepost.session(ADA)
    before, state = await trail(gatepost), await everything(gatepost)

    async def fail(*_: Any) -> None:
        raise RuntimeError("no room")

    monkeypatch.setattr(Outbox, "queue", fail)
    for act in ("password_changed", "account_deleted", "token_created", "signed_up"):
        with pytest.raises(ConnectError):
            await ACTS[act](gatepost, ada)
    assert await trail(gatepost) == before
    assert await everything(gatepost) == state


def line(told: ListSecurityEventsResponse) -> Line:
    assert told.occurred_at
    return told.kind, told.ip_address, told.user_agent, told.session_id, told.token_uuid
