"""Log lines: JSON on standard output, UTC, one event a line, and never a secret.

Nothing logs an exception's text, a body, a header's value or an address: they hold passwords, tokens and SQL. What is
said of a failure is its type and where it happened.
"""

import logging
import sys
import traceback
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
        logger_factory=structlog.WriteLoggerFactory(file=sys.stdout),
    )
    # Libraries log through `logging`, with texts we have not read: only their name and level pass.
    logging.basicConfig(level=logging.WARNING, handlers=[_Bare()], force=True)


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
