"""What leaves the service, and the port that it leaves by."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Protocol
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail ready to go, with what a log may tell of it: neither recipient nor text."""

    id: UUID
    template: str
    message: EmailMessage


Send = Callable[[Letter], Awaitable[None]]
"""Returns once the other side is responsible for the letter, and raises whatever kept it from being so.

The same letter can come again: mail is sent at least once.
"""


class Sender(Protocol):
    def opened(self) -> AbstractAsyncContextManager[Send]:
        """For one pass over the outbox: what the first letter opens serves the others, and is closed in the end."""
        ...


class Refused(Exception):
    """The other side says that it will never take this letter, however often it comes."""


class ServerAway(Exception):
    """No letter can be handed in at present. `why` is for the operator, in words of ours."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why
