"""Log lines as an operator gets them: run in a process of its own, since logging is set up for a whole process."""

import json
import subprocess
import sys
from datetime import datetime, timedelta
from typing import Any

import pytest

from app.core.log import describe

CANARY = "hunter2-canary"

PROGRAM = """
import asyncio, gc, logging, sys
import structlog
from app.core.log import configure, describe

configure(sys.argv[1])
log = structlog.get_logger()
log.debug("debug")
log.info("signed_in", account="a\\nb\\x1b[31m")
log.warning("refused")

def fail(secret):
    raise ValueError(secret)

try:
    fail("hunter2-canary")
except ValueError as error:
    log.error("unforeseen", **describe(error))
    logging.getLogger("library").exception("it said %s", "hunter2-canary")
logging.getLogger("library").info("hunter2-canary")
logging.getLogger("library").warning("hunter2-canary")
logging.getLogger("uvicorn.error").error("hunter2-canary", extra={"x": "hunter2-canary"})

async def main():
    asyncio.ensure_future(later())
    await asyncio.sleep(0)
    gc.collect()

async def later():
    raise KeyError("hunter2-canary")

asyncio.run(main())

import threading, warnings
warnings.warn("hunter2-canary")
thread = threading.Thread(target=fail, args=["hunter2-canary"])
thread.start()
thread.join()

class Dies:
    def __del__(self):
        raise KeyError("hunter2-canary")

Dies()
fail("hunter2-canary")
"""


def test_every_line_is_json_with_a_time_in_utc() -> None:
    for line in lines("debug"):
        assert {"event", "level", "at"} <= set(line)
        at = datetime.fromisoformat(line["at"])
        assert at.utcoffset() == timedelta(0)


@pytest.mark.parametrize(("level", "first"), [("debug", "debug"), ("info", "signed_in"), ("warning", "refused")])
def test_the_level_is_a_setting(level: str, first: str) -> None:
    assert lines(level)[0]["event"] == first


def test_what_was_typed_stays_on_its_line() -> None:
    """ASVS 16.4.1: one event a line, control characters escaped."""
    (line,) = [line for line in lines("info") if line["event"] == "signed_in"]
    assert line["account"] == "a\nb\x1b[31m"


def test_libraries_complain_without_words() -> None:
    found = [line for line in lines("info") if line["event"] == "library_log"]
    assert [(line["logger"], line["severity"], line.get("error_type")) for line in found] == [
        ("library", "ERROR", "ValueError"),
        ("library", "WARNING", None),
        ("uvicorn.error", "ERROR", None),
        ("asyncio", "ERROR", "KeyError"),
        ("py.warnings", "WARNING", None),
    ]


def test_what_nobody_caught_is_a_line_too() -> None:
    """ASVS 16.5.4: in a thread, in a finalizer, and at last in the program itself."""
    found = [line for line in lines("info") if line["event"] == "uncaught"]
    assert [(line["level"], line["error_type"]) for line in found] == [
        ("critical", "ValueError"),
        ("critical", "KeyError"),
        ("critical", "ValueError"),
    ]


def test_a_log_that_cannot_be_written_stops_nothing() -> None:
    with open("/dev/full", "w") as full:
        ended = subprocess.run([sys.executable, "-c", PROGRAM, "info"], stdout=full, stderr=subprocess.PIPE, timeout=30)
    assert ended.stderr == b""
    assert ended.returncode == 1, "it came as far as its last statement"


def test_a_failure_is_described_by_type_and_place() -> None:
    (line,) = [line for line in lines("info") if line["event"] == "unforeseen"]
    assert line["error_type"] == "ValueError"
    assert line["where"][-1].endswith(" fail")


def test_a_description_has_no_words_and_no_folders_of_this_machine() -> None:
    def fail() -> None:
        try:
            raise KeyError(CANARY)
        except KeyError as error:
            raise RuntimeError(CANARY) from error

    with pytest.raises(RuntimeError) as caught:
        fail()
    described = describe(caught.value)
    assert (described["error_type"], described["cause_type"]) == ("RuntimeError", "KeyError")
    assert described["where"][-1].startswith("tests/core/test_log.py:")
    assert CANARY not in repr(described)


def test_a_description_is_bounded() -> None:
    def recurse(depth: int) -> None:
        if depth == 0:
            raise LookupError
        recurse(depth - 1)

    with pytest.raises(LookupError) as caught:
        recurse(100)
    assert len(describe(caught.value)["where"]) == 12


def lines(level: str) -> list[dict[str, Any]]:
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, level], capture_output=True, text=True, timeout=30, check=False
    )
    assert (ended.returncode, ended.stderr) == (1, "")
    assert CANARY not in ended.stdout
    return [json.loads(line) for line in ended.stdout.splitlines()]
