"""Where a call comes from: X-Forwarded-For is believed from trusted proxies alone (ASVS 4.1.3)."""

from typing import Any

import pytest
from structlog.testing import capture_logs

from app.core.caller import Client
from app.limits import NoLimits
from app.rpc.access import Policy, Who
from app.rpc.caller import client_of
from app.rpc.client import Clients
from app.rpc.cookies import SessionCookie
from app.rpc.errors import TranslateErrors
from app.rpc.guard import Guard
from tests.rpc.asgi import call
from tests.rpc.probe import ANSWER, NAME, REQUEST, behind

PROXY, OUTER, CLIENT = "10.0.0.1", "10.0.0.2", "198.51.100.7"
TRUSTED = ("10.0.0.0/8", "fd00::/8")

HOPS: list[tuple[str, list[str], str]] = [
    # peer, X-Forwarded-For lines, the client
    (CLIENT, [], CLIENT),
    (PROXY, [], PROXY),
    (PROXY, [CLIENT], CLIENT),
    (PROXY, [f"{CLIENT}, {OUTER}"], CLIENT),
    (PROXY, [f"203.0.113.9, {CLIENT}, {OUTER}"], CLIENT),  # the left one is the client's own invention
    (PROXY, [f"203.0.113.9, {CLIENT}"], CLIENT),
    (PROXY, ["203.0.113.9", CLIENT], CLIENT),
    (PROXY, [CLIENT, OUTER], CLIENT),
    (PROXY, [f"  {CLIENT}  ,{OUTER} "], CLIENT),
    (PROXY, [f"{OUTER}, 10.0.0.3"], OUTER),  # a call from within: the farthest of ours
    (PROXY, ["nonsense"], PROXY),
    (PROXY, [f"{CLIENT}, nonsense"], PROXY),
    (PROXY, [f"nonsense, {OUTER}"], OUTER),
    (PROXY, [f"nonsense, {CLIENT}"], CLIENT),
    (PROXY, [""], PROXY),
    (PROXY, [","], PROXY),
    (PROXY, [f"{CLIENT}:4711"], PROXY),
    (PROXY, ["unknown"], PROXY),
    (PROXY, ["2001:db8::7"], "2001:db8::7"),
    (PROXY, ["2001:DB8:0:0::7"], "2001:db8::7"),
    (PROXY, ["2001:db8::7%<script>"], "2001:db8::7"),
    (PROXY, [f"::ffff:{CLIENT}"], CLIENT),
    (PROXY, ["[2001:db8::7]:4711"], PROXY),
    ("fd00::1", [CLIENT], CLIENT),
    (f"::ffff:{PROXY}", [CLIENT], CLIENT),
    (f"::ffff:{CLIENT}", ["203.0.113.9"], f"::ffff:{CLIENT}"),
    (CLIENT, ["203.0.113.9"], CLIENT),
    (CLIENT, [PROXY], CLIENT),
    ("11.0.0.1", ["203.0.113.9"], "11.0.0.1"),
    ("", ["203.0.113.9"], ""),
]


@pytest.mark.parametrize(("peer", "forwarded", "expected"), HOPS)
async def test_where_a_call_comes_from(peer: str, forwarded: list[str], expected: str) -> None:
    assert (await seen(Clients(TRUSTED), peer, forwarded)).ip == expected


async def test_by_itself_no_proxy_is_trusted() -> None:
    """Not this machine either, which uvicorn would believe."""
    for peer in ("127.0.0.1", "::1", PROXY):
        assert (await seen(Clients(()), peer, [CLIENT])).ip == peer


async def test_a_server_on_a_unix_socket_tells_no_client() -> None:
    assert (await seen(Clients(TRUSTED), None, [CLIENT])).ip == ""


async def test_a_header_that_is_ignored_is_told_once_with_what_mends_it() -> None:
    clients = Clients(TRUSTED)
    with capture_logs() as logged:
        await seen(clients, CLIENT, [])
        await seen(clients, PROXY, [CLIENT])
        assert logged == []
        for _ in range(3):
            await seen(clients, CLIENT, ["203.0.113.9"])
    (line,) = logged
    assert line["log_level"] == "warning"
    assert "TRUSTED_PROXIES" in line["mend"]
    assert "203.0.113.9" not in repr(line)


USER_AGENTS = {
    "curl/8.5.0": "curl/8.5.0",
    "a" * 300: "a" * 256,
    "one\ttwo\x1b[31m": "one two [31m",
    "Zoë 🐈 \u202e\u2028x\x85y": "Zoë 🐈   x y",
}


@pytest.mark.parametrize("sent", USER_AGENTS)
async def test_a_user_agent_is_one_bounded_line(sent: str) -> None:
    assert (await seen(Clients(()), CLIENT, [], sent)).user_agent == USER_AGENTS[sent]


async def seen(clients: Clients, peer: str | None, forwarded: list[str], user_agent: str | None = None) -> Client:
    """What a handler behind the guard is told."""
    told: list[Client] = []

    async def read(request: Any, ctx: Any) -> Any:
        told.append(client_of(ctx))
        return ANSWER

    rows = {f"{NAME}/Read": Policy(Who.ANYONE)}
    guard = Guard(rows, clients, SessionCookie(https=False), None, None, None, NoLimits(), None)  # type: ignore[arg-type]
    answer = await call(
        behind(TranslateErrors(), guard, Read=read),
        {"user-agent": user_agent},
        path=f"/{NAME}/Read",
        body=REQUEST.to_json().encode(),
        more=[(b"x-forwarded-for", line.encode()) for line in forwarded],
        client=None if peer is None else (peer, 50000),
    )
    assert answer.status == 200
    return told[0]
