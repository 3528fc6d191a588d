"""The cross-site rule of the contract, with the inner application watching: what is refused never runs."""

from collections.abc import Mapping

import pytest

from app.rpc.front import Front
from tests.rpc.asgi import LIST_TOKENS, METHODS, Inner, call, fronted

LISTED = "https://app.example.com"
PUBLIC = "https://gatepost.example"

ALLOWED: dict[str, dict[str, str | None]] = {
    "neither header: not a browser": {},
    "listed": {"origin": LISTED},
    "listed, and the browser calls it cross-site": {"origin": LISTED, "sec-fetch-site": "cross-site"},
    "PUBLIC_URL, behind a proxy that ends TLS": {"origin": PUBLIC},
    "own scheme and Host": {"origin": "http://gatepost.test", "host": "gatepost.test"},
    "own scheme, Host and port": {"origin": "http://127.0.0.1:8000", "host": "127.0.0.1:8000"},
    "own IPv6 address": {"origin": "http://[::1]:8000", "host": "[::1]:8000"},
    "no Origin, same-origin": {"sec-fetch-site": "same-origin"},
    "no Origin, typed by the user": {"sec-fetch-site": "none"},
    "fetch": {"origin": LISTED, "sec-fetch-dest": "empty"},
    "any Host": {"host": "whatever.example"},
}

REFUSED: dict[str, dict[str, str | None]] = {
    "evil": {"origin": "https://evil.example"},
    "evil that calls itself same-origin": {"origin": "https://evil.example", "sec-fetch-site": "same-origin"},
    "null": {"origin": "null"},
    "empty": {"origin": ""},
    "suffix": {"origin": f"{LISTED}.evil.example"},
    "prefix": {"origin": "https://evil-app.example.com"},
    "parent": {"origin": "https://example.com"},
    "child": {"origin": "https://x.app.example.com"},
    "case": {"origin": "https://APP.example.com"},
    "case of the scheme": {"origin": "HTTPS://app.example.com"},
    "port": {"origin": f"{LISTED}:8443"},
    "default port written out": {"origin": f"{LISTED}:443"},
    "scheme": {"origin": "http://app.example.com"},
    "slash": {"origin": f"{LISTED}/"},
    "two in one": {"origin": f"{LISTED}, https://evil.example"},
    "wildcard": {"origin": "*"},
    "own Host, other scheme": {"origin": "https://gatepost.test"},
    "own Host, other port": {"origin": "http://gatepost.test:81"},
    "no Host": {"origin": "http://", "host": None},
    "empty Host": {"origin": "http://", "host": ""},
    "Host from X-Forwarded-Host": {"origin": "https://evil.example", "x-forwarded-host": "evil.example"},
    "scheme from X-Forwarded-Proto": {"origin": "https://gatepost.test", "x-forwarded-proto": "https"},
    "no Origin, cross-site": {"sec-fetch-site": "cross-site"},
    "no Origin, same-site": {"sec-fetch-site": "same-site"},
    "no Origin, unheard of": {"sec-fetch-site": "Same-Origin"},
    "no Origin, empty": {"sec-fetch-site": ""},
    "opened as a page": {"sec-fetch-site": "same-origin", "sec-fetch-dest": "document"},
    "opened as a page of a listed origin": {"origin": LISTED, "sec-fetch-dest": "document"},
    "opened in a frame": {"sec-fetch-site": "same-origin", "sec-fetch-dest": "iframe"},
}


@pytest.mark.parametrize("headers", ALLOWED.values(), ids=ALLOWED)
async def test_calls_that_run(inner: Inner, headers: Mapping[str, str | None]) -> None:
    reply = await call(_front(inner), headers)
    assert (reply.status, inner.ran) == (200, True)


@pytest.mark.parametrize("path", METHODS)
@pytest.mark.parametrize("headers", REFUSED.values(), ids=REFUSED)
async def test_calls_that_do_not_run(inner: Inner, headers: Mapping[str, str | None], path: str) -> None:
    reply = await call(_front(inner), headers, path=path)
    assert (reply.status, reply.json["code"], reply.reason) == (403, "permission_denied", "ORIGIN_NOT_ALLOWED")
    assert not inner.ran
    assert b"evil" not in reply.body


@pytest.mark.parametrize("name", [b"origin", b"sec-fetch-site", b"sec-fetch-dest"])
async def test_a_repeated_header_is_refused(inner: Inner, name: bytes) -> None:
    good = {b"origin": LISTED.encode(), b"sec-fetch-site": b"same-origin", b"sec-fetch-dest": b"empty"}[name]
    for pair in ([good, good], [good, b"https://evil.example"], [b"https://evil.example", good]):
        reply = await call(_front(inner), more=[(name, value) for value in pair])
        assert (reply.status, reply.reason, inner.ran) == (403, "ORIGIN_NOT_ALLOWED", False)


