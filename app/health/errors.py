"""What the health check refuses beside the general refusals.

Refusal
├── ServiceUnknown      not_found
└── TooManyWatchers     resource_exhausted
"""

from app.core.errors import Kind, Refusal


class ServiceUnknown(Refusal):
    kind = Kind.NOT_FOUND
    reason = "SERVICE_UNKNOWN"
    sentence = "There is no such service here. An empty name asks for all of them together."


class TooManyWatchers(Refusal):
    kind = Kind.RESOURCE_EXHAUSTED
    reason = "TOO_MANY_WATCHERS"
    sentence = "Too many clients watch already. Call Check now and then, which is never refused."

    def __init__(self) -> None:
        super().__init__(retry_after=60)
