"""grpc.health.v1 through the whole stack: what is told, when, and to how many."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from connectrpc.code import Code
from connectrpc.protocol import ProtocolType
from pyqwest import HTTPVersion

from app import main
from app.core.db import Database
from app.core.points import PointRead
from app.health import serving
from app.policy import POLICIES, REFLECTION
from gen.grpc.health.v1.health_pb import HealthCheckRequest, HealthCheckResponse, HealthListRequest
from tests.support.databases import Original
from tests.support.refusals import refused
from tests.support.service import Browser, Gatepost, settings_for, started

Status = HealthCheckResponse.ServingStatus
SERVICES = sorted({rpc.partition("/")[0] for rpc in [*POLICIES, *REFLECTION]})
UNKNOWN = "tokens.v1.TokenService"


@pytest.mark.parametrize("service", ["", *SERVICES])
async def test_what_is_served_serves(client: Browser, service: str) -> None:
    assert await _check(client, service) is Status.SERVING


async def test_an_unknown_service_is_not_found(client: Browser) -> None:
    with refused(Code.NOT_FOUND, "SERVICE_UNKNOWN"):
        await _check(client, UNKNOWN)


async def test_the_list_has_them_all(client: Browser, gatepost: Gatepost) -> None:
    assert await _list(client) == dict.fromkeys(["", *SERVICES], Status.SERVING)
    await _take_away(gatepost)
    assert await _list(client) == dict.fromkeys(["", *SERVICES], Status.NOT_SERVING)


async def test_without_its_database_nothing_serves(client: Browser, gatepost: Gatepost) -> None:
    await _take_away(gatepost)
    assert [await _check(client, service) for service in ("", *SERVICES)] == [Status.NOT_SERVING] * (len(SERVICES) + 1)
    await _give_back(gatepost)
    assert await _check(client) is Status.SERVING


async def test_no_call_asks_the_database(tmp_path: Path, migrated: Original, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked once a second, whoever calls how often."""
    monkeypatch.setattr(main, "LOOK_EVERY", 3600)
    async with started(tmp_path, migrated) as gatepost:
        await gatepost.execute("ALTER TABLE alembic_version RENAME TO taken_away")
        assert await _check(gatepost.browser()) is Status.SERVING


async def test_a_database_that_hangs_does_not_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "ANSWER_WITHIN", 0)
    hanging = serving.Serving(Hanging(settings_for(tmp_path).database_url), frozenset())
    await hanging.look()
    assert hanging.check("") is False


async def test_nothing_serves_once_the_service_is_told_to_stop(client: Browser, gatepost: Gatepost) -> None:
    gatepost.parts.serving.stop()
    assert await _check(client) is Status.NOT_SERVING
    await gatepost.parts.serving.look()
    assert await _check(client) is Status.NOT_SERVING


@pytest.mark.parametrize("service", ["", SERVICES[0]])
async def test_a_watch_tells_changes_and_nothing_else(client: Browser, gatepost: Gatepost, service: str) -> None:
    async with aclosing(_watch(client, service)) as told:
        assert await anext(told) is Status.SERVING
        for _ in range(3):
            await gatepost.parts.serving.look()
        await _take_away(gatepost)
        assert await anext(told) is Status.NOT_SERVING
        await _give_back(gatepost)
        assert await anext(told) is Status.SERVING


async def test_a_watch_ends_when_the_service_is_told_to_stop(client: Browser, gatepost: Gatepost) -> None:
    async with aclosing(_watch(client)) as told:
        assert await anext(told) is Status.SERVING
        gatepost.parts.serving.stop()
        assert [each async for each in told] == [Status.NOT_SERVING]


async def test_a_watch_of_an_unknown_service_stays_open(client: Browser, gatepost: Gatepost) -> None:
    async with aclosing(_watch(client, UNKNOWN)) as told:
        assert await anext(told) is Status.SERVICE_UNKNOWN
        following = asyncio.ensure_future(anext(told, None))
        await _take_away(gatepost)
        await _give_back(gatepost)
        assert not following.done()
        gatepost.parts.serving.stop()
        assert await following is None


async def test_a_watch_does_not_last_for_ever(client: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "LONGEST_WATCH", 0)
    assert [each async for each in _watch(client)] == [Status.SERVING]


async def test_only_so_many_may_watch(client: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "MOST_WATCHERS", 2)
    first, second, third = (_watch(client) for _ in range(3))
    assert [await anext(first), await anext(second)] == [Status.SERVING] * 2
    with refused(Code.RESOURCE_EXHAUSTED, "TOO_MANY_WATCHERS") as told:
        await anext(third)
    assert told.retry_after == 60
    assert await _check(client) is Status.SERVING
    await first.aclose()
    async with aclosing(_watch(client)) as fourth:
        assert await anext(fourth) is Status.SERVING
    await second.aclose()


class Hanging(Database):
    """A database server that took the question and says no more."""

    async def point(self, read: PointRead, **values: Any) -> tuple[Any, ...] | None:
        await asyncio.Event().wait()
        return None


async def _check(client: Browser, service: str = "") -> Status:
    return (await client.health.check(HealthCheckRequest(service=service))).status


async def _list(client: Browser) -> dict[str, Status]:
    answer = await client.health.list(HealthListRequest())
    return {service: each.status for service, each in answer.statuses.items()}


async def _watch(client: Browser, service: str = "") -> AsyncIterator[Status]:
    async for answer in client.health.watch(HealthCheckRequest(service=service)):
        yield answer.status


async def _take_away(gatepost: Gatepost) -> None:
    await gatepost.execute("ALTER TABLE alembic_version RENAME TO taken_away")
    await gatepost.parts.serving.look()


async def _give_back(gatepost: Gatepost) -> None:
    await gatepost.execute("ALTER TABLE taken_away RENAME TO alembic_version")
    await gatepost.parts.serving.look()


@pytest.fixture(params=[ProtocolType.CONNECT, ProtocolType.GRPC_WEB, ProtocolType.GRPC], ids=lambda each: each.value)
def client(request: pytest.FixtureRequest, gatepost: Gatepost) -> Browser:
    return gatepost.browser(protocol=request.param, http_version=HTTPVersion.HTTP2)
