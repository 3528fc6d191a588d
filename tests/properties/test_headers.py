"""Any header, path and verb: an answer from the documented set in the protocol that the caller declared."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.properties.answers import told
from tests.properties.contents import CANARY
from tests.properties.driver import Credential, Driver
from tests.properties.odd_headers import headers
from tests.properties.ways import WAYS, Way, ways_of
from tests.support.cases import Tally, cases

_METHODS = ("Ping", "Pong", "RefreshSession", "TokenAuthorization", "CreateToken", "ListTokens")
_PATHS = [
    "/",
    "",
    "*",
    "//",
    "/..",
    "/test.v1.TestNoAuthService",
    f"/{CANARY}",
    "/\0",
    "/é",
    "/a b",
    "/%2e%2e",
    "/x" * 2_000,
]
_VERBS = ["POST", "GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE", "PATCH", "CONNECT", "post", CANARY, ""]


@pytest.mark.parametrize("way", ways_of(*_METHODS), ids=str)
@given(credential=st.sampled_from(Credential), odd=st.lists(headers(), min_size=1, max_size=4))
@cases(50)
def test_any_header(
    way: Way, credential: Credential, odd: list[tuple[bytes, bytes]], driver: Driver, tally: Tally
) -> None:
    driver.call(way, [way.tongue.body(way.message({}))], [*driver.headers(credential), *odd])
    tally["calls with odd headers"] += 1


@given(
    way=st.sampled_from(WAYS),
    verb=st.sampled_from(_VERBS),
    path=st.sampled_from(_PATHS) | st.text(max_size=30) | st.none(),
    odd=st.lists(headers(), max_size=2),
)
@cases(400)
def test_any_path_and_verb(
    way: Way, verb: str, path: str | None, odd: list[tuple[bytes, bytes]], driver: Driver, tally: Tally
) -> None:
    assume(path not in driver.gatepost.parts.console)
    changed = {"method": verb} | ({} if path is None else {"path": path})
    sent = driver.send(way, [way.tongue.body(way.message({}))], odd, **changed)
    if path is not None:
        assert (sent[0]["status"], told(way, sent).code) == (404, "unimplemented")
    elif sent[0]["status"] == 204:  # a preflight
        assert (verb, b"".join(each.get("body", b"") for each in sent)) == ("OPTIONS", b"")
    elif verb != "POST":
        assert sent[0]["status"] == 405 or told(way.declared(odd), sent).reason == "ORIGIN_NOT_ALLOWED"
    tally["calls with odd headers"] += 1
