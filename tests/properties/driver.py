"""Calls the real application by hand, ASGI message by ASGI message, and lets nothing pass that must never happen."""

import asyncio
import gc
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import Any

from starlette.types import Message
from structlog.testing import capture_logs

from gen.test.v1.test_v1_pb import PingRequest, PongRequest
from tests.properties.answers import NO_EXCUSE, OK, Told, told
from tests.properties.contents import CANARY
from tests.properties.ways import Headers, Way
from tests.rpc.asgi import arriving, collecting, http_scope
from tests.support.databases import Original
from tests.support.service import COOKIE, Browser, Gatepost, started
from tests.tokens.calls import create, id_of, value_of

OWN_TOKEN = "018f0000-0000-7000-8000-00000000c0de"
"""Stands in a request for the UUID of the token that the caller holds; both have the same length."""
KNOWN = "known@example.test"
"""The address of an account whose password is PASSWORD."""

_TRAILERS = {"http_version": "2", "extensions": {"http.response.trailers": {}}}
_SPEND_SESSIONS = {"SignIn", "SignOut"}
_SPEND_TOKENS = {"ForceTokenExpiration", "RegenerateToken", "UpdateToken"}


class Credential(Enum):
    NONE = "none"
    SESSION = "session"
    TOKEN = "token"


class Driver:
    """A started service, its callers, and the loop in which all calls run."""

    def __init__(self, gatepost: Gatepost, runner: asyncio.Runner, library_logs: list[logging.LogRecord]) -> None:
        self.gatepost = gatepost
        self.runner = runner
        self._library_logs = library_logs
        self._bystander: Browser | None = None
        self._caller: Browser | None = None
        self._token: tuple[str, str] | None = None
        self.people = iter(range(1_000_000))

    def headers(self, credential: Credential) -> list[tuple[bytes, bytes]]:
        """What presents it. One that an earlier call has used up is replaced."""
        if credential is Credential.NONE:
            return []
        if credential is Credential.SESSION:
            self._own_session()
            return self._cookie()
        return [(b"authorization", f"Bearer {self._own_token()[1]}".encode())]

    def call(self, way: Way, parts: Sequence[bytes], headers: Headers = (), **scope: Any) -> Told:
        """One call with a whole body, and what it was told. A Content-Type among the headers takes the way's place."""
        answer = told(way.declared(headers), self.send(way, parts, headers, **scope))
        assert answer.reason not in NO_EXCUSE
        assert answer.code == OK or not answer.repeats(CANARY.encode())
        if answer.code == OK and way.method.name in _SPEND_TOKENS and any(OWN_TOKEN.encode() in part for part in parts):
            self._token = None
        if answer.code == OK and way.method.name in _SPEND_SESSIONS and set(headers) & set(self._cookie()):
            self._caller = self._token = None
        return answer

    def send(
        self,
        way: Way,
        parts: Sequence[bytes],
        headers: Headers = (),
        *,
        whole: bool = True,
        hangs_up: bool = False,
        **scope: Any,
    ) -> list[Message]:
        """What the application sent. A client `hangs_up` right after the parts; they may not be the `whole` body."""
        if any(OWN_TOKEN.encode() in part for part in parts):
            parts = [part.replace(OWN_TOKEN.encode(), self._own_token()[0].encode()) for part in parts]
        named = {name for name, _ in headers}
        usual = [(b"host", b"gatepost.test"), (b"content-type", way.tongue.content_type.encode())]
        given = [*(pair for pair in usual if pair[0] not in named), *headers]
        if way.endless:
            given += [
                (name.encode(), value.encode())
                for name, value in way.tongue.deadline().items()
                if "timeout" in name and value
            ]
        scope = {**(_TRAILERS if way.native else {}), "method": "POST", "path": way.path, **scope}
        with self._silence():
            return self.runner.run(_exchange(self.gatepost, {**scope, "headers": given}, parts, whole, hangs_up))

    def still_serves(self) -> None:
        """Somebody who was there before any of the calls is served as ever."""
        self.runner.run(self._serves_the_bystander())

    async def _serves_the_bystander(self) -> None:
        self._bystander = self._bystander or await self.gatepost.session("bystander@example.test")
        await self._bystander.ping.ping(PingRequest())
        await self._bystander.pong.pong(PongRequest())

    def _cookie(self) -> list[tuple[bytes, bytes]]:
        return [(b"cookie", f"{COOKIE}={self._caller.session}".encode())] if self._caller else []

    def _own_session(self) -> Browser:
        if self._caller is None:
            self._caller = self.runner.run(self.gatepost.session(f"caller{next(self.people)}@example.test"))
        return self._caller

    def _own_token(self) -> tuple[str, str]:
        """UUID and value of a token of the same account."""
        if self._token is None:
            made = self.runner.run(create(self._own_session().tokens, f"own {next(self.people)}"))
            self._token = id_of(made), value_of(made)
        return self._token

    @contextmanager
    def _silence(self) -> Iterator[None]:
        """Nothing is logged but what is foreseen, and never what came in."""
        with capture_logs() as logs:
            yield
        assert not [each for each in logs if each["event"] == "unforeseen" or each["log_level"] == "error"]
        assert CANARY not in repr(logs)
        assert [record.getMessage() for record in self._library_logs] == []


async def _exchange(
    gatepost: Gatepost, scope: Mapping[str, Any], parts: Sequence[bytes], whole: bool, hangs_up: bool
) -> list[Message]:
    sent: list[Message] = []
    gone = asyncio.Event()
    if hangs_up:
        gone.set()
    async with asyncio.timeout(20):
        await gatepost.app(http_scope(**scope), arriving(*parts, whole=whole, hang_up=gone), collecting(sent))
    return sent


@contextmanager
def driving(folder: Path, migrated: Original, **changes: Any) -> Iterator[Driver]:
    """A service with one account, KNOWN. `changes` are settings."""
    gc.collect()  # what earlier tests left unclosed is complained of when it is found, and not of us
    logs = _Kept(logging.WARNING)
    logging.getLogger().addHandler(logs)
    service = started(folder, migrated, **{"token_quota": 1_000_000, "trusted_proxies": ("192.0.2.1",), **changes})
    with asyncio.Runner() as runner:
        driver = Driver(runner.run(service.__aenter__()), runner, logs.records)
        try:
            runner.run(driver.gatepost.session(KNOWN))
            yield driver
        finally:
            logging.getLogger().removeHandler(logs)
            runner.run(service.__aexit__(None, None, None))


class _Kept(logging.Handler):
    """Keeps what libraries say: it would reach an operator's log."""

    def __init__(self, level: int) -> None:
        super().__init__(level)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)
