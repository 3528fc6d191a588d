"""Who may act on which token: every sort of caller against every sort of UUID."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest
from connectrpc.code import Code

from tests.support.refusals import refused
from tests.support.service import Browser, Gatepost
from tests.tokens.calls import (
    UNKNOWN,
    create,
    exchanged,
    expire,
    get,
    id_of,
    listed,
    page,
    regenerate,
    update,
    value_of,
    works,
)

OK = ""
GONE, SCOPE, MANAGE = "NOT_FOUND", "SCOPE_MISSING", "TOKEN_CANNOT_MANAGE_TOKENS"
CODES = {GONE: Code.NOT_FOUND, SCOPE: Code.PERMISSION_DENIED, MANAGE: Code.PERMISSION_DENIED}

CALLS: dict[str, Callable[[Browser, str], Awaitable[Any]]] = {
    "GetToken": lambda caller, token_id: get(caller.tokens, token_id),
    "ForceTokenExpiration": lambda caller, token_id: expire(caller.tokens, token_id),
    "RegenerateToken": lambda caller, token_id: regenerate(caller.tokens, token_id),
    "UpdateToken": lambda caller, token_id: update(caller.tokens, token_id, name=f"renamed {token_id[-12:]}"),
    "CreateToken": lambda caller, _: create(caller.tokens, "made"),
    "ListTokens": lambda caller, _: listed(caller.tokens),
    "ListTokensPage": lambda caller, _: page(caller.tokens),
}

# What each caller gets for: itself (for a session: a token of its account), a sibling, another account's token, none.
# The sibling may read, which is within the scopes of those that read.
BY_UUID = {
    ("session", "GetToken"): (OK, OK, GONE, GONE),
    ("session", "ForceTokenExpiration"): (OK, OK, GONE, GONE),
    ("session", "RegenerateToken"): (OK, OK, GONE, GONE),
    ("session", "UpdateToken"): (OK, OK, GONE, GONE),
    ("token that reads", "GetToken"): (OK, OK, GONE, GONE),
    ("token that reads", "ForceTokenExpiration"): (OK, MANAGE, MANAGE, MANAGE),
    ("token that reads", "RegenerateToken"): (OK, MANAGE, MANAGE, MANAGE),
    ("token that reads", "UpdateToken"): (MANAGE, MANAGE, MANAGE, MANAGE),
    ("other token", "GetToken"): (OK, SCOPE, SCOPE, SCOPE),
    ("other token", "ForceTokenExpiration"): (OK, MANAGE, MANAGE, MANAGE),
    ("other token", "RegenerateToken"): (OK, MANAGE, MANAGE, MANAGE),
    ("other token", "UpdateToken"): (MANAGE, MANAGE, MANAGE, MANAGE),
    ("session of a token that reads", "GetToken"): (OK, OK, GONE, GONE),
    ("session of a token that reads", "ForceTokenExpiration"): (OK, MANAGE, MANAGE, MANAGE),
    ("session of a token that reads", "RegenerateToken"): (MANAGE, MANAGE, MANAGE, MANAGE),
    ("session of a token that reads", "UpdateToken"): (MANAGE, MANAGE, MANAGE, MANAGE),
    ("session of another token", "GetToken"): (OK, SCOPE, SCOPE, SCOPE),
    ("session of another token", "ForceTokenExpiration"): (OK, MANAGE, MANAGE, MANAGE),
    ("session of another token", "RegenerateToken"): (MANAGE, MANAGE, MANAGE, MANAGE),
    ("session of another token", "UpdateToken"): (MANAGE, MANAGE, MANAGE, MANAGE),
    ("manager that reads", "GetToken"): (OK, OK, GONE, GONE),
    ("manager that reads", "ForceTokenExpiration"): (OK, OK, GONE, GONE),
    ("manager that reads", "RegenerateToken"): (OK, OK, GONE, GONE),
    ("manager that reads", "UpdateToken"): (MANAGE, OK, GONE, GONE),
    ("other manager", "GetToken"): (OK, SCOPE, SCOPE, SCOPE),
    ("other manager", "ForceTokenExpiration"): (OK, MANAGE, MANAGE, MANAGE),
    ("other manager", "RegenerateToken"): (OK, MANAGE, MANAGE, MANAGE),
    ("other manager", "UpdateToken"): (MANAGE, MANAGE, MANAGE, MANAGE),
    ("session of a manager that reads", "GetToken"): (OK, OK, GONE, GONE),
    ("session of a manager that reads", "ForceTokenExpiration"): (OK, OK, GONE, GONE),
    ("session of a manager that reads", "RegenerateToken"): (MANAGE, OK, GONE, GONE),
    ("session of a manager that reads", "UpdateToken"): (MANAGE, OK, GONE, GONE),
    ("session of another manager", "GetToken"): (OK, SCOPE, SCOPE, SCOPE),
    ("session of another manager", "ForceTokenExpiration"): (OK, MANAGE, MANAGE, MANAGE),
    ("session of another manager", "RegenerateToken"): (MANAGE, MANAGE, MANAGE, MANAGE),
    ("session of another manager", "UpdateToken"): (MANAGE, MANAGE, MANAGE, MANAGE),
}
WITHOUT_UUID = {
    ("session", "CreateToken"): OK,
    ("session", "ListTokens"): OK,
    ("session", "ListTokensPage"): OK,
    ("token that reads", "CreateToken"): MANAGE,
    ("token that reads", "ListTokens"): OK,
    ("token that reads", "ListTokensPage"): OK,
    ("other token", "CreateToken"): MANAGE,
    ("other token", "ListTokens"): SCOPE,
    ("other token", "ListTokensPage"): SCOPE,
    ("session of a token that reads", "CreateToken"): MANAGE,
    ("session of a token that reads", "ListTokens"): OK,
    ("session of a token that reads", "ListTokensPage"): OK,
    ("session of another token", "CreateToken"): MANAGE,
    ("session of another token", "ListTokens"): SCOPE,
    ("session of another token", "ListTokensPage"): SCOPE,
    ("manager that reads", "CreateToken"): OK,
    ("manager that reads", "ListTokens"): OK,
    ("manager that reads", "ListTokensPage"): OK,
    ("other manager", "CreateToken"): MANAGE,
    ("other manager", "ListTokens"): SCOPE,
    ("other manager", "ListTokensPage"): SCOPE,
    ("session of a manager that reads", "CreateToken"): OK,
    ("session of another manager", "CreateToken"): MANAGE,
}


@pytest.mark.parametrize(("who", "rpc"), BY_UUID)
async def test_acts_on_a_uuid(gatepost: Gatepost, who: str, rpc: str) -> None:
    stage = await staged(gatepost, who)
    foreign = await create((await gatepost.session("bob@example.test")).tokens, "bob's")
    on_itself, on_sibling, on_foreign, on_none = BY_UUID[who, rpc]
    await expect(on_none, stage, rpc, UNKNOWN)
    await expect(on_foreign, stage, rpc, id_of(foreign))
    await expect(on_sibling, stage, rpc, stage.sibling)
    await expect(on_itself, stage, rpc, stage.itself)
    assert await works(gatepost.bearer(value_of(foreign)))


@pytest.mark.parametrize(("who", "rpc"), WITHOUT_UUID)
async def test_acts_on_the_account(gatepost: Gatepost, who: str, rpc: str) -> None:
    await expect(WITHOUT_UUID[who, rpc], await staged(gatepost, who), rpc, UNKNOWN)


@pytest.mark.parametrize("rpc", [rpc for who, rpc in BY_UUID if who == "session"])
@pytest.mark.parametrize("who", ["session", "manager that reads", "session of a manager that reads"])
async def test_another_accounts_token_and_none_are_one_answer(gatepost: Gatepost, who: str, rpc: str) -> None:
    """ASVS 8.2.2."""
    stage, bob = await staged(gatepost, who), await gatepost.session("bob@example.test")
    foreign = id_of(await create(bob.tokens))
    with refused(Code.NOT_FOUND, "NOT_FOUND") as another:
        await CALLS[rpc](stage.caller, foreign)
    with refused(Code.NOT_FOUND, "NOT_FOUND") as none:
        await CALLS[rpc](stage.caller, UNKNOWN)
    assert another == none


@pytest.mark.parametrize("rpc", ["ForceTokenExpiration", "RegenerateToken", "UpdateToken"])
@pytest.mark.parametrize("who", ["other token", "session of another token", "other manager"])
async def test_what_may_not_read_is_not_told_which_uuids_exist(gatepost: Gatepost, who: str, rpc: str) -> None:
    """ASVS 8.2.2."""
    stage, bob = await staged(gatepost, who), await gatepost.session("bob@example.test")
    told = []
    for uuid in (UNKNOWN, id_of(await create(bob.tokens)), stage.sibling):
        with refused(Code.PERMISSION_DENIED, MANAGE) as answer:
            await CALLS[rpc](stage.caller, uuid)
        told.append(answer)
    assert told == [told[0]] * 3


@pytest.mark.parametrize("rpc", [rpc for who, rpc in BY_UUID if who == "session"])
async def test_a_malformed_uuid(gatepost: Gatepost, rpc: str) -> None:
    ada = await gatepost.session()
    for uuid in ("", "no-uuid", UNKNOWN.replace("-", ""), UNKNOWN[:-1], UNKNOWN + "\n", f"{{{UNKNOWN}}}"):
        with refused(Code.INVALID_ARGUMENT, "INVALID_FIELD", fields=["token_uuid.uuid"]):
            await CALLS[rpc](ada, uuid)


async def test_a_uuid_in_capitals_is_the_same_uuid(gatepost: Gatepost) -> None:
    ada = await gatepost.session()
    token_id = id_of(await create(ada.tokens))
    assert id_of(await get(ada.tokens, token_id.upper())) == token_id


async def test_nothing_made_once_the_account_was_disabled(gatepost: Gatepost) -> None:
    """Disabling ends sessions; a call that the guard had let in before finds out here."""
    ada = await gatepost.session()
    dead = id_of(await create(ada.tokens))
    await expire(ada.tokens, dead)
    await gatepost.execute("UPDATE accounts SET disabled_at = created_at")
    for rpc in ("CreateToken", "UpdateToken"):
        with refused(Code.UNAUTHENTICATED, "BAD_CREDENTIAL"):
            await CALLS[rpc](ada, dead)


@dataclass
class Stage:
    caller: Browser
    itself: str
    """The UUID of the caller's own token."""
    sibling: str
    """The UUID of another token of the account."""


async def staged(gatepost: Gatepost, who: str) -> Stage:
    ada = await gatepost.session("ada@example.test")
    scopes = ["account:read", "tokens:read"] if "reads" in who else ["deploy:run"]
    own = await create(ada.tokens, "own", scopes=scopes + ["tokens:manage"] * ("manager" in who))
    if who == "session":
        caller = ada
    elif who.startswith("session of"):
        caller = await exchanged(gatepost, value_of(own))
    else:
        caller = gatepost.bearer(value_of(own))
    return Stage(caller, id_of(own), id_of(await create(ada.tokens, "sibling")))


async def expect(answer: str, stage: Stage, rpc: str, token_id: str) -> None:
    if answer is OK:
        await CALLS[rpc](stage.caller, token_id)
    else:
        with refused(CODES[answer], answer):
            await CALLS[rpc](stage.caller, token_id)
