"""Assertions about refusals."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
from connectrpc.code import Code
from connectrpc.errors import ConnectError

from gen.google.rpc.error_details_pb import BadRequest, ErrorInfo, RetryInfo


@dataclass
class Told:
    """What a refusal told, once the block has ended."""

    sentence: str = ""
    fields: list[str] = field(default_factory=list)
    retry_after: float | None = None


@contextmanager
def refused(code: Code, reason: str, *, fields: list[str] | None = None) -> Iterator[Told]:
    """The block's call is refused with this code and reason, and, if given, for exactly these field paths."""
    told = Told()
    with pytest.raises(ConnectError) as caught:
        yield told
    error = caught.value
    infos = [
        info for detail in error.details if (info := detail.value(ErrorInfo)) and detail.type_name.endswith("ErrorInfo")
    ]
    assert (error.code, [info.reason for info in infos]) == (code, [reason]), error.message
    assert infos[0].domain == "gatepost"
    told.sentence = error.message
    for detail in error.details:
        if detail.type_name == "google.rpc.BadRequest" and (request := detail.value(BadRequest)):
            told.fields = [violation.field for violation in request.field_violations]
        if (
            detail.type_name == "google.rpc.RetryInfo"
            and (told_wait := detail.value(RetryInfo))
            and told_wait.retry_delay
        ):
            told.retry_after = told_wait.retry_delay.to_seconds()
    if fields is not None:
        assert told.fields == fields
