"""Makes each call to the service and to the model, and compares what they tell."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from http.cookies import SimpleCookie
from typing import TypeVar

from tests.properties.answers import Told
from tests.properties.contents import Content
from tests.properties.credentials import Caller, Session, Token
from tests.properties.driver import OWN_TOKEN, Driver
from tests.properties.model import Account, Refused
from tests.properties.ways import WAYS
from tests.support.cases import Tally
from tests.support.service import COOKIE, PASSWORD

T = TypeVar("T")
Presented = tuple[str | None, str | None]
"""Cookie and Bearer token."""
Who = tuple[str, int]
"""A kind of credential, and which of those, counted from the newest back."""


class SideBySide:
    """One account in the service and its model."""

    def __init__(self, driver: Driver, tally: Tally) -> None:
        self._driver = driver
        self._tally = tally
        self._turn = 0
        number = next(driver.people)
        self._from = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"  # or limits by client would meet
        self.clock = driver.gatepost.clock
        self.model = Account(f"person{number}@example.test", PASSWORD, self.clock.now())
        self.cookies = ["", "forged"]
        self.bearers = ["gp_" + "A" * 49]
        self.uuids = ["018f0000-0000-7000-8000-000000000000", OWN_TOKEN]  # nobody's, and another account's
        self.account_id = ""

    def both(
        self, method: str, content: Content, presented: Presented, predicted: Callable[[Callable[[], Caller]], T]
    ) -> tuple[T | None, Told]:
        """What the model predicted, None for a refusal, and what the service told; they agree about the reason."""
        expected, reason = None, ""
        try:
            expected = predicted(lambda: self.model.caller(*presented, self.clock.now()))
        except Refused as refused:
            reason = refused.reason
        answer = self._call(method, content, *presented)
        assert answer.reason == reason
        self._tally["calls that the model predicted"] += 1
        return expected, answer

    def _call(self, method: str, content: Content, cookie: str | None, bearer: str | None) -> Told:
        """Each call goes another way."""
        self._turn += 1
        ways = [way for way in WAYS if way.method.name == method]
        way = ways[self._turn % len(ways)]
        headers = [(b"x-forwarded-for", self._from.encode())]
        headers += [] if cookie is None else [(b"cookie", f"{COOKIE}={cookie}".encode())]
        headers += [] if bearer is None else [(b"authorization", f"Bearer {bearer}".encode())]
        return self._driver.call(way, [way.tongue.body(way.message(content))], headers)

    def presented(self, who: Who) -> Presented:
        """Mostly what is good at this moment, sometimes whatever there has been."""
        (kind, number), now = who, self.clock.now()
        cookie = newest(self.model.cookies(now, good=kind != "lapsed") or self.cookies, number)
        bearer = newest(self.model.bearers(now) or self.bearers, number)
        match kind:
            case "session" | "lapsed":
                return cookie, None
            case "previous":
                return newest(self.model.previous() or [cookie], number), None
            case "token":
                return None, bearer
            case "manager":
                return None, newest(self.model.managers(now)[0] or [bearer], number)
            case "managing":
                return newest(self.model.managers(now)[1] or [cookie], number), None
            case "both":
                return newest(self.cookies, number), bearer
            case "any cookie":
                return newest(self.cookies, number), None
            case "any token":
                return None, newest(self.bearers, number)
        return None, None

    def named(self, who: Who, uuid: int | None) -> str:
        """A UUID, counted from the newest back, or that of the token with which one comes."""
        cookie, bearer = self.presented(who)
        tokens = [each.token for each in self.model.sessions if cookie in each.values and each.token]
        tokens += [each for each in self.model.tokens if bearer and each.value == bearer]
        return tokens[-1].uuid if uuid is None and tokens else newest(self.uuids, uuid or 0)

    def takes(self, session: Session, answer: Told, *, fresh: bool, until: datetime | None = None) -> None:
        """Both agree about the cookie that came; a fresh value is one that nobody has seen before."""
        told = set_cookie(answer)
        assert told is not None
        value, max_age = told
        if fresh:
            assert value not in self.cookies
            session.values.append(value)
            self.cookies.append(value)
        assert value in session.values
        ends = min(session.idle_ends, until or session.idle_ends)
        assert max_age == int((ends - self.clock.now()).total_seconds())
        self.clock.advance(1)  # sessions of one second have no order

    def gets(self, token: Token, value: str) -> None:
        token.give(value)
        self.bearers.append(value)

    def asked(self, name: str, life: int | None, scopes: Sequence[str] | None) -> Content:
        metadata: Content = {"name": name} if name else {}
        if life is not None:
            metadata["expires_at"] = time(self.clock.now() + timedelta(seconds=life))
        permissions = {} if scopes is None else {"token_permissions": {"scopes": list(scopes)}}
        return {"token_metadata": metadata, **permissions}


def newest(values: list[str], number: int) -> str:
    return values[-1 - number % len(values)]


def span(seconds: int | None) -> timedelta | None:
    return None if seconds is None else timedelta(seconds=seconds)


def time(moment: datetime) -> Content:
    return {"seconds": int(moment.timestamp())}


def set_cookie(answer: Told) -> tuple[str, int] | None:
    line = answer.reply["set-cookie"]
    if line is None:
        return None
    (morsel,) = SimpleCookie(line).values()
    return morsel.value, int(morsel["max-age"])


def described(told: Content) -> Content:
    """When it was last used is written behind everybody's back."""
    metadata = {key: value for key, value in told["token_metadata"].items() if key != "last_used_at"}
    return {**told, "token_metadata": metadata}


def wanted(token: Token) -> Content:
    metadata: Content = {"name": token.name, "expires_at": time(token.ends), "created_at": time(token.created)}
    metadata |= {"value_hint": token.hint} if token.hint else {}
    metadata |= {"regenerated_at": time(token.regenerated)} if token.regenerated else {}
    permissions = {"scopes": list(token.scopes)} if token.scopes else {}
    return {"token_uuid": {"uuid": token.uuid}, "token_metadata": metadata, "token_permissions": permissions}
