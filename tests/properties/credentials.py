"""What lets somebody in, as the model sees it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

GRACE, RECENT = timedelta(seconds=30), timedelta(minutes=10)
READ_SCOPES = ("account:read", "tokens:read")
MANAGE = "tokens:manage"


@dataclass(eq=False)
class Token:
    name: str
    scopes: Sequence[str]
    created: datetime
    ends: datetime
    uuid: str = ""
    value: str | None = None
    hint: str = ""
    regenerated: datetime | None = None

    def give(self, value: str) -> None:
        self.value, self.hint = value, value[:8]

    def live(self, now: datetime) -> bool:
        return now < self.ends

    def good(self, now: datetime) -> bool:
        """Whether it lets anybody in."""
        return self.live(now) and self.value is not None

    @property
    def effective(self) -> Sequence[str]:
        return self.scopes or READ_SCOPES


@dataclass(eq=False)
class Session:
    token: Token | None
    created: datetime
    ends: datetime
    idle_ends: datetime
    rotated: datetime
    values: list[str] = field(default_factory=list)
    """All that the cookie has held, the current one last."""
    previous: str | None = None
    seen: datetime | None = None
    """When the current value first came back after a rotation."""

    def takes_previous(self, now: datetime) -> bool:
        return self.seen is None or now <= self.seen + GRACE

    def good(self, now: datetime) -> bool:
        return now < self.idle_ends and (self.token is None or self.token.good(now))

    def admits(self, cookie: str, now: datetime) -> bool:
        """Whether this is the value to come with, or the one before and still in its grace."""
        return cookie == self.values[-1] or (cookie == self.previous and self.takes_previous(now))


@dataclass(frozen=True)
class Caller:
    token: Token | None
    session: Session | None

    @property
    def interactive(self) -> bool:
        return self.token is None

    @property
    def ends(self) -> datetime:
        return min(each for each in (self.token and self.token.ends, self.session and self.session.idle_ends) if each)

    def may(self, scope: str) -> bool:
        return self.token is None or scope in self.token.effective

    def reaches(self, token: Token) -> bool:
        """Whether it may manage such a token."""
        within = all(scope != MANAGE and self.may(scope) for scope in token.effective)
        return self.interactive or (self.may(MANAGE) and within)

    def recent(self, now: datetime) -> bool:
        return self.interactive and self.session is not None and now <= self.session.created + RECENT
