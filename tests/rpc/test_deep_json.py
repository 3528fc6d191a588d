"""Bodies that must not reach the decoder of JSON: it follows them until the stack ends, and the process with it."""

import json
from time import perf_counter

import pytest

from app.core.errors import Undecodable
from app.rpc.codecs import discreet_codecs
from app.rpc.errors import RefusalAnswer
from gen.tokens.v1.tokens_v1_pb import CreateTokenRequest, ListTokensPageRequest
from tests.rpc.asgi import LIST_TOKENS, PING, call
from tests.rpc.tongues import ALL, Tongue
from tests.support.service import COOKIE, Gatepost

_, JSON = discreet_codecs()
DEEP = 60_000
FIELDS = [
    "",
    '{"tokenMetadata": ',
    '{"tokenMetadata": {"name": ',
    '{"tokenMetadata": {"expiresAt": ',
    '{"tokenPermissions": {"scopes": [',
    '{"unknown": ',
]


@pytest.mark.parametrize("opening", ["[", '{"":', '[{"a":'])
@pytest.mark.parametrize("before", FIELDS)
def test_a_value_that_nests_too_deep(before: str, opening: str) -> None:
    _refused(before + opening * (DEEP // len(opening)))


def test_brackets_in_strings_and_behind_them() -> None:
    name = "[{" * 500 + '"\\'
    body = json.dumps({"tokenMetadata": {"name": name}, "tokenPermissions": {"scopes": ["]" * 500, "\\"]}})
    decoded = JSON.decode(body.encode(), CreateTokenRequest)
    assert decoded.token_metadata.name == name
    _refused(body[:-1] + ', "x": ' + "[" * DEEP)
    _refused('{"x": "\\' + "[" * DEEP)  # a string without an end


def test_as_deep_as_messages_go_and_one_level_more() -> None:
    for levels in (99, 100):
        body = b'{"pageSize": 7, "x":' + b"[" * levels + b"]" * levels + b"}"
        if levels < 100:
            assert JSON.decode(body, ListTokensPageRequest).page_size == 7
        else:
            _refused(body.decode())


def test_a_long_list_is_not_deep() -> None:
    assert JSON.decode(b'{"pageSize": 7, "x": [' + b"[]," * 20_000 + b"0]}", ListTokensPageRequest).page_size == 7


@pytest.mark.parametrize("body", ['"' + '\\"' * 30_000, '"[' * 30_000, "[]" * 30_000, '{"x": "' + "a" * 60_000])
def test_looking_takes_no_time(body: str) -> None:
    """Quadratic it would be minutes."""
    start = perf_counter()
    _refused("[" + "[]" * 101 + body)
    assert perf_counter() - start < 1


@pytest.mark.parametrize("tongue", [each for each in ALL if each.json], ids=str)
async def test_a_deep_body_is_refused_and_the_service_goes_on(gatepost: Gatepost, tongue: Tongue) -> None:
    cookie = {"cookie": f"{COOKIE}={(await gatepost.session()).session}"}
    path = LIST_TOKENS if tongue.stream else PING
    answer = await call(gatepost.app, tongue.headers(**cookie), path=path, body=tongue.body(b"[" * DEEP))
    assert tongue.error(answer).reason == "UNDECODABLE"


def _refused(body: str) -> None:
    with pytest.raises(RefusalAnswer) as caught:
        JSON.decode(body.encode(), CreateTokenRequest)
    assert isinstance(caught.value.refusal, Undecodable)
