"""Message interceptors: what happens around every handler once its message is decoded.

connectrpc silently skips an interceptor for the kinds of call whose method it lacks, so `Validate` has all four.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing
from typing import Any

from protobuf import Message
from protovalidate import Validator, Violation

from app.core.errors import FieldProblem, InvalidFields
from app.rpc.access import Policy
from app.rpc.caller import Context
from app.rpc.errors import as_refusal
from app.rpc.refused import note_unheard
from app.rpc.within import within

Unary = Callable[[Any, Context], Awaitable[Any]]
Streaming = Callable[[Any, Context], AsyncGenerator[Any, None]]


class Validate:
    """Holds every request message against the field rules that stand in the protos."""

    def __init__(self) -> None:
        self._validator = Validator()

    async def intercept_unary(self, call_next: Unary, request: Any, ctx: Context, /) -> Any:
        self._check(request)
        return await call_next(request, ctx)

    async def intercept_server_stream(self, call_next: Streaming, request: Any, ctx: Context, /) -> AsyncIterator[Any]:
        self._check(request)
        # Otherwise a handler whose reader is gone would be cleaned up by the garbage collector, at some later time.
        async with aclosing(call_next(request, ctx)) as responses:
            async for response in responses:
                yield response

    async def intercept_client_stream(self, call_next: Unary, request: AsyncIterator[Any], ctx: Context, /) -> Any:
        return await call_next(self._each(request), ctx)

    def intercept_bidi_stream(
        self, call_next: Streaming, request: AsyncIterator[Any], ctx: Context, /
    ) -> AsyncIterator[Any]:
        return call_next(self._each(request), ctx)

    async def _each(self, messages: AsyncIterator[Any]) -> AsyncIterator[Any]:
        async for message in messages:
            self._check(message)
            yield message

    def _check(self, message: Message[Any]) -> None:
        if violations := self._validator.collect_violations(message):
            raise InvalidFields(tuple(_problem(each) for each in violations))


def _problem(violation: Violation) -> FieldProblem:
    """The path and the rule's words; never the violation itself, which holds the refused value."""
    told = violation.proto
    path = ""
    for element in told.field.elements if told.field else ():
        path += f".{element.field_name}" if path else element.field_name
        if element.subscript is not None and element.subscript.field == "index":
            path += f"[{element.subscript.value}]"
    return FieldProblem(path, told.message or told.rule_id)


class RunToEnd:
    """Lets a handler that writes finish although its client hung up or its deadline passed.

    connectrpc cancels the handler at whatever await it stands, also between a commit and what must follow it. Here the
    call waits for its handler and may stop waiting; the handler itself is never cut short (design: whole or absent).
    """

    def __init__(self, policies: Mapping[str, Policy], seconds: float) -> None:
        self._policies = policies
        self._seconds = seconds
        self._running: set[asyncio.Task[Any]] = set()

    async def intercept_unary(self, call_next: Unary, request: Any, ctx: Context, /) -> Any:
        reads = self._policies[f"{ctx.method.service_name}/{ctx.method.name}"].reads
        call = call_next(request, ctx)
        if reads:
            return await within(self._seconds, call)
        task = asyncio.ensure_future(call)
        self._running.add(task)
        task.add_done_callback(self._ended)
        try:
            return await within(self._seconds, asyncio.shield(task))
        except asyncio.CancelledError:
            task.add_done_callback(_unheard)
            raise
        except TimeoutError:
            if not task.done():  # or it is the handler's own, and is heard
                task.add_done_callback(_unheard)
            raise

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # looked at, so that asyncio does not print the traceback of a call nobody waits for

    async def settle(self, seconds: float) -> None:
        """At shutdown: wait for what still runs."""
        if self._running:
            await asyncio.wait(self._running, timeout=seconds)


def _unheard(task: asyncio.Task[Any]) -> None:
    """Nobody raises any more what this call failed with, so it is logged here."""
    if not task.cancelled() and (error := task.exception()) is not None:
        note_unheard(as_refusal(error))
