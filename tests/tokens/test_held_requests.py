"""A request whose body comes late: what the guard saw is judged again, as it is by then.

The guard lets a caller in before the body is read, and the client decides how long that takes. Whoever has a stolen
credential could so act with it after the owner has shut them out.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Self
from uuid import UUID

import pytest
from starlette.types import ASGIApp, Message

from app.core.caller import Client
from app.core.db import Database, Tx
from app.core.errors import LostRace, Refusal
from app.tokens.regeneration import RegenerateToken
from gen.accounts.v1.accounts_v1_pb import SignOutRequest
from tests.rpc.asgi import collecting, http_scope, reply
from tests.support.service import COOKIE, Browser, Gatepost
from tests.tokens.calls import create, credentials_of, exchanged, expire, id_of, listed, regenerate, update, value_of

MANAGE = "tokens:manage"
OK, BAD, BEYOND, NOT_RECENT = "", "BAD_CREDENTIAL", "TOKEN_CANNOT_MANAGE_TOKENS", "SIGN_IN_NOT_RECENT"


@dataclass(frozen=True)
class Stage:
    gatepost: Gatepost
    ada: Browser
    """A second session, by which the owner acts meanwhile."""
    manager: str
    value: str
    sibling: str
    session: str
    """The owner's first session, which the request comes with, and one made from the manager."""
    made: str


Meanwhile = Callable[[Stage], Awaitable[Any]]


async def shorten(stage: Stage) -> None:
    soon = stage.gatepost.clock.now() + timedelta(minutes=1)
    await update(stage.ada.tokens, stage.manager, expires_at=soon)
    stage.gatepost.clock.advance(minutes=1)


async def wait(stage: Stage) -> None:
    stage.gatepost.clock.advance(minutes=10, seconds=1)


MEANWHILE: dict[str, Meanwhile] = {
    "nothing": lambda stage: asyncio.sleep(0),
    "tokens:manage is taken away": lambda stage: update(stage.ada.tokens, stage.manager, scopes=["deploy:run"]),
    "deploy:run is taken away": lambda stage: update(stage.ada.tokens, stage.manager, scopes=[MANAGE]),
    "it is expired": lambda stage: expire(stage.ada.tokens, stage.manager),
    "it is regenerated": lambda stage: regenerate(stage.ada.tokens, stage.manager),
    "it ends": shorten,
    "the sibling is granted tokens:manage": lambda stage: update(
        stage.ada.tokens, stage.sibling, scopes=[MANAGE, "deploy:run"]
    ),
    "the owner signs out everywhere": lambda stage: stage.ada.accounts.sign_out(SignOutRequest(everywhere=True)),
    "the account is disabled": lambda stage: stage.gatepost.execute("UPDATE accounts SET disabled_at = created_at"),
    "ten minutes pass": wait,
}
BODIES: dict[str, Callable[[Stage], dict[str, Any]]] = {
    "CreateToken": lambda _: {"tokenMetadata": {"name": "made"}, "tokenPermissions": {"scopes": ["deploy:run"]}},
    "UpdateToken": lambda stage: {"tokenUuid": {"uuid": stage.sibling}, "tokenMetadata": {"name": "renamed"}},
    "RegenerateToken": lambda stage: {"tokenUuid": {"uuid": stage.sibling}},
    "ForceTokenExpiration": lambda stage: {"tokenUuid": {"uuid": stage.sibling}},
}
# What the four calls get, by what happened meanwhile and who came with them.
ANSWERS: dict[tuple[str, str], str] = {
    ("bearer", "nothing"): OK,
    ("bearer", "tokens:manage is taken away"): BEYOND,
    ("bearer", "deploy:run is taken away"): BEYOND,
    ("bearer", "it is expired"): BAD,
    ("bearer", "it is regenerated"): BAD,
    ("bearer", "it ends"): BAD,
    ("bearer", "the owner signs out everywhere"): OK,
    ("bearer", "the account is disabled"): BAD,
    ("made", "nothing"): OK,
    ("made", "tokens:manage is taken away"): BEYOND,
    ("made", "deploy:run is taken away"): BEYOND,
    ("made", "it is expired"): BAD,
    ("made", "it is regenerated"): BAD,
    ("made", "it ends"): BAD,
    ("made", "the owner signs out everywhere"): BAD,
    ("session", "nothing"): OK,
    ("session", "it is expired"): OK,
    ("session", "the owner signs out everywhere"): BAD,
    ("session", "the account is disabled"): BAD,
}


@pytest.mark.parametrize(("by", "meanwhile"), ANSWERS)
@pytest.mark.parametrize("rpc", BODIES)
async def test_what_the_owner_did_meanwhile_holds(gatepost: Gatepost, rpc: str, by: str, meanwhile: str) -> None:
    stage = await staged(gatepost)
    held = await Held.begin(stage, rpc, by)
    await MEANWHILE[meanwhile](stage)
    before = await tokens_of(gatepost)
    assert await held.send(BODIES[rpc](stage)) == ANSWERS[by, meanwhile]
    assert (await tokens_of(gatepost) == before) is (ANSWERS[by, meanwhile] is not OK)


@pytest.mark.parametrize("rpc", ["UpdateToken", "RegenerateToken", "ForceTokenExpiration"])
async def test_a_sibling_that_has_grown_meanwhile_is_beyond_reach(gatepost: Gatepost, rpc: str) -> None:
    stage = await staged(gatepost)
    held = await Held.begin(stage, rpc, "bearer")
    await MEANWHILE["the sibling is granted tokens:manage"](stage)
    before = await tokens_of(gatepost)
    assert await held.send(BODIES[rpc](stage)) == BEYOND
    assert await tokens_of(gatepost) == before


