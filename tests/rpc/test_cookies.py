"""The session cookie: how it is read among others, and with which attributes it is set."""

import pytest
from connectrpc.method import IdempotencyLevel, MethodInfo, StreamType
from connectrpc.request import Headers, RequestContext

from app.rpc.cookies import SessionCookie
from gen.test.v1.test_v1_pb import PingRequest, PingResponse

NAME, HOST_NAME = "gatepost_session", "__Host-gatepost_session"

READ: list[tuple[list[str], str | None, bool]] = [
    # Cookie lines, what was presented, whether one came
    ([], None, False),
    ([""], None, False),
    ([f"{NAME}=v"], "v", True),
    ([f"{NAME}=a.b-c_d="], "a.b-c_d=", True),  # only the first = divides
    ([f"a=1; {NAME}=v; b=2"], "v", True),
    ([f"a=1;{NAME}=v ;b=2"], "v", True),
    (["a=1", f"{NAME}=v"], "v", True),  # HTTP/2 may split the header
    ([f"{NAME}="], "", True),
    ([f'{NAME}="v"'], '"v"', True),  # RFC 6265: quotes belong to the value
    ([f"{NAME}=v; {NAME}=w"], None, True),
    ([f"{NAME}=v; {NAME}=v"], None, True),
    ([f"{NAME}=v", f"{NAME}=w"], None, True),
    ([f"{NAME}"], "", True),
    ([f"{NAME.upper()}=v"], None, False),
    ([f"x{NAME}=v"], None, False),
    ([f"{NAME}x=v"], None, False),
    ([f"{HOST_NAME}=v"], None, False),  # whoever sets it is a page of https, and we are not
    # Another site's cookie on the same host must not sign people out, however odd it is.
    ([f'odd={{"a": [1, 2]}}; {NAME}=v'], "v", True),
    ([f"=; ;;=x; \u00e9=\u00e9; {NAME}=v; a b=c d"], "v", True),
    ([f"path=/; expires=never; $Version=1; {NAME}=v"], "v", True),
    ([f"other={NAME}=w; {NAME}=v"], "v", True),
]


@pytest.mark.parametrize(("lines", "presented", "came"), READ)
def test_how_it_is_read(lines: list[str], presented: str | None, came: bool) -> None:
    cookie, ctx = SessionCookie(https=False), context(*lines)
    assert (cookie.presented(ctx), cookie.came(ctx)) == (presented, came)


def test_with_https_only_the_prefixed_one_counts() -> None:
    """Another host under the same domain cannot set a `__Host-` cookie, nor can a page without TLS."""
    cookie = SessionCookie(https=True)
    assert cookie.presented(context(f"{NAME}=v")) is None
    assert cookie.presented(context(f"{NAME}=planted; {HOST_NAME}=v")) == "v"


@pytest.mark.parametrize(
    ("https", "expected"),
    [
        (False, f"{NAME}=id.secret; Max-Age=60; Path=/; HttpOnly; SameSite=Lax"),
        (True, f"{HOST_NAME}=id.secret; Max-Age=60; Path=/; HttpOnly; SameSite=Lax; Secure"),
    ],
)
def test_how_it_is_set(https: bool, expected: str) -> None:
    """ASVS 3.3.1 to 3.3.4. No Domain, so that no sibling host is sent it."""
    ctx = context()
    SessionCookie(https).write(ctx, "id.secret", 60)
    assert ctx.response_headers.getall("set-cookie") == [expected]


@pytest.mark.parametrize("https", [False, True])
def test_how_it_is_cleared(https: bool) -> None:
    """With the attributes it was set with, or browsers would keep it."""
    cookie, written, cleared = SessionCookie(https), context(), context()
    cookie.write(written, "", 0)
    cookie.clear(cleared)
    assert cleared.response_headers.getall("set-cookie") == written.response_headers.getall("set-cookie")


def context(*cookies: str) -> RequestContext[PingRequest, PingResponse]:
    method = MethodInfo(
        name="Ping",
        service_name="test.v1.TestNoAuthService",
        input=PingRequest,
        output=PingResponse,
        idempotency_level=IdempotencyLevel.UNKNOWN,
        stream_type=StreamType.UNARY,
    )
    headers = Headers()
    for line in cookies:
        headers.add("cookie", line)
    return RequestContext(method=method, http_method="POST", request_headers=headers)
