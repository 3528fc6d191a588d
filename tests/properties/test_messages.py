"""Any message that a method takes, in any protocol and codec, from any caller: an answer from the documented set."""

from base64 import urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.policy import POLICIES
from app.rpc.access import Who
from tests.properties.answers import OK
from tests.properties.contents import CANARY, contents
from tests.properties.driver import KNOWN, OWN_TOKEN, Credential, Driver
from tests.properties.ways import WAYS, Way
from tests.support.cases import Tally, cases
from tests.support.clock import FakeClock
from tests.support.service import PASSWORD

NOW = int(FakeClock().now().timestamp())
DAY = 86_400
TYPED = st.text(st.characters(categories=["L", "M", "N", "P", "S", "Zs"]), min_size=1, max_size=64)
PLAUSIBLE = tuple(
    {
        "uuid": st.just(OWN_TOKEN) | st.uuids().map(str),
        "name": TYPED | st.sampled_from(["ci", " ci ", CANARY, "x" * 65]),
        "scopes": st.lists(
            st.sampled_from(["account:read", "tokens:read", "orders:write", "tokens:manage"]), max_size=3
        ),
        "expires_at": st.fixed_dictionaries({"seconds": st.integers(NOW - DAY, NOW + 380 * DAY)}),
        "email": st.sampled_from([KNOWN, "a@b.c", f"{CANARY}@example.test"]) | st.emails(),
        "password": st.sampled_from([PASSWORD, "12345678", CANARY]) | TYPED,
        "page_size": st.integers(-1, 101),
        "page_token": st.binary(min_size=24, max_size=24).map(lambda place: urlsafe_b64encode(place).decode()),
    }.items()
)
"""By the names of fields: what gets past the rules in the protos more often than not."""


@pytest.mark.parametrize("way", WAYS, ids=str)
@given(data=st.data(), credential=st.sampled_from(Credential))
@cases(20)
def test_any_message(way: Way, data: st.DataObject, credential: Credential, driver: Driver, tally: Tally) -> None:
    values = data.draw(st.sampled_from([PLAUSIBLE, PLAUSIBLE, ()]))
    content = data.draw(contents(way.method.input, values))
    answer = driver.call(way, [way.tongue.body(way.message(content))], driver.headers(credential))
    if POLICIES[way.path[1:]].who is not Who.ANYONE and credential is Credential.NONE:
        assert answer.reason == "NO_CREDENTIAL"
    if not way.method.input.fields and way.method.name in ("Ping", "Pong") and credential is not Credential.NONE:
        assert answer.code == OK
    tally["calls with well-formed messages"] += 1
