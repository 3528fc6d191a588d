"""A server in Node: @connectrpc/connect with messages that protoc-gen-es makes of proto/, over both its transports."""

import json
from pathlib import Path

import pytest

from tests.e2e.programs import node_project, run
from tests.e2e.server import ROOT, Server


@pytest.mark.parametrize("protocol", ["connect", "grpcweb"])
def test_unary_stream_and_error_details(server: Server, project: Path, protocol: str) -> None:
    ran = run("node", "walk.ts", protocol, server.url, folder=project)
    assert ran.status == 0, ran.stderr
    stranger = {"code": "Unauthenticated", "reasons": ["NO_CREDENTIAL"], "fields": []}
    assert json.loads(ran.stdout) == {
        "stranger": stranger,
        "strangersStream": stranger,
        "email": f"{protocol}@example.test",
        "blankName": {"code": "InvalidArgument", "reasons": ["INVALID_FIELD"], "fields": ["token_metadata.name"]},
        "listed": ["newer", "older"],
        "program": {"code": "PermissionDenied", "reasons": ["TOKEN_CANNOT_MANAGE_TOKENS"], "fields": []},
    }


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("node")
    node_project(folder, ROOT / "tests/node/walk.ts")
    return folder
