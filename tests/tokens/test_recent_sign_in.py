"""When a session must have signed in lately to act on tokens."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from connectrpc.code import Code
from protobuf.wkt.google.protobuf.empty_pb import Empty

from tests.support.refusals import refused
from tests.support.service import Browser, Gatepost
from tests.tokens.calls import as_they_are, create, end_of, expire, id_of, regenerate, update

MANAGE = "tokens:manage"
MICROSECOND = timedelta(microseconds=1)

Change = Callable[[Browser, "Managers"], Awaitable[Any]]
NEEDS_RECENT: dict[str, Change] = {
    "creating": lambda ada, _: create(ada.tokens, "another", scopes=["deploy:run", MANAGE]),
    "granting": lambda ada, those: update(ada.tokens, those.other, scopes=[MANAGE]),
    "granting while shortening": lambda ada, those: update(
        ada.tokens, those.other, scopes=[MANAGE], expires_at=those.soon
    ),
    "granting to a dead one": lambda ada, those: update(ada.tokens, those.dead_other, scopes=[MANAGE]),
    "prolonging": lambda ada, those: update(ada.tokens, those.live, expires_at=those.late),
    "prolonging by a moment": lambda ada, those: update(ada.tokens, those.live, expires_at=those.end + MICROSECOND),
    "prolonging with other scopes": lambda ada, those: update(
        ada.tokens, those.live, scopes=[MANAGE, "a:b"], expires_at=those.late
    ),
    "reviving": lambda ada, those: update(ada.tokens, those.dead, expires_at=those.soon),
    "regenerating": lambda ada, those: regenerate(ada.tokens, those.live),
    "regenerating a revived one": lambda ada, those: regenerate(ada.tokens, those.revived),
}
NEEDS_NONE: dict[str, Change] = {
    "expiring": lambda ada, those: expire(ada.tokens, those.live),
    "renaming": lambda ada, those: update(ada.tokens, those.live, name="renamed"),
    "renaming a dead one": lambda ada, those: update(ada.tokens, those.dead, name="renamed"),
    "shortening": lambda ada, those: update(ada.tokens, those.live, expires_at=those.soon),
    "the same end": lambda ada, those: update(ada.tokens, those.live, name="renamed", expires_at=those.end),
    "another scope beside it": lambda ada, those: update(ada.tokens, those.live, scopes=[MANAGE, "a:b"]),
    "taking it away": lambda ada, those: update(ada.tokens, those.live, scopes=["a:b"]),
    "taking it away and prolonging": lambda ada, those: update(
        ada.tokens, those.live, scopes=["a:b"], expires_at=those.late
    ),
    "creating without it": lambda ada, _: create(ada.tokens, "another", scopes=["a:b"]),
    "prolonging another": lambda ada, those: update(ada.tokens, those.other, expires_at=those.late),
    "regenerating another": lambda ada, those: regenerate(ada.tokens, those.other),
}


@pytest.mark.parametrize("change", NEEDS_RECENT)
async def test_handing_out_tokens_manage_needs_a_recent_sign_in(gatepost: Gatepost, change: str) -> None:
    """ASVS 7.5.3. Recent is 10 minutes, to the microsecond; a refresh is no sign-in, another sign-in is one."""
    ada = await gatepost.session("ada@example.test")
    those = await managers(gatepost, ada)
    gatepost.clock.advance((timedelta(minutes=10) + MICROSECOND).total_seconds())
    await ada.accounts.refresh_session(Empty())
    before = await as_they_are(ada.tokens)
    with refused(Code.PERMISSION_DENIED, "SIGN_IN_NOT_RECENT"):
        await NEEDS_RECENT[change](ada, those)
    assert await as_they_are(ada.tokens) == before
    await ada.sign_in("ada@example.test")
    gatepost.clock.advance(minutes=10)
    await NEEDS_RECENT[change](ada, those)
    assert await as_they_are(ada.tokens) != before


@pytest.mark.parametrize("change", NEEDS_NONE)
async def test_what_hands_out_nothing_needs_no_recent_sign_in(gatepost: Gatepost, change: str) -> None:
    ada = await gatepost.session("ada@example.test")
    those = await managers(gatepost, ada)
    gatepost.clock.advance(days=1)
    before = await as_they_are(ada.tokens)
    await NEEDS_NONE[change](ada, those)
    assert await as_they_are(ada.tokens) != before


@dataclass(frozen=True)
class Managers:
    """Tokens that hold tokens:manage, by what they are, and two that do not; and ends before and after theirs."""

    live: str
    dead: str
    revived: str
    other: str
    dead_other: str
    end: datetime
    soon: datetime
    late: datetime


async def managers(gatepost: Gatepost, ada: Browser) -> Managers:
    names = ("live", "dead", "revived", "other", "dead_other")
    made = {name: await create(ada.tokens, name, scopes=["c:d"] if "other" in name else [MANAGE]) for name in names}
    ids, end, now = {name: id_of(each) for name, each in made.items()}, end_of(made["live"]), gatepost.clock.now()
    for name in ("dead", "revived", "dead_other"):
        await expire(ada.tokens, ids[name])
    await update(ada.tokens, ids["revived"], expires_at=end)
    return Managers(**ids, end=end, soon=now + timedelta(days=10), late=now + timedelta(days=200))
