"""Connect's unary calls go a short way of our own. Here both ways are taken: connectrpc gets a call whose content type
has a parameter, since only the plain spelling goes the short way, and must give the same answer to the byte, but for
what it says of compression."""

import asyncio
import gzip
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from connectrpc.code import Code
from starlette.types import Message

from app.core.errors import InvalidField, Throttled
from app.rpc.caller import Context
from app.rpc.codecs import discreet_codecs
from app.rpc.errors import Stated, TranslateErrors
from app.rpc.unary import Unary
from gen.accounts.v1.accounts_v1_pb import GetAccountResponse, SignInRequest
from tests.rpc.asgi import Reply, arriving, call, collecting, http_scope, reply
from tests.rpc.probe import ANSWER, NAME, REQUEST, Handler, behind

PATH = f"/{NAME}/Read"
OF_COMPRESSION = (("content-encoding", "identity"), ("vary", "Accept-Encoding"))
CODECS = {"application/json": REQUEST.to_json().encode(), "application/proto": REQUEST.to_binary()}


async def answered(request: SignInRequest, ctx: Context) -> GetAccountResponse:
    return GetAccountResponse(account_id=request.email)


async def with_metadata(request: SignInRequest, ctx: Context) -> GetAccountResponse:
    ctx.response_headers.add("set-cookie", "a=1")
    ctx.response_headers.add("set-cookie", "b=2")
    ctx.response_trailers["note"] = "of the end"
    return ANSWER


async def echoed(request: SignInRequest, ctx: Context) -> GetAccountResponse:
    """All that a handler can see of the call."""
    seen = (sorted(ctx.request_headers.getall("x-twice")), ctx.http_method, ctx.client_address, ctx.method.name)
    return GetAccountResponse(account_id=str(seen))


async def refused(request: SignInRequest, ctx: Context) -> GetAccountResponse:
    ctx.response_headers["x-set-before"] = "goes out as well"
    raise InvalidField("email", "must be nice.")


async def throttled(request: SignInRequest, ctx: Context) -> GetAccountResponse:
    raise Throttled(7)


async def stated(request: SignInRequest, ctx: Context) -> GetAccountResponse:
    raise Stated(Code.ABORTED, "As it is.", [ANSWER])


async def timed_out(request: SignInRequest, ctx: Context) -> GetAccountResponse:
    raise TimeoutError


async def unwritable(request: SignInRequest, ctx: Context) -> Any:
    ctx.response_headers["x-set-before"] = "goes out as well"
    return GetAccountResponse(account_id="\ud800")


HANDLERS = [answered, with_metadata, echoed, refused, throttled, stated, timed_out]


@pytest.mark.parametrize("content_type", CODECS)
@pytest.mark.parametrize("handler", HANDLERS, ids=lambda each: each.__name__)
async def test_both_ways_answer_alike(handler: Handler, content_type: str) -> None:
    ours, theirs = await both(handler, content_type, CODECS[content_type])
    assert ours == theirs


async def test_an_answer_that_cannot_be_written() -> None:
    """Each time under another error id."""
    ours, theirs = await both(unwritable, "application/json", b"{}")
    assert ours.status == theirs.status == 500
    assert [name for name, _ in ours.headers] == [name for name, _ in theirs.headers]
    assert ours.json["code"] == theirs.json["code"] == "internal"


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({}, b"{}"),
        ({}, b""),
        ({}, b"{"),
        ({}, b"\xff\xff"),
        ({}, b'{"email": "' + b"a" * 65536 + b'"}'),
        ({"connect-timeout-ms": "10000", "connect-protocol-version": "1"}, b"{}"),
        ({"content-encoding": "identity"}, b"{}"),
        ({"content-encoding": "gzip"}, gzip.compress(b"{}", mtime=0)),
        ({"content-encoding": "br"}, b"{}"),
    ],
)
@pytest.mark.parametrize("content_type", CODECS)
async def test_so_they_do_to_odd_requests(headers: Mapping[str, str], body: bytes, content_type: str) -> None:
    ours, theirs = await both(answered, content_type, body, headers)
    assert ours == theirs


async def test_a_body_in_parts(app_of_answered: Any) -> None:
    for content_type in ("application/json", "application/json; charset=utf-8"):
        whole, sent = CODECS["application/json"], list[Message]()
        parts = [whole[:5], b"", whole[5:9], whole[9:]]
        scope = http_scope(PATH, "POST", [(b"content-type", content_type.encode())])
        await app_of_answered(scope, arriving(*parts), collecting(sent))
        assert reply(sent).json == {"accountId": REQUEST.email}


