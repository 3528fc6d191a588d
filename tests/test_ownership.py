"""ASVS 8.2.2: one account's objects against another account, for every RPC that takes an ID, the next one too."""

import json

import pytest

from tests.accounts.calls import sessions
from tests.rpc.asgi import Reply, call
from tests.support.requests import field_paths
from tests.support.service import COOKIE, Browser, Gatepost
from tests.test_policy import METHODS
from tests.tokens.calls import UNKNOWN, create, id_of, works

TAKE_AN_ID = [
    (rpc, path)
    for rpc, method in METHODS.items()
    for path in field_paths(method.input)
    if path.split(".")[-1] == "uuid" or path.endswith("_id")
]


@pytest.mark.parametrize(("rpc", "path"), TAKE_AN_ID)
async def test_what_belongs_to_another_is_not_there(rpc: str, path: str, gatepost: Gatepost) -> None:
    """The same bytes as for an ID that nobody has, whoever asks; and the owner's own works on."""
    ada, bob = await gatepost.session("ada@example.test"), await gatepost.session("bob@example.test")
    value = await _id_of_hers(gatepost, path, ada)
    hers, nobodys = await _ask(gatepost, rpc, path, value, bob), await _ask(gatepost, rpc, path, UNKNOWN, bob)
    assert (hers.status, hers.json["code"], hers.reason) == (404, "not_found", "NOT_FOUND")
    assert hers == nobodys
    assert await works(ada)
    assert (await _ask(gatepost, rpc, path, value, ada)).status == 200


def test_there_are_such_rpcs() -> None:
    assert ("tokens.v1.TokensService/GetToken", "token_uuid.uuid") in TAKE_AN_ID


async def _id_of_hers(gatepost: Gatepost, path: str, ada: Browser) -> str:
    """An ID of the sort that stands in this field; a new sort needs a line here."""
    if path == "token_uuid.uuid":
        return id_of(await create(ada.tokens))
    assert path == "session_id"
    await gatepost.session("ada@example.test")
    [elsewhere] = [each.session_id for each in await sessions(ada) if not each.current]
    return elsewhere


async def _ask(gatepost: Gatepost, rpc: str, path: str, value: str, who: Browser) -> Reply:
    message: object = value
    for name in reversed(path.split(".")):
        message = {name: message}
    cookie = {"cookie": f"{COOKIE}={who.session}"}
    return await call(gatepost.app, cookie, path=f"/{rpc}", body=json.dumps(message).encode())
