"""One call, as every client is asked for it and as every client answers: messages in the JSON of ProtoJSON."""

from base64 import b64decode
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gen.google.rpc.error_details_pb import BadRequest, ErrorInfo


@dataclass(frozen=True, slots=True)
class Call:
    rpc: str
    """package.Service/Method"""
    message: dict[str, Any] = field(default_factory=dict)
    session: bool = False
    """Whether the session cookie, if there is one, is sent, and a new one kept, as a browser does it."""
    token: str = ""
    timeout: float | None = None
    """Seconds after which the client wants no answer any more."""


@dataclass(frozen=True, slots=True)
class Refused:
    """What a client's own means tell of an error."""

    code: str
    """In the spelling of Connect: invalid_argument"""
    reasons: list[str] = field(default_factory=list)
    fields: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Answer:
    messages: list[Any] = field(default_factory=list)
    """One, or those of the stream up to its end or error."""
    refused: Refused | None = None


Client = Callable[[Call], Answer]


@dataclass(frozen=True, slots=True)
class Way:
    """One way to call Gatepost: a line of the table in docs/protocols.md, over one version of HTTP."""

    client: str
    protocol: str
    codec: str
    http: str
    open: "Open" = field(repr=False)

    def __str__(self) -> str:
        return f"{self.client}, {self.protocol}, {self.codec}, HTTP/{self.http}"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a client works, and the service that it calls."""

    url: str
    folder: Path
    """Its own."""
    workshop: Path
    """For all of them: a Node project, and a Python package besides gen/ (tests/e2e/clients/workshop.py)."""


Open = Callable[[Way, Place], AbstractContextManager[Client]]


class Jar:
    """Keeps the session cookie for clients without a jar, and writes a call's credential as headers."""

    def __init__(self) -> None:
        self._cookie = ""

    def headers(self, call: Call) -> dict[str, str]:
        headers = {"cookie": self._cookie} if call.session and self._cookie else {}
        return headers | ({"authorization": f"Bearer {call.token}"} if call.token else {})

    def keep(self, set_cookies: Iterable[str]) -> None:
        for line in set_cookies:
            self._cookie = line.partition(";")[0]


def refused(code: str, details: Sequence[tuple[str, bytes]]) -> Refused:
    """Of error details by their type, for clients that hand them out as bytes."""
    infos = [ErrorInfo.from_binary(value) for name, value in details if name == "google.rpc.ErrorInfo"]
    requests = [BadRequest.from_binary(value) for name, value in details if name == "google.rpc.BadRequest"]
    fields = [violation.field for request in requests for violation in request.field_violations]
    return Refused(code, [info.reason for info in infos], fields)


def refused_in_json(error: Any) -> Refused:
    """Of an error in Connect's JSON, which buf curl writes for every protocol."""
    details = [(each["type"], b64decode(each["value"] + "==")) for each in error.get("details", [])]
    return refused(error["code"], details)
