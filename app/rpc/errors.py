"""From refusals to Connect errors: code, sentence and details, in one place.

`TranslateErrors` stands first among the interceptors, so its `on_end` sees what guard, decoder, validation, handler
and a stream in flight raised, and what it raises replaces that. Whatever is not a refusal becomes `internal` with an
error id; the text of an exception never leaves the process, nor does it reach the log.
"""

from collections.abc import Callable, Set
from datetime import timedelta
from math import ceil

from connectrpc.code import Code
from connectrpc.errors import ConnectError
from protobuf import Message
from protobuf.wkt import Duration

from app.core import secrets
from app.core.errors import (
    DeadlinePassed,
    EncodingMissing,
    Refusal,
    TooLarge,
    Undecodable,
    Unforeseen,
    Unimplemented,
)
from app.rpc.caller import Context
from app.rpc.refused import note
from gen.google.rpc.error_details_pb import BadRequest, ErrorInfo, RetryInfo

DOMAIN = "gatepost"

_ONE_MESSAGE = "This method takes one message, as it is or compressed with gzip, and nothing else."
# Whatever connectrpc itself raises is told in our words: its own may echo the input.
_OF_THE_LIBRARY: dict[Code, Callable[[], Refusal]] = {
    Code.INVALID_ARGUMENT: Undecodable,
    Code.RESOURCE_EXHAUSTED: TooLarge,
    Code.DEADLINE_EXCEEDED: DeadlinePassed,
    Code.UNIMPLEMENTED: lambda: Unimplemented(_ONE_MESSAGE),
}


class RefusalAnswer(ConnectError):
    """A refusal in Connect's terms, remembering which, so that it is not translated twice."""

    def __init__(self, refusal: Refusal, *, terse: bool = False) -> None:
        super().__init__(Code(refusal.kind.value), refusal.sentence, () if terse else _details(refusal))
        self.refusal = refusal


class Stated(ConnectError):
    """An error whose code, words and details are meant for the caller, as `extra` services raise it.

    It goes out as it is. Any other ConnectError is translated, since connectrpc's own and careless ones repeat input.
    """


def to_connect_error(refusal: Refusal, *, terse: bool = False) -> RefusalAnswer:
    """`terse` leaves the details out."""
    return RefusalAnswer(refusal, terse=terse)


def _details(refusal: Refusal) -> list[Message]:
    details: list[Message] = [ErrorInfo(reason=refusal.reason, domain=DOMAIN)]
    if refusal.fields:
        violations = [BadRequest.FieldViolation(field=each.path, description=each.sentence) for each in refusal.fields]
        details.append(BadRequest(field_violations=violations))
    if refusal.retry_after is not None:
        delay = Duration.from_timedelta(timedelta(seconds=ceil(refusal.retry_after)))
        details.append(RetryInfo(retry_delay=delay))
    return details


def as_refusal(error: BaseException) -> Refusal:
    """The refusal that an exception amounts to, which for an unforeseen one is an error id in the log."""
    match error:
        case Refusal():
            return error
        case RefusalAnswer():
            return error.refusal
        case ConnectError() if error.code in _OF_THE_LIBRARY:
            return _OF_THE_LIBRARY[error.code]()
        case ConnectError(code=Code.INTERNAL) if error.message.startswith("protocol error"):
            return EncodingMissing()
        case TimeoutError():
            return DeadlinePassed()
    return unforeseen(error)


def unforeseen(error: BaseException) -> Unforeseen:
    """The failure under a new error id, logged at once: what writes the answer may fail as well."""
    refusal = Unforeseen(secrets.new_error_id())
    refusal.__cause__ = error
    note(refusal)
    return refusal


class TranslateErrors:
    """Metadata interceptor, outermost: every error leaves as a Connect error with a reason.

    Save for `terse` services, given by their full names: theirs has neither reason nor other details.
    """

    def __init__(self, terse: Set[str] = frozenset()) -> None:
        self._terse = terse

    async def on_start(self, ctx: Context) -> None:
        return

    async def on_end(self, _: None, ctx: Context, error: Exception | None, /) -> None:
        if error is None:
            return
        if isinstance(error, Stated):
            return
        if isinstance(error, ConnectError) and error.code is Code.CANCELED:
            # The client is gone, as a rule; but a handler may have this from another service, text and all.
            raise ConnectError(Code.CANCELED, "The call was cut short.") from None
        refusal = as_refusal(error)
        if refusal.retry_after is not None:  # a stream that has begun carries it in its details alone
            ctx.response_headers["retry-after"] = str(ceil(refusal.retry_after))
        note(refusal)
        raise to_connect_error(refusal, terse=ctx.method.service_name in self._terse) from None
