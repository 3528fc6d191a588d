"""Server reflection: what it tells, in both versions, and where it is off."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from connectrpc.code import Code
from connectrpc.errors import ConnectError
from connectrpc.protocol import ProtocolType
from connectrpc_grpcreflect._gen.grpc.reflection.v1 import reflection_connect as v1
from connectrpc_grpcreflect._gen.grpc.reflection.v1.reflection_pb import ExtensionRequest
from connectrpc_grpcreflect._gen.grpc.reflection.v1.reflection_pb import ServerReflectionRequest as RequestV1
from connectrpc_grpcreflect._gen.grpc.reflection.v1alpha import reflection_connect as v1alpha
from connectrpc_grpcreflect._gen.grpc.reflection.v1alpha.reflection_pb import ServerReflectionRequest as RequestV1Alpha
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from protobuf import Oneof
from pyqwest import Client
from pyqwest.testing import ASGITransport

from app.policy import POLICIES, REFLECTION
from tests.support.databases import Original
from tests.support.refusals import refused
from tests.support.service import ORIGIN, Gatepost, started

CLIENTS = {
    "v1": (v1.ServerReflectionClient, RequestV1),
    "v1alpha": (v1alpha.ServerReflectionClient, RequestV1Alpha),
}
EVERY_RPC = sorted([*POLICIES, *REFLECTION])
SERVICES = sorted({rpc.partition("/")[0] for rpc in EVERY_RPC})
PRODUCTION = {"environment": "production", "public_url": "https://accounts.example.test"}
ALL = ("list_services", "")
each_version = pytest.mark.parametrize("version", CLIENTS)


@each_version
@pytest.mark.parametrize("protocol", [ProtocolType.CONNECT, ProtocolType.GRPC_WEB, ProtocolType.GRPC])
async def test_it_lists_every_service(gatepost: Gatepost, version: str, protocol: ProtocolType) -> None:
    (listed,) = await _ask(gatepost, version, ALL, protocol=protocol)
    assert [each.name for each in listed.service] == SERVICES


@each_version
async def test_google_builds_every_method_from_what_it_tells(gatepost: Gatepost, version: str) -> None:
    answers = await _ask(gatepost, version, *[("file_containing_symbol", name) for name in SERVICES])
    files = [FileDescriptorProto.FromString(file) for answer in answers for file in answer.file_descriptor_proto]
    pool = _pool({file.name: file for file in files})
    methods = [(name, method.name) for name in SERVICES for method in pool.FindServiceByName(name).methods]
    assert sorted(f"{service}/{method}" for service, method in methods) == EVERY_RPC


async def test_the_rules_of_the_fields_are_told_too(gatepost: Gatepost) -> None:
    rules_of_a_field = ExtensionRequest(containing_type="google.protobuf.FieldOptions", extension_number=1159)
    (answer,) = await _ask(gatepost, "v1", ("file_containing_extension", rules_of_a_field))
    assert any(b"buf/validate/validate.proto" in file for file in answer.file_descriptor_proto)


async def test_one_stream_takes_many_questions(gatepost: Gatepost) -> None:
    _, unknown, listed = await _ask(gatepost, "v1", ALL, ("file_containing_symbol", "no.such.Thing"), ALL)
    assert unknown.error_code == 5
    assert [each.name for each in listed.service] == SERVICES


async def test_a_question_that_asks_nothing_is_refused(gatepost: Gatepost) -> None:
    with refused(Code.INVALID_ARGUMENT, "UNDECODABLE"):
        await _ask(gatepost, "v1", None)


@each_version
@pytest.mark.parametrize("settings", [{"reflection": "off"}, PRODUCTION])
async def test_where_it_is_off(tmp_path: Path, migrated: Original, settings: dict[str, str], version: str) -> None:
    async with started(tmp_path, migrated, **settings) as gatepost:
        with pytest.raises(ConnectError) as caught:
            await _ask(gatepost, version, ALL)
        assert caught.value.code is Code.UNIMPLEMENTED


@each_version
async def test_it_can_be_turned_on_in_production(tmp_path: Path, migrated: Original, version: str) -> None:
    async with started(tmp_path, migrated, **PRODUCTION, reflection="on") as gatepost:
        assert await _ask(gatepost, version, ALL)


async def _ask(
    gatepost: Gatepost,
    version: str,
    *questions: tuple[str, Any] | None,
    protocol: ProtocolType = ProtocolType.GRPC,
) -> list[Any]:
    """What one stream answers to these questions."""
    client, request = CLIENTS[version]

    async def asked() -> AsyncIterator[Any]:
        for question in questions:
            yield request(message_request=Oneof(*question) if question else None)

    reflecting = client(ORIGIN, http_client=Client(ASGITransport(gatepost.app)), protocol=protocol)
    return [answer.message_response.value async for answer in reflecting.server_reflection_info(asked())]


def _pool(files: dict[str, FileDescriptorProto]) -> DescriptorPool:
    """Google's runtime with these files, each after those it needs."""
    pool, added = DescriptorPool(), set[str]()

    def add(name: str) -> None:
        if name not in added:
            added.add(name)
            for needed in files[name].dependency:
                add(needed)
            pool.Add(files[name])

    for name in files:
        add(name)
    return pool
