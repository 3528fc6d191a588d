"""Tokens that hold tokens:manage: how far each reaches, and what it leaves behind."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from connectrpc.code import Code
from structlog.testing import capture_logs

from tests.support.refusals import refused
from tests.support.service import Browser, Gatepost
from tests.tokens.calls import (
    as_they_are,
    create,
    events,
    exchanged,
    expire,
    id_of,
    regenerate,
    update,
    value_of,
    works,
)

MANAGE, READS = "tokens:manage", ["account:read", "tokens:read"]
BEYOND = "TOKEN_CANNOT_MANAGE_TOKENS"

TARGETS: dict[str, list[str]] = {
    "default role": [],
    "reads": [*READS],
    "reads tokens": ["tokens:read"],
    "runs": ["deploy:run"],
    "runs and reads": ["deploy:run", *READS],
    "writes": ["orders:write"],
    "manages": [MANAGE],
    "manages and runs": [MANAGE, "deploy:run"],
}
# Holders: their scopes, and which of the targets are within their reach.
HOLDERS: dict[str, tuple[list[str], set[str]]] = {
    "all": ([MANAGE, "deploy:run", *READS], {"default role", "reads", "reads tokens", "runs", "runs and reads"}),
    "reading": ([*READS, MANAGE], {"default role", "reads", "reads tokens"}),
    "half reading": ([MANAGE, "tokens:read"], {"reads tokens"}),
    "running": ([MANAGE, "deploy:run"], {"runs"}),
    "nothing else": ([MANAGE], set()),
    "no manager": (["deploy:run", *READS], set()),
    "default role": ([], set()),
}
Act = Callable[["Stage", str, list[str]], Awaitable[Any]]


async def make(stage: "Stage", name: str, scopes: list[str]) -> None:
    await create(stage.holder.tokens, f"made {name}", scopes=scopes)


async def widen(stage: "Stage", name: str, scopes: list[str]) -> None:
    """From nothing that is beyond anybody to the scopes."""
    await update(stage.holder.tokens, stage.harmless, name=f"now {name}", scopes=scopes)


async def narrow(stage: "Stage", name: str, scopes: list[str]) -> None:
    own = [scope for scope in stage.scopes if scope != MANAGE]
    await update(stage.holder.tokens, stage.targets[name], name=f"narrowed {name}", scopes=own)


async def rename(stage: "Stage", name: str, scopes: list[str]) -> None:
    await update(stage.holder.tokens, stage.targets[name], name=f"renamed {name}")


async def prolong(stage: "Stage", name: str, scopes: list[str]) -> None:
    end = stage.gatepost.clock.now() + timedelta(days=200)
    await update(stage.holder.tokens, stage.targets[name], expires_at=end)


async def renew(stage: "Stage", name: str, scopes: list[str]) -> None:
    await regenerate(stage.holder.tokens, stage.targets[name])


async def end(stage: "Stage", name: str, scopes: list[str]) -> None:
    await expire(stage.holder.tokens, stage.targets[name])


@pytest.mark.parametrize("by", ["bearer", "session"])
@pytest.mark.parametrize("holder", HOLDERS)
async def test_reach(gatepost: Gatepost, holder: str, by: str) -> None:
    """Whatever is beyond it stays as it is, its value too."""
    stage, reached = await staged(gatepost, HOLDERS[holder][0], by), HOLDERS[holder][1]
    acts: list[Act] = [make, widen, rename, prolong, renew, narrow, end]
    for act, (name, scopes) in product(acts, TARGETS.items()):
        before = await as_they_are(stage.ada.tokens)
        if name in reached:
            await act(stage, name, scopes)
            assert await as_they_are(stage.ada.tokens) != before
        else:
            with refused(Code.PERMISSION_DENIED, BEYOND):
                await act(stage, name, scopes)
            assert await as_they_are(stage.ada.tokens) == before
            assert await works(gatepost.bearer(stage.values[name]))


@pytest.mark.parametrize("by", ["bearer", "session"])
async def test_a_manager_does_not_update_itself(gatepost: Gatepost, by: str) -> None:
    """Neither to gain anything nor to give it up: its end and scopes are for people to decide."""
    ada = await gatepost.session()
    own = await create(ada.tokens, "own", scopes=[MANAGE, *READS])
    holder = await held_by(gatepost, value_of(own), by)
    before = await as_they_are(ada.tokens)
    changes: list[dict[str, Any]] = [
        {},
        {"name": "renamed"},
        {"scopes": [*READS]},
        {"scopes": [MANAGE, *READS, "deploy:run"]},
        {"expires_at": gatepost.clock.now() + timedelta(days=100)},
        {"expires_at": gatepost.clock.now() + timedelta(days=1)},
    ]
    for change in changes:
        with refused(Code.PERMISSION_DENIED, BEYOND):
            await update(holder.tokens, id_of(own), **change)
    assert await as_they_are(ada.tokens) == before


async def test_a_manager_renews_itself_by_bearer_whenever_it_likes(gatepost: Gatepost) -> None:
    """It hands out nothing that was not there: the old value is dead, and the end stays."""
    ada = await gatepost.session()
    own = await create(ada.tokens, "own", scopes=[MANAGE])
    gatepost.clock.advance(days=1)
    value = await regenerate(gatepost.bearer(value_of(own)).tokens, id_of(own))
    assert await works(gatepost.bearer(value))
    assert not await works(gatepost.bearer(value_of(own)))


@pytest.mark.parametrize("by", ["bearer", "session"])
async def test_the_owner_learns_what_a_manager_makes(gatepost: Gatepost, by: str) -> None:
    ada = await gatepost.session("ada@example.test")
    own = await create(ada.tokens, "terraform", scopes=[MANAGE, "deploy:run"])
    holder = await held_by(gatepost, value_of(own), by)
    with capture_logs() as logs:
        made = await create(holder.tokens, "runner", scopes=["deploy:run"])
        await update(holder.tokens, id_of(made), name="runner 2")
        await regenerate(holder.tokens, id_of(made))
        await expire(holder.tokens, id_of(made))
    acts = ["token_created", "token_updated", "token_regenerated", "token_expired"]
    assert await events(gatepost, id_of(made)) == acts
    assert [(each["act"], each["token"], each["by_token"]) for each in logs if each["event"] == "token_managed"] == [
        (act, id_of(made), id_of(own)) for act in acts
    ]
    [text] = [told for mail in await gatepost.mails() if "runner" in (told := mail.get_content())]
    told = "Its name is\n\n    runner\n\nIt was created with the token\n\n    terraform\n\nWhoever"
    assert told in "\n".join(text.splitlines())


async def test_what_a_token_does_to_itself_is_not_told_as_managing(gatepost: Gatepost) -> None:
    ada = await gatepost.session()
    own = await create(ada.tokens)
    with capture_logs() as logs:
        await expire(gatepost.bearer(value_of(own)).tokens, id_of(own))
        await create(ada.tokens, "by a person")
    assert [each for each in logs if each["event"] == "token_managed"] == []
    assert all("created with the token" not in each.get_content() for each in await gatepost.mails())


@dataclass(frozen=True)
class Stage:
    gatepost: Gatepost
    ada: Browser
    holder: Browser
    scopes: list[str]
    """Those of the holder."""
    harmless: str
    """The UUID of a token that may do what the holder may, save for managing."""
    targets: dict[str, str]
    """The UUIDs of the targets, and below their values."""
    values: dict[str, str]


async def staged(gatepost: Gatepost, scopes: list[str], by: str) -> Stage:
    ada = await gatepost.session()
    holder = await held_by(gatepost, value_of(await create(ada.tokens, "holder", scopes=scopes)), by)
    own = [scope for scope in scopes if scope != MANAGE]
    harmless = id_of(await create(ada.tokens, "harmless", scopes=own))
    made = {name: await create(ada.tokens, name, scopes=target) for name, target in TARGETS.items()}
    ids, values = ({name: of(each) for name, each in made.items()} for of in (id_of, value_of))
    return Stage(gatepost, ada, holder, scopes, harmless, ids, values)


async def held_by(gatepost: Gatepost, value: str, by: str) -> Browser:
    return gatepost.bearer(value) if by == "bearer" else await exchanged(gatepost, value)
