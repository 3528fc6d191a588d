"""People who use the service, and remember what it acknowledged."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from connectrpc.code import Code
from connectrpc.errors import ConnectError
from protobuf.wkt import Empty
from pyqwest import HTTPTransport, HTTPVersion

from gen.accounts.v1 import accounts_v1_pb as accounts
from gen.google.rpc.error_details_pb import ErrorInfo
from gen.test.v1.test_v1_pb import PongRequest
from gen.tokens.v1 import tokens_v1_pb as tokens
from tests.support.service import Browser

BOUND = 1.0
"""Seconds after which what was revoked is refused everywhere."""
DOCUMENTED = ("THROTTLED", "BUSY", "TOKEN_QUOTA", "LOST_RACE")
"""Refusals that a person may meet who does nothing wrong."""


class Away(Exception):
    """The service could not be reached, or said that it was unavailable: whether the act was done is unknown."""


class Refused(Exception):
    """A documented refusal: nothing was done."""


@dataclass
class Tally:
    """What was answered, over all people."""

    answers: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    """Answers that nobody should have got, and acknowledged things that were gone."""

    async def of(self, act: str, call: Awaitable[Any]) -> Any:
        """The answer to a call of somebody whose credential is good. Raises Away and Refused."""
        try:
            answer = await call
        except ConnectError as error:
            reason = reason_of(error)
            self.answers["unavailable" if error.code is Code.UNAVAILABLE else f"{error.code.value} {reason}"] += 1
            if error.code is Code.UNAVAILABLE:
                raise Away from error
            if reason not in DOCUMENTED:
                self.wrong.append(f"{act}: {error.code.value} {reason} {error.message}")
            raise Refused from error
        self.answers["success"] += 1
        return answer

    async def dead(self, what: str, call: Awaitable[Any]) -> None:
        """A call with what was revoked."""
        try:
            await call
            self.wrong.append(f"{what} still works")
        except ConnectError as error:
            self.answers["unavailable" if error.code is Code.UNAVAILABLE else "refused as revoked"] += 1
            if error.code not in (Code.UNAVAILABLE, Code.UNAUTHENTICATED):
                self.wrong.append(f"{what}: {error.code.value} {reason_of(error)}")


def reason_of(error: ConnectError) -> str:
    infos = [each.value(ErrorInfo) for each in error.details if each.type_name == "google.rpc.ErrorInfo"]
    return "".join(info.reason for info in infos if info)


@dataclass(frozen=True, slots=True)
class Address:
    """Where the service is, and how one gets there."""

    url: str
    authority: bytes | None = None
    """Whose certificates are good, as PEM; None for plain HTTP."""
    network: HTTPTransport = field(init=False)

    def __post_init__(self) -> None:
        # Connections are kept, as browsers and servers do.
        network = HTTPTransport(http_version=HTTPVersion.HTTP1, tls_ca_cert=self.authority, timeout=100)
        object.__setattr__(self, "network", network)

    def browser(self, cookies: Mapping[str, str] = MappingProxyType({}), **headers: str) -> Browser:
        """A client with a cookie jar of its own."""
        made = Browser(self.network, headers, origin=self.url)
        made.jar.cookies.update(cookies)
        return made


@dataclass
class Person:
    """Somebody with an account, a browser and some tokens."""

    address: Address
    email: str
    password: str
    tally: Tally
    at: Browser = field(init=False)
    live: dict[str, str] = field(default_factory=dict)
    """Values of live tokens by UUID, as acknowledged."""
    names: dict[str, str] = field(default_factory=dict)
    doubtful: set[str] = field(default_factory=set)
    """Tokens whose last act nobody acknowledged."""
    dead_values: list[tuple[str, float]] = field(default_factory=list)
    """Values that were revoked, and when that was acknowledged, on the monotonic clock."""
    dead_cookies: list[tuple[dict[str, str], float]] = field(default_factory=list)
    made: int = 0
    maybe_made: int = 0
    """Tokens whose making was acknowledged, and such as may have been made."""

    def __post_init__(self) -> None:
        self.at = self.address.browser()

    async def arrive(self) -> None:
        await self.at.sign_up(self.email, self.password)
        await self.at.sign_in(self.email, self.password)

    async def create(self) -> None:
        name = f"token {self.made + self.maybe_made}"
        self.maybe_made += 1
        asked = tokens.CreateTokenRequest(token_metadata=tokens.TokenMetadata(name=name))
        answer = await self.tally.of("CreateToken", self.at.tokens.create_token(asked))
        self.made, self.maybe_made = self.made + 1, self.maybe_made - 1
        self.live[answer.token_uuid.uuid], self.names[answer.token_uuid.uuid] = answer.token_value.token, name

    async def regenerate(self) -> None:
        token, old = self._some()
        asked = tokens.RegenerateTokenRequest(token_uuid=tokens.TokenUUID(uuid=token))
        answer = await self._about(token, "RegenerateToken", self.at.tokens.regenerate_token(asked))
        self.live[token] = answer.token_value.token
        self.dead_values.append((old, time.monotonic()))

    async def expire(self) -> None:
        token, old = self._some()
        asked = tokens.ForceTokenExpirationRequest(token_uuid=tokens.TokenUUID(uuid=token))
        await self._about(token, "ForceTokenExpiration", self.at.tokens.force_token_expiration(asked))
        del self.live[token]
        self.dead_values.append((old, time.monotonic()))

    async def rename(self) -> None:
        token, _ = self._some()
        name = f"renamed {time.monotonic_ns()}"
        metadata = tokens.TokenMetadata(name=name)
        asked = tokens.UpdateTokenRequest(token_uuid=tokens.TokenUUID(uuid=token), token_metadata=metadata)
        await self._about(token, "UpdateToken", self.at.tokens.update_token(asked))
        self.names[token] = name

    async def use_token(self) -> None:
        _, value = self._some()
        caller = self.address.browser(authorization=f"Bearer {value}")
        await self.tally.of("Pong by token", caller.pong.pong(PongRequest()))

    async def use_session(self) -> None:
        await self.tally.of("Pong by cookie", self.at.pong.pong(PongRequest()))

    async def refresh(self) -> None:
        await self.tally.of("RefreshSession", self.at.accounts.refresh_session(Empty()))

    async def list(self) -> None:
        async def drained() -> None:
            async for _ in self.at.tokens.list_tokens(Empty()):
                pass

        await self.tally.of("ListTokens", drained())

    async def sign_out_and_in(self) -> None:
        old, left = dict(self.at.jar.cookies), self.at
        self.at = self.address.browser()  # whatever becomes of the old one
        try:
            await self.tally.of("SignOut", left.accounts.sign_out(accounts.SignOutRequest()))
            self.dead_cookies.append((old, time.monotonic()))
        finally:
            await self._sign_in()

    async def use_what_is_dead(self) -> None:
        """Of another replica too, once the bound has passed."""
        then = time.monotonic() - BOUND
        if values := [value for value, died in self.dead_values if died < then]:
            caller = self.address.browser(authorization=f"Bearer {values[-1]}")
            await self.tally.dead("a token's old value", caller.pong.pong(PongRequest()))
        if cookies := [value for value, died in self.dead_cookies if died < then]:
            caller = self.address.browser(cookies[-1])
            await self.tally.dead("a session that signed out", caller.pong.pong(PongRequest()))

    async def _sign_in(self) -> None:
        while True:
            try:
                await self.tally.of("SignIn", self.at.sign_in(self.email, self.password))
                return
            except (Away, Refused):
                await asyncio.sleep(0.2)

    async def _about(self, token: str, act: str, call: Awaitable[Any]) -> Any:
        try:
            return await self.tally.of(act, call)
        except Away:
            self.doubtful.add(token)
            self.live.pop(token, None)
            raise

    def _some(self) -> tuple[str, str]:
        """Some live token; raises Refused where there is none."""
        if not self.live:
            raise Refused
        token = list(self.live)[time.monotonic_ns() % len(self.live)]
        return token, self.live[token]


DAY: tuple[Callable[[Person], Awaitable[None]], ...] = (
    *(Person.create, Person.use_token, Person.use_session, Person.use_token, Person.rename, Person.use_session),
    *(Person.create, Person.regenerate, Person.use_what_is_dead, Person.use_token, Person.list, Person.refresh),
    *(Person.expire, Person.use_session, Person.expire, Person.use_what_is_dead, Person.sign_out_and_in),
)
"""What each does over and over."""


async def live_until(person: Person, end: float) -> None:
    """Go on, whatever is answered, until `end` on the monotonic clock."""
    while True:
        for act in DAY:
            if time.monotonic() > end:
                return
            try:
                await act(person)
            except Away:
                await asyncio.sleep(0.05)
            except Refused:
                pass
