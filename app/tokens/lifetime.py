"""How long a token may live."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from app.core.errors import InvalidField

_FIELD = "token_metadata.expires_at"


@dataclass(frozen=True, slots=True)
class Lifetime:
    default: timedelta
    longest: timedelta

    def end(self, asked: datetime | None, now: datetime) -> datetime:
        """The end that was asked for, or the default one. Raises InvalidField unless it is within (now, longest]."""
        if asked is None:
            return now + self.default
        if asked <= now:
            raise InvalidField(_FIELD, "must be in the future.")
        if asked - now > self.longest:
            raise InvalidField(_FIELD, f"must be at most {self.longest.days} days from now.")
        return asked
