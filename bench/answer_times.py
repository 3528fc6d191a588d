"""Compare how long answers take for addresses that have an account and for such as have none (ASVS 6.3.8).

    python -m bench.answer_times [ROUNDS]       400 by default, some 30 s a case on an idle machine

The server is a process of its own as `make run` starts it, without limits, which would end the measurement at the fifth
call. Each round asks once about either, in turn about the one and the other first. What is told of a case: both
medians; by how much answers about accounts are later (Hodges and Lehmann's estimate); the interval in which that is
with 99.9 % confidence (by the rank test of Mann and Whitney); and the verdict. `alike`: the interval has zero in it, so
that these rounds tell nothing about who has an account, and its width is what they could have seen. Exits with status 1
if a case tells. The first case compares a thing with itself, which shows the noise of the machine.
"""

import json
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection
from math import sqrt
from pathlib import Path
from statistics import NormalDist, median
from tempfile import TemporaryDirectory

from tests.e2e.server import Server, serving

Message = Mapping[str, object]
ADA, PASSWORD, WRONG = "ada@example.test", "correct horse battery", "not the right password"
SIGN_UP, SIGN_IN, RESET = (
    f"accounts.v1.PublicAccountsService/{name}" for name in ("SignUp", "SignIn", "ResetPassword")
)
CONFIDENCE = 0.999
WARM_UP = 20


@dataclass(frozen=True, slots=True)
class Case:
    """Two sorts of call of one RPC, which must take equally long. Each is made from a number that is new every time."""

    name: str
    rpc: str
    account: Callable[[int], Message]
    """About the address of an account."""
    nobody: Callable[[int], Message]
    settings: Mapping[str, str] = field(default_factory=dict)


CASES = [
    Case(
        "SignIn, the same twice",
        SIGN_IN,
        lambda n: {"email": ADA, "password": f"{WRONG} {n}"},
        lambda n: {"email": ADA, "password": f"{WRONG} {n}"},
    ),
    Case(
        "SignIn",
        SIGN_IN,
        lambda n: {"email": ADA, "password": f"{WRONG} {n}"},
        lambda n: {"email": f"nobody{n}@example.test", "password": f"{WRONG} {n}"},
    ),
    Case(
        "SignUp, hidden",
        SIGN_UP,
        lambda n: {"email": ADA, "password": PASSWORD},
        lambda n: {"email": f"new{n}@example.test", "password": PASSWORD},
        {"SIGN_UP_PRIVACY": "hide"},
    ),
    Case(
        "ResetPassword",
        RESET,
        lambda n: {"data": {"email": ADA}},
        lambda n: {"data": {"email": f"nobody{n}@example.test"}},
    ),
]


@dataclass(frozen=True, slots=True)
class Measured:
    """Milliseconds."""

    case: Case
    account: list[float]
    nobody: list[float]

    @property
    def shift(self) -> tuple[float, float, float]:
        """Of all differences between one of either the middle one, and those that bound it."""
        differences = sorted(one - other for one in self.account for other in self.nobody)
        n, m = len(self.account), len(self.nobody)
        deviation = NormalDist().inv_cdf((1 + CONFIDENCE) / 2) * sqrt(n * m * (n + m + 1) / 12)
        lowest = max(0, round(n * m / 2 - deviation))
        return differences[lowest], median(differences), differences[-1 - lowest]

    @property
    def tells(self) -> bool:
        low, _, high = self.shift
        return not low <= 0 <= high

    def __str__(self) -> str:
        low, middle, high = self.shift
        return (
            f"{self.case.name:<24}{len(self.account):>7}{median(self.account):>10.2f}{median(self.nobody):>10.2f}"
            f"{middle:>+10.3f}   {low:+.3f} to {high:+.3f}   {'TELLS' if self.tells else 'alike'}"
        )


def main() -> int:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    print(f"{'ms':<24}{'rounds':>7}{'account':>10}{'nobody':>10}{'later by':>10}   between")
    measured = []
    for case in CASES:
        with TemporaryDirectory() as folder, serving(Path(folder), LIMITS="off", **case.settings) as server:
            server.post(SIGN_UP, {"email": ADA, "password": PASSWORD})
            measured.append(measure(server, case, rounds))
            print(measured[-1], flush=True)
    return 1 if any(each.tells for each in measured) else 0


def measure(server: Server, case: Case, rounds: int) -> Measured:
    found = Measured(case, [], [])
    connection = HTTPConnection("127.0.0.1", server.port, timeout=60)
    for number in range(-WARM_UP, rounds):
        both = [(case.account, found.account), (case.nobody, found.nobody)]
        for message, times in both if number % 2 else reversed(both):
            took = timed(connection, case.rpc, message(number + WARM_UP))
            if number >= 0:
                times.append(took)
    connection.close()
    return found


def timed(connection: HTTPConnection, rpc: str, message: Message) -> float:
    """Milliseconds from the call to the end of its answer."""
    body = json.dumps(message)
    began = time.perf_counter()
    connection.request("POST", f"/{rpc}", body, {"content-type": "application/json"})
    connection.getresponse().read()
    return (time.perf_counter() - began) * 1000


if __name__ == "__main__":
    sys.exit(main())
