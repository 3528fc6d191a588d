"""Bad tokens are counted and logged, so many a minute, and a good one is never refused for them (ASVS 16.3.3)."""

from typing import Any

import pytest
from connectrpc.code import Code
from structlog.testing import capture_logs

from gen.test.v1.test_v1_pb import PongRequest
from tests.accounts.calls import ADA, refresh
from tests.support.refusals import refused
from tests.support.service import Browser, Gatepost
from tests.tokens.calls import create, value_of, works


async def test_a_bad_token_is_one_line_that_tells_where_it_came_from(gatepost: Gatepost) -> None:
    with capture_logs() as logged:
        await present(gatepost.bearer("gp_wrong", ip="192.0.2.7"))
    assert [line for line in logged if line["log_level"] != "debug"] == [
        {"event": "bad_token", "log_level": "warning", "client": "192.0.2.7", "left_out": 0}
    ]
    assert "gp_wrong" not in repr(logged)


async def test_a_flood_is_counted_whole_and_logged_in_part(gatepost: Gatepost) -> None:
    flood = gatepost.bearer("gp_wrong")
    with capture_logs() as logged:
        for _ in range(100):
            await present(flood)
        assert len(lines(logged)) == 60
        gatepost.clock.advance(60)
        await present(flood)
    assert [line["left_out"] for line in lines(logged)] == [0] * 60 + [40]
    assert counted(gatepost) == 101


async def test_a_good_one_is_never_refused_for_them(gatepost: Gatepost) -> None:
    ada = await gatepost.session(ADA, ip="192.0.2.7")
    good = gatepost.bearer(value_of(await create(ada.tokens)), ip="192.0.2.7")
    for _ in range(100):
        await present(gatepost.bearer("gp_wrong", ip="192.0.2.7"))
    assert await works(good)
    assert await works(ada)


@pytest.mark.parametrize("cookie", ["nonsense", None])
async def test_other_bad_credentials_are_no_bad_tokens(gatepost: Gatepost, cookie: str | None) -> None:
    browser = gatepost.browser()
    browser.session = cookie
    with capture_logs() as logged, refused(Code.UNAUTHENTICATED, "BAD_CREDENTIAL" if cookie else "NO_CREDENTIAL"):
        await refresh(browser)
    assert lines(logged) == []
    assert counted(gatepost) == 0


async def present(bearer: Browser) -> None:
    with refused(Code.UNAUTHENTICATED, "BAD_CREDENTIAL"):
        await bearer.pong.pong(PongRequest())


def lines(logged: list[Any]) -> list[Any]:
    return [line for line in logged if line["event"] == "bad_token"]


def counted(gatepost: Gatepost) -> float | None:
    return gatepost.parts.metrics.registry.get_sample_value("gatepost_bad_tokens_total")
