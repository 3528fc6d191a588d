"""How tests reach buf and its plug-ins, which are installed beside the Python that runs them, and for the console."""

from __future__ import annotations

import os
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
CONSOLE_TOOLS = ROOT / "web/node_modules/.bin"


def environment() -> dict[str, str]:
    return {
        **os.environ,
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), str(CONSOLE_TOOLS), os.environ["PATH"]]),
    }
