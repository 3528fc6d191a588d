"""Log lines: JSON on standard output and nowhere else, UTC, one event a line, and never a secret (ASVS 16.2).

Nothing logs an exception's text, a body, a header's value or an address: they hold passwords, tokens and SQL. What is
said of a failure is its type and where it happened.
"""

import logging
import sys
import threading
import traceback
from contextlib import suppress
from types import TracebackType
from typing import Any

import structlog


def configure(level: str) -> None:
    """Set up the process's logging once, from the command line's entry; tests capture events instead."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        logger_factory=_Output,
    )
    # Libraries log through `logging`, with texts we have not read: only their name and level pass.
    logging.basicConfig(level=logging.WARNING, handlers=[_Bare()], force=True)
    logging.captureWarnings(True)
    # Python would print what nobody caught to standard error, text and all (ASVS 16.5.4).
    sys.excepthook = _uncaught
    sys.unraisablehook = lambda met: _uncaught(met.exc_type, met.exc_value, met.exc_traceback)
    threading.excepthook = lambda met: _uncaught(met.exc_type, met.exc_value, met.exc_traceback)


class _Output:
    """Standard output, a line at a time and whole.

    Where it cannot be written, a full disk or a reader that is gone, the line is lost: a call that failed for it, after
    its write was committed perhaps, would be worse.
    """

    def __init__(self, *_: Any) -> None:
        pass

    def msg(self, line: str) -> None:
        with suppress(OSError, ValueError):
            sys.stdout.write(line + "\n")
            sys.stdout.flush()

    debug = info = warning = error = critical = msg


def _uncaught(kind: type[BaseException], error: BaseException | None, _: TracebackType | None) -> None:
    said = describe(error) if error else {"error_type": kind.__qualname__}
    structlog.get_logger().critical("uncaught", **said)


class _Bare(logging.Handler):
    """Reports that a library complained, without its words."""

    def emit(self, record: logging.LogRecord) -> None:
        said = describe(record.exc_info[1]) if record.exc_info and record.exc_info[1] else {}
        structlog.get_logger().warning("library_log", logger=record.name, severity=record.levelname, **said)


def describe(error: BaseException) -> dict[str, Any]:
    """The type of an exception, of what caused it, and the code it came through, innermost last."""
    frames = traceback.extract_tb(error.__traceback__, limit=-12)
    cause = error.__cause__ or error.__context__
    described: dict[str, Any] = {
        "error_type": type(error).__qualname__,
        "where": [f"{'/'.join(frame.filename.split('/')[-3:])}:{frame.lineno} {frame.name}" for frame in frames],
    }
    if cause is not None:
        described["cause_type"] = type(cause).__qualname__
    return described
