"""What a service that `create_app` takes besides ours may say for itself: errors, no details, messages in an Any."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from connectrpc.code import Code
from connectrpc.errors import ConnectError
from connectrpc.protocol import ProtocolType
from protobuf import wkt

from app.core.errors import Busy
from app.rpc.codecs import discreet_codecs
from app.rpc.errors import Stated, TranslateErrors
from gen.accounts.v1.accounts_v1_pb import SignInRequest
from gen.google.rpc import error_details_pb
from gen.google.rpc.error_details_pb import ErrorInfo
from tests.rpc.asgi import PING, call
from tests.rpc.probe import PROTOCOLS, answers, behind, client, extra, fails_with
from tests.support.databases import Original
from tests.support.service import started

TORN = ErrorInfo(reason="TORN", domain="probe")


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("begun", [False, True])
@pytest.mark.parametrize("method", ["Read", "Write", "Stream", "Collect", "Chat"])
async def test_an_error_that_it_states(method: str, begun: bool, protocol: ProtocolType) -> None:
    stated = Stated(Code.DATA_LOSS, "Page 7 is torn.", [TORN])
    app = behind(TranslateErrors(), **fails_with(stated, begun=begun))
    error = await failure(client(app, protocol=protocol).call(method))
    assert (error.code, error.message) == (Code.DATA_LOSS, "Page 7 is torn.")
    assert [detail.value(ErrorInfo) for detail in error.details] == [TORN]


@pytest.mark.parametrize("terse", [False, True])
async def test_refusals_without_details(tmp_path: Path, migrated: Original, terse: bool) -> None:
    served = extra(**{**answers(), "Read": fails_with(Busy())["Read"]})
    served["extra"] = [replace(service, terse=terse) for service in served["extra"]]
    large = SignInRequest(email="a" * 70_000)
    async with started(tmp_path, migrated, **served) as gatepost:
        probe = client(gatepost.app)
        of_the_handler = await failure(probe.call("Read"))
        of_the_front = await failure(probe.call("Write", large, headers={"content-length": "70006"}))
        of_connectrpc = await failure(probe.call("Stream", large))
        ours = await call(gatepost.app, {"connect-timeout-ms": "soon"}, path=PING)
    refusals = [of_the_handler, of_the_front, of_connectrpc]
    assert [error.code for error in refusals] == [Code.RESOURCE_EXHAUSTED] * 3
    assert [bool(error.details) for error in refusals] == [not terse] * 3
    assert ours.reason == "INVALID_FIELD"


def test_messages_in_an_any() -> None:
    for codec in discreet_codecs(error_details_pb.desc()):
        assert codec.decode(codec.encode(wkt.Any.pack(TORN)), wkt.Any) == wkt.Any.pack(TORN)


def test_an_any_that_json_does_not_know_is_not_repeated() -> None:
    _, json = discreet_codecs()
    with pytest.raises(ConnectError) as caught:
        json.encode(wkt.Any.pack(TORN))
    assert (caught.value.code, "TORN" in caught.value.message) == (Code.INTERNAL, False)


async def failure(answer: Any) -> ConnectError:
    with pytest.raises(ConnectError) as caught:
        await answer
    return caught.value
