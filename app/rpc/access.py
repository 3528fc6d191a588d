"""The terms in which `app.policy` says who may call what."""

from dataclasses import dataclass
from enum import Enum, auto

from app.limits import Limit


class Who(Enum):
    ANYONE = auto()
    """No credential is looked at."""
    CREDENTIAL = auto()
    """A session, a token, or a session made from a token."""
    SESSION = auto()
    """An interactive session: no token, and no session made from one."""
    COOKIE = auto()
    """A session of either sort, never Bearer."""
    BEARER = auto()
    """A token presented as Bearer, and nothing else."""


@dataclass(frozen=True, slots=True)
class Policy:
    """One RPC's row: who may call it, with which scope, how often, and whether it changes anything."""

    who: Who
    scope: str | None = None
    """What a token needs; a rule that depends on the request stands in the flow."""
    reads: bool = False
    """Changes nothing, so it may be cut short when its client hangs up; everything else runs to its end."""
    limits: tuple[Limit, ...] = ()
    """Counted in the flow, which knows what was tried and how it ended. One by client alone is also looked at by the
    guard, so that who has used it up is refused before the body is read."""
