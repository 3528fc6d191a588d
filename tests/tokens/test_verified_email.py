"""Where tokens need a confirmed address: what waits for it, and what does not."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from connectrpc.code import Code

from tests.support.databases import Original
from tests.support.refusals import refused
from tests.support.service import PASSWORD, Browser, Gatepost, started
from tests.tokens.calls import (
    as_they_are,
    create,
    exchanged,
    expire,
    get,
    id_of,
    listed,
    regenerate,
    update,
    value_of,
    works,
)

MANAGE = "tokens:manage"
ADA = "ada@example.test"


@dataclass(frozen=True)
class Stage:
    """A person who had tokens before the settings were what they are."""

    gatepost: Gatepost
    ada: Browser
    live: str
    value: str
    dead: str
    revived: str
    manager: str

    @property
    def later(self) -> Any:
        return self.gatepost.clock.now() + timedelta(days=100)


Act = Callable[[Stage], Awaitable[Any]]
NEED_IT: dict[str, Act] = {
    "creating": lambda on: create(on.ada.tokens, "another"),
    "creating by a token": lambda on: create(on.gatepost.bearer(on.manager).tokens, "another", scopes=["a:b"]),
    "reviving": lambda on: update(on.ada.tokens, on.dead, expires_at=on.later),
    "regenerating": lambda on: regenerate(on.ada.tokens, on.live),
    "regenerating a revived one": lambda on: regenerate(on.ada.tokens, on.revived),
    "regenerating by a token": lambda on: regenerate(on.gatepost.bearer(on.manager).tokens, on.live),
    "a token that regenerates itself": lambda on: regenerate(on.gatepost.bearer(on.value).tokens, on.live),
}
NEED_NONE: dict[str, Act] = {
    "using": lambda on: get(on.gatepost.bearer(on.value).tokens, on.live),
    "exchanging": lambda on: exchanged(on.gatepost, on.value),
    "renaming": lambda on: update(on.ada.tokens, on.live, name="renamed"),
    "renaming a dead one": lambda on: update(on.ada.tokens, on.dead, name="renamed"),
    "prolonging": lambda on: update(on.ada.tokens, on.live, expires_at=on.later),
    "expiring": lambda on: expire(on.ada.tokens, on.live),
    "listing": lambda on: listed(on.ada.tokens),
}


@pytest.mark.parametrize("act", NEED_IT)
async def test_no_value_before_the_address_is_confirmed(tmp_path: Path, migrated: Original, act: str) -> None:
    async with stage(tmp_path, migrated, tokens_require_verified_email=True) as on:
        before = await traces(on)
        with refused(Code.FAILED_PRECONDITION, "EMAIL_NOT_VERIFIED"):
            await NEED_IT[act](on)
        assert await traces(on) == before
        assert await works(on.gatepost.bearer(on.value))
        await confirm(on.gatepost)
        await NEED_IT[act](on)


@pytest.mark.parametrize("act", NEED_NONE)
async def test_what_there_is_goes_on(tmp_path: Path, migrated: Original, act: str) -> None:
    """Nobody's programs stop because an operator changed a setting; what is prolonged was handed out before."""
    async with stage(tmp_path, migrated, tokens_require_verified_email=True) as on:
        await NEED_NONE[act](on)


@pytest.mark.parametrize("for_tokens", [False, True])
@pytest.mark.parametrize("for_sign_in", [False, True])
@pytest.mark.parametrize("confirmed", [False, True])
async def test_the_two_settings_know_nothing_of_each_other(
    tmp_path: Path, migrated: Original, for_sign_in: bool, for_tokens: bool, confirmed: bool
) -> None:
    changes = {"sign_in_requires_verified_email": for_sign_in, "tokens_require_verified_email": for_tokens}
    async with stage(tmp_path, migrated, **changes) as on:
        if confirmed:
            await confirm(on.gatepost)
        sign_in, making = on.gatepost.browser().sign_in(ADA, PASSWORD), create(on.ada.tokens, "another")
        for call, wants_it in [(sign_in, for_sign_in), (making, for_tokens)]:
            if wants_it and not confirmed:
                with refused(Code.FAILED_PRECONDITION, "EMAIL_NOT_VERIFIED"):
                    await call
            else:
                await call


@asynccontextmanager
async def stage(folder: Path, migrated: Original, **changes: Any) -> AsyncIterator[Stage]:
    async with started(folder, migrated) as before:
        ada = await before.session(ADA)
        made = {name: await create(ada.tokens, name, scopes=["a:b"]) for name in ("live", "dead", "revived")}
        ids = {name: id_of(token) for name, token in made.items()}
        manager = await create(ada.tokens, "manager", scopes=[MANAGE, "a:b"])
        for name in ("dead", "revived"):
            await expire(ada.tokens, ids[name])
        await update(ada.tokens, ids["revived"], expires_at=before.clock.now() + timedelta(days=1))
    async with started(folder, migrated, **changes) as gatepost:
        again = gatepost.browser()
        again.session = ada.session
        yield Stage(gatepost, again, value=value_of(made["live"]), manager=value_of(manager), **ids)


async def confirm(gatepost: Gatepost) -> None:
    await gatepost.execute("UPDATE accounts SET email_verified_at = created_at")


async def traces(on: Stage) -> list[Any]:
    rows = await on.gatepost.fetch("SELECT (SELECT count(*) FROM mail_outbox), (SELECT count(*) FROM security_events)")
    return [*rows, await as_they_are(on.ada.tokens)]
