"""What the front adds to every answer, and what becomes of failures that reach it."""

import pytest
from connectrpc.code import Code
from connectrpc.errors import ConnectError
from starlette.types import Message, Receive, Scope, Send
from structlog.testing import capture_logs

from app.core.errors import BadCredential
from tests.rpc.asgi import PING, Inner, arriving, call, collecting, fronted, ping_scope, pinging

CANARY = "hunter2-canary"
OWN = "http://127.0.0.1:8000"
WEB = "application/grpc-web+proto"
SAME_EVERYWHERE = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "content-security-policy": (
        "default-src 'none'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'; sandbox"
    ),
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}


async def test_a_good_call_passes_unchanged(inner: Inner) -> None:
    answer = await call(fronted(inner))
    assert (answer.status, answer["content-type"], answer.body) == (200, "application/json", b"{}")
    assert inner.scopes[0]["path"] == PING


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", b"{}"),
        ("application/proto", b""),
        (WEB, b"\0\0\0\0\0"),
        ("application/grpc-web+json", b"\0\0\0\0\2{}"),
    ],
)
async def test_a_real_call(content_type: str, body: bytes) -> None:
    answer = await call(fronted(pinging()), {"content-type": content_type}, body=body)
    assert (answer.status, answer["content-type"]) == (200, content_type)
    assert answer["grpc-status"] is None
    assert content_type.startswith("application/grpc") == (b"grpc-status: 0" in answer.body)


@pytest.mark.parametrize("https", [False, True])
async def test_headers_on_every_status(https: bool) -> None:
    url = "https://gatepost.example" if https else ""
    front = fronted(Inner(), public_url=url)
    answers = [
        await call(front),
        await call(front, {"origin": url or OWN, "access-control-request-method": "POST"}, method="OPTIONS"),
        await call(front, more=[(b"x", b"\xff")]),
        await call(front, {"origin": "https://evil.example"}),
        await call(front, path="/"),
        await call(front, method="GET"),
        await call(front, {"content-type": "text/plain"}),
        await call(front, {"content-length": "99999999"}),
        await call(fronted(Inner(raises=ValueError(CANARY)), public_url=url)),
        await call(front, {"content-type": WEB, "origin": "null"}),
    ]
    assert [each.status for each in answers] == [200, 204, 400, 403, 404, 405, 415, 429, 500, 200]
    for answer in answers:
        assert {name: answer[name] for name in SAME_EVERYWHERE} == SAME_EVERYWHERE
        assert answer["strict-transport-security"] == ("max-age=63072000; includeSubDomains" if https else None)
        assert answer["server"] is None
        assert answer["location"] is None


@pytest.mark.parametrize("content_type", ["application/json", WEB])
async def test_an_unforeseen_failure_tells_an_error_id_and_nothing_else(content_type: str) -> None:
    with capture_logs() as logs:
        front = fronted(Inner(raises=ValueError(CANARY)))
        answer = await call(front, {"content-type": content_type, "cookie": CANARY}, body=CANARY.encode())
    (line,) = logs
    assert (line["event"], line["error_type"]) == ("unforeseen", "ValueError")
    told = answer.body.decode() + str(answer.headers)
    assert line["error_id"] in told
    assert CANARY not in told
    assert CANARY not in str(logs)
    if content_type == WEB:
        assert (answer.status, answer["grpc-status"]) == (200, "13")
    else:
        assert (answer.status, answer.json["code"], answer.reason) == (500, "internal", "INTERNAL")


async def test_a_refusal_that_reaches_the_front_is_answered_as_such() -> None:
    answer = await call(fronted(Inner(raises=BadCredential())))
    assert (answer.status, answer.reason) == (401, "BAD_CREDENTIAL")


async def test_a_client_that_hung_up_is_no_failure() -> None:
    sent: list[Message] = []
    gone = ConnectError(Code.CANCELED, "Client disconnected")
    with capture_logs() as logs:
        await fronted(Inner(raises=gone))(ping_scope(), arriving(b"{}"), collecting(sent))
    assert (sent, logs) == ([], [])


async def test_a_failure_between_status_and_body_is_answered_whole() -> None:
    async def half(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"x-half", b"1")]})
        raise ValueError(CANARY)

    answer = await call(fronted(half))
    assert (answer.status, answer["x-half"]) == (500, None)


async def test_a_failure_in_mid_answer_leaves_it_unfinished() -> None:
    async def half(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"x", "more_body": True})
        raise ValueError(CANARY)

    sent: list[Message] = []
    with capture_logs() as logs:
        await fronted(half)(ping_scope(), arriving(b"{}"), collecting(sent))
    assert [each.get("more_body") for each in sent] == [None, True]
    assert [each["event"] for each in logs] == ["unforeseen"]
    assert CANARY not in str(logs)


async def test_lifespan_passes_through_and_websockets_do_not(inner: Inner) -> None:
    seen: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope["type"])

    sent: list[Message] = []
    for kind in ("lifespan", "websocket"):
        await fronted(app)({"type": kind, "path": PING, "headers": []}, arriving(), collecting(sent))
    assert seen == ["lifespan"]
    assert [each["type"] for each in sent] == ["websocket.close"]
