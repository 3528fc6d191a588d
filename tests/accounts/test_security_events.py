"""ListSecurityEvents: what happened to the account, as its owner reads it."""

from contextlib import aclosing
from datetime import timedelta
from uuid import UUID

import pytest

from app.accounts.models import SecurityEventRow
from app.accounts.trail import ListSecurityEvents
from app.core import secrets
from app.core.caller import Caller, Client
from tests.accounts.calls import ADA, account, security_events, sessions
from tests.support import tables
from tests.support.service import PASSWORD, Browser, Gatepost
from tests.tokens.calls import create, exchanged, value_of


async def test_an_owner_sees_the_accounts_own_events(gatepost: Gatepost) -> None:
    ada = await gatepost.session(ADA)
    bob = await gatepost.session("bob@example.test")
    await create(bob.tokens)
    assert sorted(each.kind for each in await security_events(ada)) == ["signed_in", "signed_up"]
    assert sorted(each.kind for each in await security_events(bob)) == ["signed_in", "signed_up", "token_created"]


async def test_what_is_told_holds_no_secret(gatepost: Gatepost) -> None:
    ada = await gatepost.session(ADA)
    value = value_of(await create(ada.tokens))
    of_token = await exchanged(gatepost, value)
    told = b"".join(each.to_binary() for each in await security_events(ada))
    for secret in (PASSWORD, value, str(ada.session).split(".")[1], str(of_token.session).split(".")[1]):
        assert secret.encode() not in told
    assert {each.session_id for each in await sessions(ada)} <= {each.session_id for each in await security_events(ada)}


@pytest.mark.parametrize("count", [19, 20, 21, 270, 271, 530])
async def test_long_trails_are_whole_and_in_order(gatepost: Gatepost, count: int) -> None:
    ada = await gatepost.session(ADA)
    await many(gatepost, ada, count - 2)
    told = await security_events(ada)
    assert len({each.event_id for each in told}) == len(told) == count
    places = [(each.occurred_at.to_nanos(), each.event_id) for each in told if each.occurred_at]
    assert places == sorted(places, reverse=True)
    assert [each.event_id for each in await security_events(ada)] == [each.event_id for each in told]


async def test_a_slow_reader_holds_no_transaction(gatepost: Gatepost) -> None:
    ada = await gatepost.session(ADA)
    await many(gatepost, ada, 30)
    asks = Caller(UUID((await account(ada)).account_id), Client(ip="", user_agent=""))
    async with aclosing(aiter(ListSecurityEvents(gatepost.parts.db)(asks))) as stream:  # type: ignore[type-var]
        await anext(stream)
        await create(ada.tokens)
        assert not await tables.somebody_reads(gatepost)


async def many(gatepost: Gatepost, owner: Browser, count: int) -> None:
    """Put so many events behind those of the account, some of the same moment."""
    account_id = UUID((await account(owner)).account_id)
    made = [gatepost.clock.now() - timedelta(seconds=1 + number // 7) for number in range(count)]
    event = {"account_id": account_id, "kind": "signed_in", "ip_address": "", "user_agent": ""}
    rows = [{**event, "id": secrets.new_id(at), "occurred_at": at} for at in made]
    await tables.add(gatepost, SecurityEventRow, rows)
