"""What writes is whole or absent: it survives clients that hang up and deadlines of a millisecond."""

import asyncio
import gc
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from connectrpc.code import Code
from starlette.types import ASGIApp, Message
from structlog.testing import capture_logs

from app.core.errors import LostRace
from app.rpc.access import Policy, Who
from app.rpc.errors import TranslateErrors
from app.rpc.interceptors import RunToEnd
from tests.rpc.asgi import arriving, collecting, http_scope, reply
from tests.rpc.probe import ANSWER, NAME, answers, behind, client, extra
from tests.rpc.tongues import CONNECT, WEB, Tongue
from tests.support.databases import Original
from tests.support.refusals import refused
from tests.support.service import started

TONGUES = [CONNECT[0], WEB[1]]
POLICIES = {f"{NAME}/{name}": Policy(Who.ANYONE, reads=name != "Write") for name in answers()}


@pytest.mark.parametrize("tongue", TONGUES, ids=str)
async def test_a_write_goes_on_when_its_client_hangs_up(tongue: Tongue, gate: "Gate", stack: "Stack") -> None:
    hang_up = asyncio.Event()
    calling = asyncio.create_task(ask(stack.app(gate), "Write", tongue, hang_up=hang_up))
    await gate.entered.wait()
    hang_up.set()
    await calling
    assert gate.seen == ["entered"]
    gate.open.set()
    await stack.run_to_end.settle(5)
    assert gate.seen == ["entered", "done"]


@pytest.mark.parametrize("tongue", TONGUES, ids=str)
async def test_a_write_goes_on_when_its_deadline_passes(tongue: Tongue, gate: "Gate", stack: "Stack") -> None:
    sent = await ask(stack.app(gate), "Write", tongue, deadline=True)
    assert tongue.error(reply(sent)).reason == "DEADLINE"
    gate.open.set()
    await stack.run_to_end.settle(5)
    assert gate.seen == ["entered", "done"]


@pytest.mark.parametrize("tongue", TONGUES, ids=str)
async def test_a_write_goes_on_when_the_server_gives_up(tongue: Tongue, gate: "Gate", stack: "Stack") -> None:
    """As uvicorn does with the calls that are left when its graceful shutdown has taken too long."""
    calling = asyncio.create_task(ask(stack.app(gate), "Write", tongue))
    await gate.entered.wait()
    calling.cancel()
    await asyncio.gather(calling, return_exceptions=True)
    assert calling.cancelled()
    gate.open.set()
    await stack.run_to_end.settle(5)
    assert gate.seen == ["entered", "done"]


@pytest.mark.parametrize("tongue", TONGUES, ids=str)
async def test_a_read_is_cut_short(tongue: Tongue, gate: "Gate", stack: "Stack") -> None:
    hang_up = asyncio.Event()
    calling = asyncio.create_task(ask(stack.app(gate), "Read", tongue, hang_up=hang_up))
    await gate.entered.wait()
    hang_up.set()
    await calling
    assert gate.seen == ["entered", "cut"]


@pytest.mark.parametrize(("method", "end"), [("Read", "cut"), ("Write", "done")])
async def test_a_handler_that_takes_too_long(method: str, end: str, gate: "Gate") -> None:
    """The service's own bound, REQUEST_TIMEOUT, for clients that set none."""
    stack = Stack(RunToEnd(POLICIES, seconds=0.001))
    with refused(Code.DEADLINE_EXCEEDED, "DEADLINE"):
        await client(stack.app(gate)).call(method)
    gate.open.set()
    await stack.run_to_end.settle(5)
    assert gate.seen == ["entered", end]


async def test_the_bound_is_the_setting(tmp_path: Path, migrated: Original) -> None:
    async with started(tmp_path, migrated, request_timeout=7) as gatepost:
        assert gatepost.parts.run_to_end._seconds == 7


async def test_a_shutdown_waits_for_writes(gate: "Gate", tmp_path: Path, migrated: Original) -> None:
    """And the database is still there for them."""

    async def write(request: Any, ctx: Any) -> Any:
        await gate(request, ctx)
        await gatepost.fetch("SELECT 1")
        gate.seen.append("written")

    async with started(tmp_path, migrated, **extra(Write=write)) as gatepost:
        await ask(gatepost.app, "Write", CONNECT[0], deadline=True)
        asyncio.get_running_loop().call_soon(gate.open.set)
    assert gate.seen == ["entered", "done", "written"]


