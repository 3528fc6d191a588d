"""The rows of the benchmark: which call, with which credential, and what is asked of its speed."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from protobuf.wkt import Empty

from bench.load import http_request
from bench.seed import PASSWORD, Holder
from gen.accounts.v1.accounts_v1_pb import SignInRequest, SignUpRequest
from gen.test.v1.test_v1_pb import PingRequest, PongRequest
from gen.tokens.v1.tokens_v1_pb import CreateTokenRequest, GetTokenRequest, TokenMetadata, TokenUUID, UpdateTokenRequest

SQLITE, POSTGRESQL = "SQLite", "PostgreSQL"
CEILING, PING = "bare Ping", "Ping"
ARGON2, COMMIT = "bare argon2id", "bare SQLite commit"
JSON, BINARY = "json", "proto"


class Message(Protocol):
    def to_json(self) -> str: ...
    def to_binary(self) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Target:
    """That a row is at least so fast as a part of another of the same run, with the same codec if that has several."""

    against: str
    at_least: Mapping[str, float]
    """By database; one that is not in it has no target."""
    by_cpu: bool = True
    """Compare requests in a second of CPU time; False where waiting for the disk or for threads is what counts."""


@dataclass(frozen=True, slots=True)
class Row:
    name: str
    rpc: str
    message: Callable[[Holder, str], Message]
    """Of the caller and a word that no call had before."""
    credential: Callable[[Holder], str] = lambda _: ""
    """Lines of the header."""
    warm: bool = False
    """The same call over and over; else each is another holder's."""
    connections: int = 16
    codecs: Sequence[str] = (JSON, BINARY)
    targets: Sequence[Target] = field(default=())
    mails: bool = False
    """Each call queues a letter."""

    @property
    def path(self) -> str:
        return f"/{self.rpc}"

    def requests(self, codec: str, holders: Sequence[Holder], mark: str) -> Iterator[bytes]:
        """`mark` keeps words apart from those of other runs on the same database."""
        # Each codec begins elsewhere, or the second would meet what the first has just warmed and changed.
        first = self.codecs.index(codec) * len(holders) // len(self.codecs)
        callers = holders[:1] if self.warm else [*holders[first:], *holders[:first]]
        for number, holder in enumerate(callers):
            message = self.message(holder, f"{mark}-{number:07}")
            body = message.to_json().encode() if codec == JSON else message.to_binary()
            yield http_request(self.path, body, f"application/{codec}", self.credential(holder))


def cookie(holder: Holder) -> str:
    return f"Cookie: gatepost_session={holder.cookie}\r\n"


def refreshable(holder: Holder) -> str:
    return f"Cookie: gatepost_session={holder.refreshable}\r\n"


def bearer(holder: Holder) -> str:
    return f"Authorization: Bearer {holder.token}\r\n"


_ANYWHERE = {SQLITE: 0.85, POSTGRESQL: 0.85}
_WARM = (Target(PING, _ANYWHERE),)
_COLD = (Target(PING, {SQLITE: 0.50, POSTGRESQL: 0.30}),)
_COMMITS = (Target(COMMIT, {SQLITE: 0.7}, by_cpu=False),)
_PING, _PONG = "test.v1.TestNoAuthService/Ping", "test.v1.TestAuthService/Pong"

PING_ROW = Row(PING, _PING, lambda *_: PingRequest(), warm=True, targets=[Target(CEILING, {SQLITE: 0.90})])
PONG_WARM = Row("Pong, cookie, warm", _PONG, lambda *_: PongRequest(), cookie, warm=True, targets=_WARM)
PONG_COLD = Row("Pong, cookie, cold", _PONG, lambda *_: PongRequest(), cookie, targets=_COLD)
GET_TOKEN = Row(
    "GetToken",
    "tokens.v1.TokensService/GetToken",
    lambda holder, _: GetTokenRequest(token_uuid=TokenUUID(uuid=holder.token_id)),
    cookie,
)
CREATE_TOKEN = Row(
    "CreateToken",
    "tokens.v1.TokensService/CreateToken",
    lambda _, word: CreateTokenRequest(token_metadata=TokenMetadata(name=f"created-{word}")),
    cookie,
    targets=_COMMITS,
    mails=True,
)
REFRESH_SESSION = Row(
    "RefreshSession",
    "accounts.v1.AccountsService/RefreshSession",
    lambda *_: Empty(),
    refreshable,
    targets=_COMMITS,
)
SIGN_IN = Row(
    "SignIn",
    "accounts.v1.PublicAccountsService/SignIn",
    lambda holder, _: SignInRequest(email=holder.address, password=PASSWORD),
    connections=8,
    codecs=(JSON,),
    targets=[Target(ARGON2, {SQLITE: 0.90}, by_cpu=False)],
)

ROWS = (
    PING_ROW,
    PONG_WARM,
    PONG_COLD,
    Row("Pong, token, warm", _PONG, lambda *_: PongRequest(), bearer, warm=True, targets=_WARM),
    Row("Pong, token, cold", _PONG, lambda *_: PongRequest(), bearer, targets=_COLD),
    GET_TOKEN,
    Row(
        "TokenAuthorization",
        "accounts.v1.AccountsService/TokenAuthorization",
        lambda *_: Empty(),
        bearer,
    ),
    CREATE_TOKEN,
    Row(
        "UpdateToken",
        "tokens.v1.TokensService/UpdateToken",
        lambda holder, word: UpdateTokenRequest(
            token_uuid=TokenUUID(uuid=holder.token_id), token_metadata=TokenMetadata(name=f"changed-{word}")
        ),
        cookie,
    ),
    REFRESH_SESSION,
    SIGN_IN,
    Row(
        "SignUp",
        "accounts.v1.PublicAccountsService/SignUp",
        lambda _, word: SignUpRequest(email=f"new-{word}@bench.example", password=PASSWORD),
        connections=8,
        codecs=(JSON,),
        mails=True,
    ),
)
GROWING = (PONG_COLD, GET_TOKEN, CREATE_TOKEN, REFRESH_SESSION, SIGN_IN)
"""Those that are measured at several sizes of the database."""
