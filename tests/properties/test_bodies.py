"""Any body, in any protocol and codec: an answer from the documented set, and the service goes on."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.policy import POLICIES
from app.rpc.access import Who
from tests.properties.bodies import broken
from tests.properties.driver import Credential, Driver
from tests.properties.ways import WAYS, Way
from tests.support.cases import Tally, cases


@pytest.mark.parametrize("way", WAYS, ids=str)
@given(data=st.data(), credential=st.sampled_from(Credential))
@cases(24)
def test_any_body(way: Way, data: st.DataObject, credential: Credential, driver: Driver, tally: Tally) -> None:
    sent = data.draw(broken(way))
    answer = driver.call(way, sent.parts, [*driver.headers(credential), *sent.headers])
    if POLICIES[way.path[1:]].who is not Who.ANYONE and credential is Credential.NONE:
        assert answer.reason == "NO_CREDENTIAL"
    tally["calls with broken bodies"] += 1
