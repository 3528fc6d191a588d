"""Limits on attempts: so many by one key in so much time, then a refusal that says when to come back.

An attempt is counted before it is made and given back if it was legitimate, so that guesses made in parallel, and
clients that hang up, are counted. What is refused is not counted: hammering on a used-up limit does not prolong it.
"""

from app.limits.keys import UNKNOWN_NETWORK, network_of
from app.limits.limit import Limit, Limits, NoLimits, Per, Ticket, take_all
from app.limits.memory import MemoryLimits
from app.limits.metered import MeteredLimits

__all__ = [
    "UNKNOWN_NETWORK",
    "Limit",
    "Limits",
    "MemoryLimits",
    "MeteredLimits",
    "NoLimits",
    "Per",
    "Ticket",
    "network_of",
    "take_all",
]
