"""The walk that every client does. Each step is a column of the table in docs/protocols.md."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

from tests.e2e.clients.call import Answer, Call, Client, Refused

PASSWORD = "correct horse battery"
SIGN_UP = "accounts.v1.PublicAccountsService/SignUp"
SIGN_IN = "accounts.v1.PublicAccountsService/SignIn"
GET_ACCOUNT = "accounts.v1.AccountsService/GetAccount"
CREATE_TOKEN = "tokens.v1.TokensService/CreateToken"
LIST_TOKENS = "tokens.v1.TokensService/ListTokens"
PONG = "test.v1.TestAuthService/Pong"
DEADLINE = 0.1
"""Seconds."""


class Walk:
    """Somebody with an address of their own, walking from sign-up to a deadline that passes."""

    def __init__(self, client: Client, email: str, writes_held: Callable[[], AbstractContextManager[None]]) -> None:
        self._client = client
        self._email = email
        self._writes_held = writes_held
        self._token = ""

    def unary(self) -> None:
        assert self._client(Call(SIGN_UP, {"email": self._email, "password": PASSWORD})) == Answer([{}])

    def cookie(self) -> None:
        signed_in = self._client(Call(SIGN_IN, {"email": self._email, "password": PASSWORD}, session=True))
        assert signed_in == Answer([{}])
        (account,) = self._messages(Call(GET_ACCOUNT, session=True))
        assert account["data"]["email"] == self._email

    def token(self) -> None:
        (older,), _ = (self._messages(_creation(name)) for name in ("older", "newer"))
        self._token = older["tokenValue"]["token"]
        (account,) = self._messages(Call(GET_ACCOUNT, token=self._token))
        assert account["tokenUuid"] == older["tokenUuid"]["uuid"]

    def stream(self) -> None:
        listed = self._messages(Call(LIST_TOKENS, token=self._token))
        assert [token["tokenMetadata"]["name"] for token in listed] == ["newer", "older"]

    def error_details(self) -> None:
        stranger = Answer(refused=Refused("unauthenticated", ["NO_CREDENTIAL"]))
        assert self._client(Call(PONG)) == stranger
        assert self._client(Call(LIST_TOKENS)) == stranger
        refused = Refused("invalid_argument", ["INVALID_FIELD"], ["token_metadata.name"])
        assert self._client(_creation(" ")) == Answer(refused=refused)

    def deadline(self) -> None:
        """Told by whoever is faster: the server, with its reason, or the client's own clock."""
        with self._writes_held():
            refused = self._client(_creation("late", timeout=DEADLINE)).refused
        assert refused in (Refused("deadline_exceeded", ["DEADLINE"]), Refused("deadline_exceeded"))

    def _messages(self, call: Call) -> list[Any]:
        answer = self._client(call)
        assert answer.refused is None
        return answer.messages


STEPS: Mapping[str, Callable[[Walk], None]] = {
    "unary": Walk.unary,
    "cookie": Walk.cookie,
    "token": Walk.token,
    "stream": Walk.stream,
    "error details": Walk.error_details,
    "deadline": Walk.deadline,
}
"""By what heads their column, in the order in which they are taken."""


def failures(walk: Walk) -> dict[str, Exception]:
    """Take all steps, and tell which of them failed."""
    failed = {}
    for name, step in STEPS.items():
        try:
            step(walk)
        except Exception as error:
            failed[name] = error
    return failed


def _creation(name: str, timeout: float | None = None) -> Call:
    # ProtoJSON takes a field's name in the proto, too; curl sends it as it stands here.
    return Call(CREATE_TOKEN, {"token_metadata": {"name": name}}, session=True, timeout=timeout)
