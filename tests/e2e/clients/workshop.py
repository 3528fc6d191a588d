"""What clients need besides gen/, generated anew from proto/ as their users would."""

from pathlib import Path

from tests.e2e.clients.connect_python import SYNCHRONOUS
from tests.e2e.programs import node_project, run
from tests.e2e.server import ROOT

_PYTHON = (
    '{"version": "v2", "plugins": [{"local": "protoc-gen-py", "out": "%s"},'
    ' {"local": "protoc-gen-connectrpc", "out": "%s", "opt": "io=sync"}]}'
)


def set_up(folder: Path) -> None:
    """Make `folder` a Node project that can run caller.ts, and put the synchronous Python client beside it."""
    node_project(folder, *(ROOT / "tests/node").glob("*.*ts"), ROOT / "tests/node/browser.mjs")
    generated = run(
        "buf", "generate", str(ROOT / "proto"), "--template", _PYTHON % (SYNCHRONOUS, SYNCHRONOUS), folder=folder
    )
    assert generated.status == 0, generated.stderr
