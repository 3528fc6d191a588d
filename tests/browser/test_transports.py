"""@connectrpc/connect-web in a browser, by both transports, in both codecs, over both versions of HTTP."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import BrowserContext, Page
from starlette.staticfiles import StaticFiles

from tests.browser.listening import Certificate, listening
from tests.browser.pages import build, open_tab
from tests.browser.site import Site, site
from tests.e2e.clients.call import Answer, Call, Client, Refused
from tests.e2e.test_protocols import CONTENT_TYPES
from tests.e2e.walk import LIST_TOKENS, Walk, failures
from tests.support.databases import Original
from tests.tokens.calls import create, value_of

pytestmark = pytest.mark.only("sqlite")  # the browser sees no database

each_transport = pytest.mark.parametrize("protocol", ["Connect", "gRPC-Web"])
each_codec = pytest.mark.parametrize("codec", ["JSON", "binary"])
each_version = pytest.mark.parametrize("http", ["1.1", "2"])


@each_version
@each_codec
@each_transport
async def test_the_walk(protocol: str, codec: str, http: str, calling: "Calling") -> None:
    """Unary calls, the cookie, a token, a stream, error details, and a deadline that passes."""
    async with calling.opened(protocol, codec, http) as (page, served):

        async def answer(call: Call) -> Answer:
            served.gatepost.clock.advance(seconds=1)  # newer tokens come first
            return await page.answer(call)

        walk = Walk(_sync(answer), "ada@example.test", partial(_writes_held, calling.folder))
        for failed in (await asyncio.to_thread(failures, walk)).values():
            raise failed
        posts = [each for each in served.seen if each.method == "POST"]
        assert {each.http for each in posts} == {http}
        assert {each.headers["content-type"] for each in posts} == CONTENT_TYPES[protocol, codec]


@each_version
@each_codec
@each_transport
async def test_a_stream_arrives_piece_by_piece(protocol: str, codec: str, http: str, calling: "Calling") -> None:
    """The service sends the rest only once the page has told of the first piece."""
    async with calling.opened(protocol, codec, http) as (page, served):
        tokens = (await served.gatepost.session()).tokens
        token = value_of(await create(tokens, "older"))
        served.gatepost.clock.advance(seconds=1)
        await create(tokens, "newer")
        rest = served.hold_rest(LIST_TOKENS)
        listing = asyncio.ensure_future(page.answer(Call(LIST_TOKENS, token=token)))
        first = await page.arrived.get()
        assert (_name(first), listing.done(), page.arrived.empty()) == ("newer", False, True)
        rest.set()
        assert [_name(each) for each in (await listing).messages] == ["newer", "older"]


@dataclass(frozen=True, slots=True)
class CallingPage:
    """A page that makes calls by one transport, in one codec."""

    page: Page
    options: dict[str, str]
    arrived: asyncio.Queue[Any]
    """Messages, as the page gets them."""

    async def answer(self, call: Call) -> Answer:
        told = {"rpc": call.rpc, "message": call.message, "session": call.session, "token": call.token}
        told["timeoutMs"] = call.timeout and call.timeout * 1000
        answered = await self.page.evaluate("([options, call]) => answerTo(options, call)", [self.options, told])
        refused = answered["refused"]
        return Answer(answered["messages"], refused and Refused(**refused))


@dataclass(frozen=True, slots=True)
class Calling:
    """Opens a page at the service that it calls: over HTTP/2 both need TLS, as in every browser."""

    profile: BrowserContext
    built: StaticFiles
    trusted: Certificate
    folder: Path
    migrated: Original

    @asynccontextmanager
    async def opened(self, protocol: str, codec: str, http: str) -> AsyncIterator[tuple[CallingPage, Site]]:
        options: dict[str, Any] = {"certificate": self.trusted, "http2": "on"} if http == "2" else {}
        async with (
            listening(self.built, certificate=options.get("certificate")) as origin,
            site(self.folder, self.migrated, allowed_origins=(origin,), **options) as served,
        ):
            page, arrived = await open_tab(self.profile, origin), asyncio.Queue[Any]()
            await page.expose_function("arrived", arrived.put_nowait)
            transport = {"protocol": protocol, "codec": codec, "http": http, "baseUrl": served.url}
            yield CallingPage(page, transport, arrived), served


def _sync(answer: Callable[[Call], Awaitable[Answer]]) -> Client:
    """For the walk, which runs in a thread and knows no loop."""
    loop = asyncio.get_running_loop()
    return lambda call: asyncio.run_coroutine_threadsafe(answer(call), loop).result()


@contextmanager
def _writes_held(folder: Path) -> Iterator[None]:
    with closing(sqlite3.connect(folder / "gatepost.db", isolation_level=None)) as database:
        database.execute("BEGIN IMMEDIATE")
        yield


def _name(token: Any) -> str:
    name: str = token["tokenMetadata"]["name"]
    return name


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> StaticFiles:
    return build(tmp_path_factory.mktemp("page"))


@pytest.fixture
def calling(
    profile: BrowserContext, built: StaticFiles, trusted: Certificate, tmp_path: Path, migrated: Original
) -> Calling:
    return Calling(profile, built, trusted, tmp_path, migrated)
