"""A client that hangs up, at any point of any body: nobody reads an answer, and nothing else may be amiss."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.properties.bodies import broken
from tests.properties.contents import contents
from tests.properties.driver import Credential, Driver
from tests.properties.ways import WAYS, Way
from tests.support.cases import Tally, cases


@pytest.mark.parametrize("way", WAYS, ids=str)
@given(data=st.data(), credential=st.sampled_from(Credential), whole=st.booleans())
@cases(8)
def test_any_hang_up(
    way: Way, data: st.DataObject, credential: Credential, whole: bool, driver: Driver, tally: Tally
) -> None:
    body = way.tongue.body(way.message(data.draw(contents(way.method.input))))
    parts = data.draw(
        st.sampled_from([[], [body], [body[: len(body) // 2]]]) | broken(way).map(lambda sent: sent.parts)
    )
    driver.send(way, parts, driver.headers(credential), whole=whole, hangs_up=True)
    driver.still_serves()
    tally["calls whose client hung up"] += 1
