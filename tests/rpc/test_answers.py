"""What no answer of any RPC is: a redirect, a page, a script, or the effect of another verb than POST."""

import pytest
from structlog.testing import capture_logs

from app.policy import POLICIES
from tests.rpc.asgi import call
from tests.support import tables
from tests.support.service import COOKIE, Gatepost
from tests.tokens.calls import create, works

TYPES = {"application/json", "application/problem+json"}
SIGN_IN = "/accounts.v1.PublicAccountsService/SignIn"
PONG = "/test.v1.TestAuthService/Pong"


@pytest.mark.parametrize("verb", ["GET", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE", "TRACE"])
async def test_no_other_verb_does_anything(verb: str, gatepost: Gatepost) -> None:
    """ASVS 3.5.3, 4.1.4: all methods, with a good credential, and the query that Connect's GET would take."""
    ada = await gatepost.session()
    await create(ada.tokens)
    before = await everything(gatepost)
    for rpc in POLICIES:
        cookie = {"cookie": f"{COOKIE}={ada.session}"}
        query = b"connect=v1&encoding=json&message=%7B%7D"
        answer = await call(gatepost.app, cookie, path=f"/{rpc}", method=verb, query_string=query)
        assert (answer.status, answer["allow"], answer["set-cookie"]) == (405, "POST", None)
    assert await everything(gatepost) == before
    assert await works(ada)


@pytest.mark.parametrize(
    "content_type",
    [
        "application/x-www-form-urlencoded",
        "text/plain",
        "multipart/form-data; boundary=x",
        None,
        "application/csp-report",
    ],
)
async def test_what_a_page_sends_without_a_preflight_does_nothing(content_type: str | None, gatepost: Gatepost) -> None:
    """ASVS 3.5.2: forms, beacons and reports, with the victim's cookie and a body that would be right."""
    ada = await gatepost.session()
    before = await everything(gatepost)
    for rpc in POLICIES:
        headers = {"cookie": f"{COOKIE}={ada.session}", "content-type": content_type}
        answer = await call(gatepost.app, headers, path=f"/{rpc}", body=b"{}")
        assert (answer.status, answer["set-cookie"]) == (415, None)
    assert await everything(gatepost) == before
    assert await works(ada)


@pytest.mark.parametrize(
    "path", ["/", PONG, PONG + "/", "/test.v1.TestAuthService", "/nowhere", "//evil.example", SIGN_IN]
)
@pytest.mark.parametrize("host", ["gatepost.test", "evil.example", "evil.example:1", "", "[::1]", None])
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_nothing_is_redirected(path: str, host: str | None, scheme: str, gatepost: Gatepost) -> None:
    """ASVS 3.7.2, 4.1.2; and no Host and no header of a proxy is repeated."""
    for method in ("POST", "GET"):
        headers = {"host": host, "x-forwarded-host": "evil.example", "x-forwarded-proto": "http"}
        answer = await call(gatepost.app, headers, path=path, method=method, scheme=scheme)
        assert answer.status not in range(300, 400)
        assert answer["location"] is None
        assert "evil.example" not in repr(answer)


async def test_no_answer_can_be_run_as_a_script(gatepost: Gatepost) -> None:
    """ASVS 3.5.6, 3.5.7, 4.1.1: no JSONP, whatever is asked for, and only types that browsers do not execute."""
    for path in (PONG, "/test.v1.TestNoAuthService/Ping", "/nowhere", SIGN_IN):
        for query in (b"", b"callback=alert", b"jsonp=alert&format=js"):
            answer = await call(gatepost.app, {"accept": "text/html, */*"}, path=path, query_string=query)
            assert answer["content-type"] in TYPES
            assert b"alert" not in answer.body
            assert answer.json is not None


async def test_a_path_that_is_no_rpc_reaches_no_file(gatepost: Gatepost) -> None:
    with capture_logs() as logs:
        for path in ("/.env", "/../.env", "/%2e%2e/.env", "/data/gatepost.db", "/secret.key", "/.git/config"):
            assert (await call(gatepost.app, path=path, method="GET")).status == 404
    assert {line["rpc"] for line in logs} == {None}


async def everything(gatepost: Gatepost) -> str:
    """All that the database holds."""
    await gatepost.mails()
    return repr([await gatepost.fetch(f"SELECT * FROM {table}") for table in await tables.names(gatepost)])  # noqa: S608
