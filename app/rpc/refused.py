"""The log line of a refused call: one, from this page, whatever refused it and however often the client tries.

Denied access, throttling and attempts to get round the rules are for operators to see (ASVS 16.3.2, 16.3.3). A line
holds nothing that the client wrote: the RPC is one of ours or none, the address is where the call came from.
"""

from contextvars import ContextVar, Token
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import structlog

from app.core.caller import Caller, Client
from app.core.errors import BadToken, Refusal, Unavailable, Unforeseen
from app.core.log import describe

_log = structlog.get_logger()


@dataclass(slots=True)
class Call:
    """What a line may say of the call in progress; each layer adds what it finds out."""

    rpc: str | None
    """None where the path is none of ours: it is the client's to write."""
    client: Client | None = None
    account_id: UUID | None = None
    refusal: Refusal | None = None
    """What was logged already."""


_call: ContextVar[Call | None] = ContextVar("call", default=None)


def begin(call: Call) -> Token[Call | None]:
    """Only the front calls this: whatever is refused up to `end` belongs to this call."""
    return _call.set(call)


def end(begun: Token[Call | None]) -> None:
    _call.reset(begun)


def came_from(client: Client) -> None:
    if call := _call.get():
        call.client = client


def known(caller: Caller) -> Caller:
    """Note whose credential was presented, also where it then turns out not to be enough."""
    if call := _call.get():
        call.account_id = caller.account_id
    return caller


def note(refusal: Refusal) -> None:
    """Log the refusal, unless this call's line is written. An unforeseen failure is never left out for another line."""
    call = _call.get() or Call(rpc=None)
    if call.refusal is refusal or (call.refusal is not None and not isinstance(refusal, Unforeseen)):
        return
    call.refusal = refusal
    _write("refused", call, refusal)


def note_unheard(refusal: Refusal) -> None:
    """Log how a call ended whose client no longer listens: a guess is one whether or not the answer was awaited."""
    if not isinstance(refusal, Unforeseen):  # which was logged when it was met
        _write("refused_unheard", _call.get() or Call(rpc=None), refusal)


def _write(event: str, call: Call, refusal: Refusal) -> None:
    account_id = refusal.account_id or call.account_id
    said: dict[str, Any] = {
        "rpc": call.rpc,
        "client": call.client.ip if call.client else "",
        "account": str(account_id) if account_id else None,
    }
    if isinstance(refusal, Unforeseen):
        _log.error("unforeseen", **said, error_id=refusal.error_id, **describe(refusal.__cause__ or refusal))
        return
    said |= {"code": refusal.kind.value, "reason": refusal.reason}
    if isinstance(refusal, Unavailable):
        # A database that is away and one that lacks a table look alike to clients; not to whoever has to mend it.
        _log.warning(event, **said, **describe(refusal))
    elif isinstance(refusal, BadToken):
        _log.debug(event, **said)  # the guard has logged it, within bounds
    else:
        _log.info(event, **said)
