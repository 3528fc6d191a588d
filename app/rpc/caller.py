"""Who calls, as the guard found out, for the handlers of the same call."""

from contextvars import ContextVar, Token
from typing import Any

from connectrpc.request import RequestContext

from app.core.caller import Caller, Client
from app.core.errors import NoCredential
from app.rpc import refused

_caller: ContextVar[Caller | None] = ContextVar("caller", default=None)
_client: ContextVar[Client | None] = ContextVar("client", default=None)

Context = RequestContext[Any, Any]


def arrive(client: Client) -> None:
    """Only the guard calls this, before it decides: a refusal's log line says where the call came from."""
    _client.set(client)
    refused.came_from(client)


def enter(caller: Caller | None) -> Token[Caller | None]:
    """Only the guard calls this: it makes the caller known to what runs below it."""
    return _caller.set(caller)


def leave(entered: Token[Caller | None]) -> None:
    _caller.reset(entered)


def caller_of(_: Context) -> Caller:
    """The authenticated caller. A handler reached around the guard finds none and refuses (ASVS 8.3.1)."""
    caller = _caller.get()
    if caller is None:
        raise NoCredential
    return caller


def client_of(_: Context) -> Client:
    """Where the call comes from."""
    return _client.get() or Client(ip="", user_agent="")