@pytest.mark.parametrize("credential", [{"cookie": "gatepost_session=a.b"}, {"authorization": "Bearer gp_x"}])
async def test_a_credential_does_not_help(inner: Inner, credential: Mapping[str, str]) -> None:
    reply = await call(_front(inner), {"origin": "https://evil.example", **credential})
    assert (reply.status, inner.ran) == (403, False)


async def test_the_sentence_names_the_setting(inner: Inner) -> None:
    assert "ALLOWED_ORIGINS" in (await call(_front(inner), {"origin": "https://evil.example"})).json["message"]


async def test_the_refusal_comes_in_the_callers_protocol(inner: Inner) -> None:
    evil = {"origin": "https://evil.example"}
    stream = await call(_front(inner), {**evil, "content-type": "application/connect+json"}, path=LIST_TOKENS)
    web = await call(_front(inner), {**evil, "content-type": "application/grpc-web+proto"})
    assert (stream.status, stream.body[0], b"ORIGIN_NOT_ALLOWED" in stream.body) == (200, 2, True)
    assert (web.status, web["grpc-status"]) == (200, "7")
    assert not inner.ran


@pytest.mark.parametrize("origin", [LISTED, PUBLIC])
async def test_a_listed_page_may_read_every_answer(inner: Inner, origin: str) -> None:
    front = _front(inner)
    answers = [
        await call(front, {"origin": origin}),
        await call(front, {"origin": origin}, path="/nowhere"),
        await call(front, {"origin": origin}, method="GET"),
        await call(front, {"origin": origin, "content-type": "text/plain"}),
        await call(front, {"origin": origin, "content-length": "99999999"}),
        await call(_front(Inner(raises=ValueError())), {"origin": origin}),
    ]
    assert [each.status for each in answers] == [200, 404, 405, 415, 429, 500]
    for reply in answers:
        assert reply["access-control-allow-origin"] == origin
        assert reply["access-control-allow-credentials"] == "true"
        assert (
            reply["access-control-expose-headers"] == "Grpc-Status, Grpc-Message, Grpc-Status-Details-Bin, Retry-After"
        )
        assert "Origin" in (reply["vary"] or "").split(", ")


async def test_cors_adds_to_the_vary_of_the_answer(inner: Inner) -> None:
    assert (await call(_front(inner)))["vary"] == "Accept-Encoding, Origin"


UNLISTED = [each for each in REFUSED.values() if each.get("origin") != LISTED]


@pytest.mark.parametrize("headers", [*UNLISTED, {}, {"origin": "http://gatepost.test"}])
async def test_other_answers_name_no_origin(inner: Inner, headers: Mapping[str, str | None]) -> None:
    reply = await call(_front(inner), headers)
    assert [name for name, _ in reply.headers if name.startswith("access-control-")] == []


@pytest.mark.parametrize("path", METHODS)
async def test_a_preflight_of_a_listed_origin(inner: Inner, path: str) -> None:
    reply = await call(_front(inner), _preflight(LISTED), path=path, method="OPTIONS", body=b"")
    assert (reply.status, reply.body, inner.ran) == (204, b"", False)
    assert reply["access-control-allow-origin"] == LISTED
    assert reply["access-control-allow-credentials"] == "true"
    assert reply["access-control-allow-methods"] == "POST"
    assert (reply["access-control-allow-headers"] or "").split(", ") == [
        "Content-Type",
        "Connect-Protocol-Version",
        "Connect-Timeout-Ms",
        "Grpc-Timeout",
        "X-Grpc-Web",
        "X-User-Agent",
        "Authorization",
    ]
    assert reply["access-control-max-age"] == "7200"
    assert reply["vary"] == "Origin"
    assert reply["content-length"] is None  # RFC 9110 8.6: never with 204


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", f"{LISTED}.evil.example", "https://APP.example.com"]
)
async def test_a_preflight_of_another_origin(inner: Inner, origin: str) -> None:
    reply = await call(_front(inner), _preflight(origin), method="OPTIONS", body=b"")
    assert (reply.status, reply.reason, inner.ran) == (403, "ORIGIN_NOT_ALLOWED", False)
    assert [name for name, _ in reply.headers if name.startswith("access-control-")] == []


@pytest.mark.parametrize("headers", [{"origin": LISTED}, {"access-control-request-method": "POST"}])
async def test_options_that_are_no_preflight(inner: Inner, headers: Mapping[str, str | None]) -> None:
    reply = await call(_front(inner), headers, method="OPTIONS", body=b"")
    assert (reply.status, reply["allow"], inner.ran) == (405, "POST", False)


def _preflight(origin: str) -> dict[str, str | None]:
    return {
        "origin": origin,
        "access-control-request-method": "POST",
        "access-control-request-headers": "content-type",
        "content-type": None,
        "content-length": None,
    }


def _front(inner: Inner) -> Front:
    return fronted(inner, allowed_origins=(LISTED,), public_url=PUBLIC)