@pytest.mark.parametrize("first", [100, 70000], ids=["in parts", "whole"])
@pytest.mark.parametrize("kept", [65536, 65537])
async def test_the_limit_counts_all_parts(kept: int, first: int) -> None:
    answers = []
    for content_type in spellings("application/json"):
        body = b'{"email": "' + b"a" * (kept - 13) + b'"}'
        assert len(body) == kept
        sent: list[Message] = []
        scope = http_scope(PATH, "POST", [(b"content-type", content_type.encode())])
        app = behind(TranslateErrors(), Read=answered)
        await app(scope, arriving(*filter(None, (body[:first], body[first:]))), collecting(sent))
        answers.append(plain(reply(sent)))
    assert answers[0] == answers[1]
    assert answers[0].status == (200 if kept == 65536 else 429)


@pytest.mark.parametrize("content_type", ["application/json", "application/json; charset=utf-8"])
async def test_a_client_that_hangs_up_stops_the_handler(content_type: str) -> None:
    begun, stopped, over = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def waits(request: Any, ctx: Any) -> Any:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    scope = http_scope(PATH, "POST", [(b"content-type", content_type.encode())])
    app = behind(TranslateErrors(), Read=waits)
    calling = asyncio.ensure_future(app(scope, arriving(b"{}", hang_up=over), collecting([])))
    await begun.wait()
    over.set()
    await stopped.wait()
    await calling


@pytest.mark.parametrize("content_type", ["application/json", "application/json; charset=utf-8"])
async def test_a_client_that_hangs_up_before_its_body_is_whole(content_type: str) -> None:
    over, ended = asyncio.Event(), list[Exception | None]()
    over.set()
    scope = http_scope(PATH, "POST", [(b"content-type", content_type.encode())])
    app = behind(Noting(ended), Read=answered)
    await app(scope, arriving(b"{", whole=False, hang_up=over), collecting([]))
    assert [type(each).__name__ for each in ended] == ["ConnectError"]


@pytest.mark.parametrize("content_type", ["application/json", "application/json; charset=utf-8"])
async def test_a_deadline_stops_the_handler(content_type: str) -> None:
    async def waits(request: Any, ctx: Any) -> Any:
        await asyncio.Event().wait()

    headers = {"content-type": content_type, "connect-timeout-ms": "1"}
    answer = await call(behind(TranslateErrors(), Read=waits), headers, path=PATH)
    assert (answer.status, answer.reason) == (504, "DEADLINE")


@pytest.mark.parametrize("content_type", ["application/json", "application/json; charset=utf-8"])
async def test_a_shutdown_ends_what_has_started_and_goes_on(content_type: str) -> None:
    begun, ended = asyncio.Event(), list[Exception | None]()

    async def waits(request: Any, ctx: Any) -> Any:
        begun.set()
        await asyncio.Event().wait()

    scope = http_scope(PATH, "POST", [(b"content-type", content_type.encode())])
    calling = asyncio.ensure_future(behind(Noting(ended), Read=waits)(scope, arriving(b"{}"), collecting([])))
    await begun.wait()
    calling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await calling
    assert len(ended) == 1
    assert calling.cancelled()


def test_which_calls_go_the_short_way() -> None:
    endpoint: Any = type("Endpoint", (), {"method": None, "function": None})
    unary = Unary(endpoint, [], discreet_codecs(), 1)
    taken = {
        content_type: unary.takes(http_scope(PATH, "POST", [(b"content-type", content_type.encode())]))
        for content_type in ("application/json", "application/proto", *map(other, CODECS), "application/grpc-web")
    }
    assert [content_type for content_type, short in taken.items() if short] == list(CODECS)
    compressed = [(b"content-type", b"application/json"), (b"content-encoding", b"gzip")]
    assert not unary.takes(http_scope(PATH, "POST", compressed))


async def both(
    handler: Handler, content_type: str, body: bytes, headers: Mapping[str, str] = {}
) -> tuple[Reply, Reply]:
    app = behind(TranslateErrors(), Read=handler)
    twice = ((b"x-twice", b"one"), (b"x-twice", b"two"))
    ours, theirs = [
        plain(await call(app, {"content-type": each, **headers}, path=PATH, body=body, more=twice))
        for each in spellings(content_type)
    ]
    return ours, theirs


def plain(answer: Reply) -> Reply:
    return replace(answer, headers=[pair for pair in answer.headers if pair not in OF_COMPRESSION])


def spellings(content_type: str) -> tuple[str, str]:
    """For the short way, and for connectrpc."""
    return content_type, other(content_type)


def other(content_type: str) -> str:
    return f"{content_type}; charset=utf-8"


class Noting:
    """A metadata interceptor that writes down how calls ended."""

    def __init__(self, ended: list[Exception | None]) -> None:
        self._ended = ended

    async def on_start(self, ctx: Context) -> None:
        pass

    async def on_end(self, _: None, ctx: Context, error: Exception | None, /) -> None:
        self._ended.append(error)


@pytest.fixture
def app_of_answered() -> Any:
    return behind(TranslateErrors(), Read=answered)
