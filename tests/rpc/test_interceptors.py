"""The stack around every handler: that it covers every kind of call, and what the field rules answer."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from connectrpc import interceptor as kinds
from connectrpc.code import Code
from connectrpc.protocol import ProtocolType
from protobuf.wkt import Empty
from pyqwest import HTTPVersion
from starlette.types import Message

from app.rpc.access import Who
from app.rpc.errors import TranslateErrors
from app.rpc.guard import Guard
from app.rpc.interceptors import Validate
from app.rpc.serve import interceptors
from gen.accounts.v1.accounts_v1_pb import SignInRequest
from tests.rpc.asgi import arriving, http_scope
from tests.rpc.probe import ANSWER, NAME, PROTOCOLS, answers, behind, client, extra
from tests.rpc.tongues import STREAMS
from tests.support.databases import Original
from tests.support.refusals import refused
from tests.support.service import Gatepost, started

MESSAGE_KINDS = (
    kinds.UnaryInterceptor,
    kinds.ServerStreamInterceptor,
    kinds.ClientStreamInterceptor,
    kinds.BidiStreamInterceptor,
)

METHODS = ["Read", "Write", "Stream", "Collect", "Chat"]


def test_the_order_is_complete_and_each_covers_the_kinds_it_must(gatepost: Gatepost) -> None:
    """connectrpc silently skips an interceptor where it lacks the method, and reads the body before a metadata
    interceptor that stands behind a message interceptor."""
    guard = Guard({}, None, None, None, None, None, None, None)  # type: ignore[arg-type]
    translate, second, validate, last = interceptors(guard, gatepost.parts.run_to_end)
    assert isinstance(translate, TranslateErrors)
    assert second is guard
    assert isinstance(validate, Validate)
    assert last is gatepost.parts.run_to_end
    assert isinstance(translate, kinds.MetadataInterceptor)
    assert isinstance(guard, kinds.MetadataInterceptor)
    for kind in MESSAGE_KINDS:
        assert isinstance(validate, kind)
        assert not isinstance(translate, kind)  # nor anything else, or it would not lead
        assert not isinstance(guard, kind)
    # Streams only read, which tests/test_policy.py sees to; an interceptor of them would only slow them down.
    assert isinstance(last, kinds.UnaryInterceptor)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("method", METHODS)
async def test_no_kind_of_call_gets_round_the_guard(
    method: str, protocol: ProtocolType, tmp_path: Path, migrated: Original
) -> None:
    async with started(tmp_path, migrated, **extra(who=Who.CREDENTIAL, **answers())) as gatepost:
        with refused(Code.UNAUTHENTICATED, "NO_CREDENTIAL"):
            await client(gatepost.app, protocol=protocol).call(method)
        good = await gatepost.session()
        cookie = {"cookie": f"gatepost_session={good.session}"}
        assert await client(gatepost.app, protocol=protocol).call(method, headers=cookie) == [ANSWER]


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("method", METHODS)
async def test_no_kind_of_call_gets_round_the_field_rules(
    method: str, protocol: ProtocolType, tmp_path: Path, migrated: Original
) -> None:
    async with started(tmp_path, migrated, **extra(**answers())) as gatepost:
        caller = client(gatepost.app, protocol=protocol)
        with refused(Code.INVALID_ARGUMENT, "INVALID_FIELD", fields=["email", "password"]):
            await caller.call(method, SignInRequest())
        assert await caller.call(method) == [ANSWER]


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_the_real_stream_refuses_like_any_method(protocol: ProtocolType, gatepost: Gatepost) -> None:
    browser = gatepost.browser(protocol=protocol, http_version=HTTPVersion.HTTP2)
    with refused(Code.UNAUTHENTICATED, "NO_CREDENTIAL"):
        await anext(browser.tokens.list_tokens(Empty()))


async def test_a_handlers_stream_is_closed_when_its_reader_fails() -> None:
    """At once and in its own call, not whenever the garbage is collected."""
    closed: list[str] = []

    async def stream(request: Any, ctx: Any) -> AsyncIterator[Any]:
        try:
            yield ANSWER
            yield ANSWER
        finally:
            closed.append("closed")

    async def send(message: Message) -> None:
        if message["type"] == "http.response.body":
            raise OSError("the connection is gone")

    app = behind(TranslateErrors(), Validate(), Stream=stream)
    tongue = STREAMS[0]
    scope = http_scope(f"/{NAME}/Stream", "POST", [(b"content-type", tongue.content_type.encode())])
    body = tongue.body(b'{"email": "ada@example.test", "password": "x"}')
    await app(scope, arriving(body), send)
    assert closed == ["closed"]


async def test_every_bad_field_is_told_at_once_by_its_path(gatepost: Gatepost) -> None:
    with refused(Code.INVALID_ARGUMENT, "INVALID_FIELD", fields=["email", "password"]) as told:
        await gatepost.browser().public.sign_in(SignInRequest(email="a" * 321, password="p" * 257))
    assert "aaa" not in told.sentence
    assert "ppp" not in told.sentence
