"""All that one person may do, in any order.

A list of steps rather than hypothesis' own state machine: that leaves out some kinds of step in each example, and what
goes wrong here needs most kinds in one. A list shrinks as well.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hypothesis import strategies as st

from tests.properties.contents import Content
from tests.properties.credentials import RECENT, Caller, Session
from tests.properties.model import Refused
from tests.properties.side_by_side import SideBySide, Who, described, newest, set_cookie, span, time, wanted
from tests.support.service import PASSWORD

DAY = 86_400
Step = tuple[str, dict[str, Any]]
"""The name of a method of Life, and what it is called with."""


class Life(SideBySide):
    def _begin(self) -> None:
        self.both("SignUp", {"email": self.model.email, "password": PASSWORD}, (None, None), lambda caller: None)
        self.sign_in(("no", 0), right=True)
        self.create(("session", 0), "first", None, ())
        self.create(("session", 0), "manager", None, ("tokens:manage", "orders:write"))
        self.create(("session", 0), "managed", None, ("orders:write",))

    def live(self, steps: Sequence[Step]) -> None:
        self._begin()
        for name, arguments in steps:
            getattr(self, name)(**arguments)
        self._afterwards()

    def wait(self, moment: int, offset: int, *, ending: bool) -> None:
        """Until something changes by itself, or a second to either side of that."""
        moments = (self.model.ends if ending else self.model.turns)(self.clock.now())
        if moments:
            left = (moments[moment % len(moments)] - self.clock.now()).total_seconds()
            self.clock.advance(max(0, left + offset))

    def forge(self, number: int, change: Callable[[str], str]) -> None:
        for known in (self.cookies, self.bearers):
            if (made := change(newest(known, number))) not in known:
                known.append(made)

    def sign_in(self, who: Who, right: bool) -> None:
        cookie, _ = presented = self.presented(who)
        password = PASSWORD if right else "wrong"
        content = {"email": self.model.email, "password": password}
        session, answer = self.both(
            "SignIn", content, presented, lambda _: self.model.sign_in(password, cookie, self.clock.now())
        )
        if session:
            self.takes(session, answer, fresh=True)

    def refresh(self, who: Who) -> None:
        cookie, _ = presented = self.presented(who)
        expected, answer = self.both(
            "RefreshSession",
            {},
            presented,
            lambda caller: self.model.refresh(caller(), cookie or "", self.clock.now()),
        )
        if expected:
            session, comes, fresh = expected
            if comes:
                self.takes(session, answer, fresh=fresh)
            else:
                assert set_cookie(answer) is None

    def sign_out(self, who: Who, everywhere: bool) -> None:
        cookie, _ = presented = self.presented(who)
        _, answer = self.both(
            "SignOut",
            {"everywhere": True} if everywhere else {},
            presented,
            lambda _: self.model.sign_out(cookie, everywhere, self.clock.now()),
        )
        if not answer.reason:
            assert set_cookie(answer) == (None if cookie is None else ("", 0))

    def exchange(self, who: Who, cookie: int | None) -> None:
        _, bearer = self.presented(who)
        beside = None if cookie is None else newest(self.cookies, cookie)

        def predicted(caller: Callable[[], Caller]) -> Session:
            if bearer is None:
                raise Refused("NO_CREDENTIAL")
            return self.model.exchange(caller(), beside, self.clock.now())

        session, answer = self.both("TokenAuthorization", {}, (beside, bearer), predicted)
        if session and session.token:
            self.takes(session, answer, fresh=not session.values, until=session.token.ends)

    def ask_who_calls(self, who: Who) -> None:
        presented = self.presented(who)
        self.both("Pong", {}, presented, lambda caller: caller())
        caller, answer = self.both("GetAccount", {}, presented, lambda caller: caller())
        if caller:
            (told,) = answer.messages
            self.account_id = self.account_id or told["account_id"]
            due: Content = {"account_id": self.account_id, "credential_expires_at": time(caller.ends)}
            if caller.token:
                due |= {"token_uuid": caller.token.uuid, "scopes": sorted(caller.token.effective)}
            if caller.may("account:read"):
                data = {"name": self.model.email.partition("@")[0], "email": self.model.email}
                due |= {"data": data, "created_at": time(self.model.created)}
            assert told == due

    def create(self, who: Who, name: str, life: int | None, scopes: Sequence[str]) -> None:
        made, answer = self.both(
            "CreateToken",
            self.asked(name, life, scopes),
            self.presented(who),
            lambda caller: self.model.create(caller(), name, span(life), scopes, self.clock.now()),
        )
        if made:
            (told,) = answer.messages
            made.uuid = told["token_uuid"]["uuid"]
            self.uuids.append(made.uuid)
            self.gets(made, told.pop("token_value")["token"])
            assert described(told) == wanted(made)
            self.clock.advance(1)  # tokens of one second have no order

    def update(self, who: Who, uuid: int | None, name: str, life: int | None, scopes: Sequence[str] | None) -> None:
        named, now = self.named(who, uuid), self.clock.now()
        changed, answer = self.both(
            "UpdateToken",
            {"token_uuid": {"uuid": named}, **self.asked(name, life, scopes)},
            self.presented(who),
            lambda caller: self.model.update(caller(), named, name, span(life), scopes, now),
        )
        assert changed is None or [described(each) for each in answer.messages] == [wanted(changed)]

    def update_late(self, offset: int, uuid: int, life: int | None, scopes: Sequence[str] | None) -> None:
        """Once the last sign-in is not recent any more, or a second to either side of that."""
        signed_in = [each.created for each in self.model.sessions if each.token is None]
        if signed_in:
            left = (max(signed_in) + RECENT - self.clock.now()).total_seconds()
            self.clock.advance(max(0, left + offset))
        self.update(("session", 0), uuid, "", life, scopes)

    def expire(self, who: Who, uuid: int | None) -> None:
        named = self.named(who, uuid)
        content = {"token_uuid": {"uuid": named}}
        self.both(
            "ForceTokenExpiration",
            content,
            self.presented(who),
            lambda caller: self.model.expire(caller(), named, self.clock.now()),
        )

    def regenerate(self, who: Who, uuid: int | None) -> None:
        named = self.named(who, uuid)
        renewed, answer = self.both(
            "RegenerateToken",
            {"token_uuid": {"uuid": named}},
            self.presented(who),
            lambda caller: self.model.regenerate(caller(), named, self.clock.now()),
        )
        if renewed:
            self.gets(renewed, answer.messages[0]["token_value"]["token"])

    def read(self, who: Who, uuid: int | None, size: int) -> None:
        presented, named = self.presented(who), self.named(who, uuid)
        one, answer = self.both(
            "GetToken", {"token_uuid": {"uuid": named}}, presented, lambda caller: self.model.read(caller(), named)
        )
        assert one is None or [described(each) for each in answer.messages] == [wanted(one)]
        every, answer = self.both("ListTokens", {}, presented, lambda caller: self.model.listed(caller()))
        assert [described(each) for each in answer.messages] == [wanted(each) for each in every or []]
        paged, asked = [], {"page_size": size}
        while asked:
            _, answer = self.both("ListTokensPage", asked, presented, lambda caller: self.model.listed(caller()))
            (page,) = answer.messages or [{}]
            paged += page.get("tokens", [])
            asked = {**asked, "page_token": page["next_page_token"]} if "next_page_token" in page else {}
        assert [described(each) for each in paged] == [wanted(each) for each in every or []]

    def _afterwards(self) -> None:
        """At the end what there ever was is presented once more."""
        for cookie in self.cookies[-20:]:
            self.both("Pong", {}, (cookie, None), lambda caller: caller())
        for bearer in self.bearers[-20:]:
            self.both("Pong", {}, (None, bearer), lambda caller: caller())


_NUMBERS = st.sampled_from([0] * 5 + [1, 1, 2, 3, 4, 5])
_UUIDS = _NUMBERS | st.sampled_from([None, None, -1, -2])  # the caller's own, nobody's, and another account's
_KINDS = ["session"] * 8 + ["previous"] * 5 + ["token"] * 4 + ["lapsed", "any cookie", "any token", "both", "no"]
_KINDS += ["manager"] * 4 + ["managing"] * 2
_WHO = st.tuples(st.sampled_from(_KINDS), _NUMBERS)
_MANAGERS = ["session"] * 8 + ["manager"] * 6 + ["managing"] * 3 + ["token", "lapsed", "any cookie", "both", "no"]
_MANAGER = st.tuples(st.sampled_from(_MANAGERS), _NUMBERS)
_COMING = st.tuples(st.sampled_from(["no"] * 8 + ["session", "previous", "lapsed", "any cookie"]), _NUMBERS)
_LEAVING = st.tuples(st.sampled_from(["session", "previous", "lapsed", "any cookie"]), _NUMBERS)
_HOLDER = st.tuples(st.sampled_from(["token"] * 4 + ["any token", "no"]), _NUMBERS)
_LIVES = st.sampled_from([*[None] * 4, 60, 3_600, 10 * DAY, 200 * DAY, 366 * DAY, 366 * DAY + 1, 0])
_LATE = st.none() | st.just(200 * DAY)
_NAMES = st.sampled_from("abcdef")
_GRANTS = st.sampled_from([("tokens:manage", "orders:write"), ("tokens:manage", "tokens:read", "account:read")])
_SMALLER = st.sampled_from([(), ("account:read",), ("tokens:read", "orders:write"), ("orders:write",)])
_SCOPES = _SMALLER | _SMALLER | _GRANTS
_CHANGES = st.sampled_from([str.swapcase, str.upper, lambda value: f"{value}=", lambda value: value[:-1]])
_OFFSETS = st.sampled_from([0, 0, -1, 1])
_RIGHT = st.sampled_from([True, True, False])
_UUID: Mapping[str, Any] = {"who": _WHO, "uuid": _UUIDS}

_STEPS: Sequence[tuple[int, str, Mapping[str, Any]]] = [
    (9, "wait", {"moment": _NUMBERS, "offset": _OFFSETS, "ending": st.just(False)}),
    (1, "wait", {"moment": _NUMBERS, "offset": _OFFSETS, "ending": st.just(True)}),
    (1, "forge", {"number": _NUMBERS, "change": _CHANGES}),
    (3, "sign_in", {"who": _COMING, "right": _RIGHT}),
    (9, "refresh", {"who": _WHO}),
    (1, "sign_out", {"who": _LEAVING, "everywhere": st.booleans()}),
    (2, "exchange", {"who": _HOLDER, "cookie": st.none() | _NUMBERS}),
    (5, "ask_who_calls", {"who": _WHO}),
    (4, "create", {"who": _MANAGER, "name": _NAMES, "life": _LIVES, "scopes": _SCOPES}),
    (
        4,
        "update",
        {
            "who": _MANAGER,
            "uuid": _UUIDS,
            "name": _NAMES | st.just(""),
            "life": _LIVES,
            "scopes": st.none() | _SMALLER | _GRANTS,
        },
    ),
    (4, "update_late", {"offset": _OFFSETS, "uuid": _NUMBERS, "life": _LATE, "scopes": st.none() | _GRANTS}),
    (3, "expire", _UUID),
    (2, "regenerate", _UUID),
    (1, "read", {**_UUID, "size": st.integers(1, 3)}),
]
STEPS = st.lists(
    st.sampled_from([(name, arguments) for weight, name, arguments in _STEPS for _ in range(weight)]).flatmap(
        lambda step: st.tuples(st.just(step[0]), st.fixed_dictionaries(dict(step[1])))
    ),
    min_size=50,
    max_size=60,
)
