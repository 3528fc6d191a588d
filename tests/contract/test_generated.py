"""tools/check_contract.sh passes here, and fails for each thing that it is there to see."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from .commands import ROOT, environment


def test_contract_is_sound_and_generated_code_is_current() -> None:
    checked = check_contract(ROOT)
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize(
    ("path", "before", "after", "complaint"),
    [
        pytest.param("proto/test/v1/test_v1.proto", "// The service answers\n", "", "comment", id="no comment"),
        pytest.param("proto/test/v1/test_v1.proto", "  rpc Ping", "    rpc Ping", "+  rpc Ping", id="badly formatted"),
        pytest.param(
            "proto/tokens/v1/tokens_v1.proto", "string uuid = 1", "string uuid = 2", "deleted", id="breaks clients"
        ),
        pytest.param("proto/tokens/v1/tokens_v1.proto", "lte: 100", "lte: 99", "tokens_v1_pb.py", id="gen/ is stale"),
        pytest.param(
            "web/src/gen/tokens/v1/tokens_v1_pb.ts", "codegenv2", "codegenv1", "tokens_v1_pb.ts", id="web/ is stale"
        ),
        pytest.param("docs/api.md", "Expire an", "End an", "api.md", id="docs/api.md is stale"),
        pytest.param("gen/removed_pb.py", "", "", "removed_pb.py", id="left over in gen/"),
    ],
)
def test_check_sees(project: Path, path: str, before: str, after: str, complaint: str) -> None:
    file = project / path
    text = file.read_text(encoding="utf-8") if file.exists() else ""
    assert before in text
    file.write_text(text.replace(before, after), encoding="utf-8")
    checked = check_contract(project)
    assert checked.returncode != 0
    assert complaint in checked.stdout + checked.stderr


def check_contract(project: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["tools/check_contract.sh"], cwd=project, env=environment(), capture_output=True, text=True, check=False
    )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in ("proto", "gen", "web/src/gen", "docs", "tools"):
        shutil.copytree(ROOT / name, tmp_path / name)
    for name in ("buf.yaml", "buf.gen.yaml"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path