@pytest.mark.parametrize("rpc", ["UpdateToken", "RegenerateToken", "ForceTokenExpiration"])
async def test_a_value_that_was_superseded_does_nothing_to_its_own_token(gatepost: Gatepost, rpc: str) -> None:
    stage = await staged(gatepost)
    held = await Held.begin(stage, rpc, "bearer")
    await regenerate(stage.ada.tokens, stage.manager)
    before = await tokens_of(gatepost)
    assert await held.send({"tokenUuid": {"uuid": stage.manager}}) == BAD
    assert await tokens_of(gatepost) == before


async def test_a_sign_in_must_be_recent_when_the_act_happens(gatepost: Gatepost) -> None:
    stage = await staged(gatepost)
    held = await Held.begin(stage, "CreateToken", "session")
    await MEANWHILE["ten minutes pass"](stage)
    asked = {"tokenMetadata": {"name": "made"}, "tokenPermissions": {"scopes": [MANAGE]}}
    assert await held.send(asked) == NOT_RECENT
    assert len(await listed(stage.ada.tokens)) == 2


@pytest.mark.parametrize(
    ("meanwhile", "reason"),
    [
        ("nothing", OK),
        ("the sibling is granted tokens:manage", BEYOND),
        ("tokens:manage is taken away", BEYOND),
        ("deploy:run is taken away", BEYOND),
        ("it is regenerated", BAD),
    ],
)
async def test_a_regeneration_looks_again_once_it_holds_the_account(
    gatepost: Gatepost, meanwhile: str, reason: str
) -> None:
    """It reads the token before, to tell a lost race; what it read then is no answer to who may have the value."""
    stage, parts = await staged(gatepost), gatepost.parts
    credentials = credentials_of(gatepost)
    caller = await credentials.authenticate(stage.value, Client(ip="", user_agent=""))
    told = OK
    async with aclosing(Between(stage, MEANWHILE[meanwhile])) as db:
        try:
            await RegenerateToken(db, parts.clock, gatepost.settings.token_prefix, False)(caller, UUID(stage.sibling))
        except Refusal as refusal:
            told = refusal.reason
    assert told == reason


async def test_a_regeneration_that_lost_to_its_own_token_is_told_so(gatepost: Gatepost) -> None:
    """Both had read the same value (semantics.md, "RegenerateToken"). That it is dead is for the next call to say."""
    stage, parts = await staged(gatepost), gatepost.parts
    credentials = credentials_of(gatepost)
    caller = await credentials.authenticate(stage.value, Client(ip="", user_agent=""))
    async with aclosing(Between(stage, MEANWHILE["it is regenerated"])) as db:
        with pytest.raises(LostRace):
            await RegenerateToken(db, parts.clock, gatepost.settings.token_prefix, False)(caller, UUID(stage.manager))


class Between(Database):
    """Something happens after the reads, before the first write."""

    def __init__(self, stage: Stage, meanwhile: Meanwhile) -> None:
        super().__init__(stage.gatepost.settings.database_url)
        self._happens = lambda: meanwhile(stage)

    @asynccontextmanager
    async def write(self, **promises: bool) -> AsyncIterator[Tx]:
        await self._happens()
        async with super().write() as tx:
            yield tx

    aclose = Database.close


class Held:
    """A call that the guard has let in, and that waits for its body."""

    def __init__(self, app: ASGIApp, rpc: str, credential: tuple[bytes, bytes]) -> None:
        self._let_in, self._body = asyncio.Event(), asyncio.Queue[bytes]()
        self._sent: list[Message] = []
        headers = [(b"host", b"127.0.0.1:8000"), (b"content-type", b"application/json"), credential]
        scope = http_scope(f"/tokens.v1.TokensService/{rpc}", "POST", headers)
        self._call = asyncio.ensure_future(app(scope, self._receive, collecting(self._sent)))

    @classmethod
    async def begin(cls, stage: Stage, rpc: str, by: str) -> Self:
        credential = {
            "bearer": (b"authorization", f"Bearer {stage.value}".encode()),
            "made": (b"cookie", f"{COOKIE}={stage.made}".encode()),
            "session": (b"cookie", f"{COOKIE}={stage.session}".encode()),
        }[by]
        held = cls(stage.gatepost.app, rpc, credential)
        await held._let_in.wait()
        return held

    async def send(self, content: dict[str, Any]) -> str:
        """The reason of the answer, OK for a good one."""
        self._body.put_nowait(json.dumps(content).encode())
        await self._call
        answer = reply(self._sent)
        return OK if answer.status == 200 else answer.reason

    async def _receive(self) -> Message:
        self._let_in.set()  # the body is asked for only then
        return {"type": "http.request", "body": await self._body.get(), "more_body": False}


async def staged(gatepost: Gatepost) -> Stage:
    first, ada = await gatepost.session(), await gatepost.session()
    manager = await create(ada.tokens, "manager", scopes=[MANAGE, "deploy:run"])
    sibling = await create(ada.tokens, "sibling", scopes=["deploy:run"])
    made = await exchanged(gatepost, value_of(manager))
    assert first.session is not None
    assert made.session is not None
    return Stage(gatepost, ada, id_of(manager), value_of(manager), id_of(sibling), first.session, made.session)


async def tokens_of(gatepost: Gatepost) -> list[Any]:
    """All that is stored of them, but when they were used."""
    return await gatepost.fetch(
        "SELECT id, name, scopes, value_digest, value_hint, expires_at, regenerated_at FROM tokens ORDER BY id"
    )
