"""`gatepost health`, for whatever watches a container."""

import json
import sys
from http.client import HTTPConnection, HTTPException

import typer

from app.core.config import ConfigError, load_settings

PATIENCE = 3.0
"""Seconds for the answer."""
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104  where to ask one that listens there


def health() -> None:
    """Ask the Gatepost that runs with these settings on this machine whether it serves: exit code 0, else 1."""
    try:
        settings = load_settings()
    except ConfigError as error:
        print(*error.problems, sep="\n", file=sys.stderr)
        raise typer.Exit(code=2) from None
    connection = HTTPConnection(_EVERYWHERE.get(settings.host, settings.host), settings.port, timeout=PATIENCE)
    try:
        connection.request("POST", "/grpc.health.v1.Health/Check", b"{}", {"content-type": "application/json"})
        answer = connection.getresponse()
        status = json.loads(answer.read()).get("status", f"HTTP status {answer.status}")
    except (OSError, HTTPException, ValueError) as error:
        status = f"no answer ({type(error).__name__})"
    finally:
        connection.close()
    print(status)
    raise typer.Exit(code=0 if status == "SERVING" else 1)