async def test_a_shutdown_does_not_wait_for_ever(gate: "Gate", stack: "Stack") -> None:
    await ask(stack.app(gate), "Write", CONNECT[0], deadline=True)
    await stack.run_to_end.settle(0.001)
    assert gate.seen == ["entered"]
    gate.open.set()
    await stack.run_to_end.settle(5)


@pytest.mark.parametrize("error", [LostRace(), ValueError("hunter2-canary")], ids=repr)
async def test_what_nobody_waits_for_fails_without_its_words(
    error: Exception, gate: "Gate", stack: "Stack", caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    gate.raises = error
    with capture_logs() as logged:
        await ask(stack.app(gate), "Write", CONNECT[0], deadline=True)
        gate.open.set()
        await stack.run_to_end.settle(5)
        gc.collect()  # asyncio complains of an exception that nobody looked at when the task goes
        await asyncio.sleep(0)
    assert (caplog.text, *capfd.readouterr()) == ("", "", "")
    assert "hunter2-canary" not in repr(logged)


async def test_what_a_write_answers_and_refuses_is_told() -> None:
    stack = Stack(RunToEnd(POLICIES, seconds=5))
    assert await client(stack.behind(answers()["Write"])).call("Write") == [ANSWER]
    gate = Gate(raises=LostRace())
    gate.open.set()
    with refused(Code.ABORTED, "LOST_RACE"):
        await client(stack.app(gate)).call("Write")


@pytest.mark.parametrize(
    ("error", "seconds", "unheard"), [(TimeoutError(), 30, 0), (LostRace(), 0.001, 1)], ids=["its own", "ours"]
)
async def test_a_refusal_is_logged_as_unheard_only_if_it_was(
    error: Exception, seconds: float, unheard: int, gate: "Gate"
) -> None:
    """Whichever time ran out: that of something the handler asked, or REQUEST_TIMEOUT."""
    stack = Stack(RunToEnd(POLICIES, seconds))
    gate.raises = error
    if not unheard:
        gate.open.set()
    with capture_logs() as logged:
        with refused(Code.DEADLINE_EXCEEDED, "DEADLINE"):
            await client(stack.app(gate)).call("Write")
        gate.open.set()
        await stack.run_to_end.settle(5)
        await asyncio.sleep(0)
    assert [line["event"] for line in logged].count("refused_unheard") == unheard


@dataclass
class Gate:
    """A handler that waits for the test."""

    raises: Exception | None = None
    entered: asyncio.Event = field(default_factory=asyncio.Event)
    open: asyncio.Event = field(default_factory=asyncio.Event)
    seen: list[str] = field(default_factory=list)

    async def __call__(self, request: Any, ctx: Any) -> Any:
        self.seen.append("entered")
        self.entered.set()
        try:
            await self.open.wait()
        except asyncio.CancelledError:
            self.seen.append("cut")
            raise
        self.seen.append("done")
        if self.raises is not None:
            raise self.raises
        return ANSWER


@dataclass(frozen=True)
class Stack:
    run_to_end: RunToEnd

    def app(self, gate: Gate) -> ASGIApp:
        return self.behind(gate)

    def behind(self, handler: Callable[..., Coroutine[Any, Any, Any]]) -> ASGIApp:
        return behind(TranslateErrors(), self.run_to_end, Read=handler, Write=handler)


async def ask(
    app: ASGIApp, method: str, tongue: Tongue, *, deadline: bool = False, hang_up: asyncio.Event | None = None
) -> list[Message]:
    """One call by hand; with `deadline` it has a millisecond."""
    named = {**(tongue.deadline() if deadline else tongue.headers()), "host": "gatepost.test"}
    headers = [(name.encode(), value.encode()) for name, value in named.items() if value is not None]
    message = b'{"email": "ada@example.test", "password": "x"}' if tongue.json else b"\x0a\x01a\x12\x01x"
    sent: list[Message] = []
    scope = http_scope(f"/{NAME}/{method}", "POST", headers)
    await app(scope, arriving(tongue.body(message), hang_up=hang_up), collecting(sent))
    return sent


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture
def stack() -> Stack:
    return Stack(RunToEnd(POLICIES, seconds=30))
