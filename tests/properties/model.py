"""Accounts, sessions and tokens as semantics have them, without database, digests or transactions: what a call answers
and what it changes, told by plain objects and the time.

Each method either changes the model and returns what the answer should hold, or raises Refused with the reason.
Secrets are the service's to make, so whoever drives both hands each new one to the object that it belongs to.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

from tests.properties.credentials import GRACE, MANAGE, Caller, Session, Token

IDLE, ABSOLUTE, MIN_REFRESH = timedelta(days=7), timedelta(days=8), timedelta(minutes=5)
TOKEN_SESSION, DEFAULT_LIFE, LONGEST_LIFE = timedelta(hours=1), timedelta(days=90), timedelta(days=366)
SESSION_QUOTA, TOKEN_QUOTA, TOKEN_SESSION_QUOTA = 3, 5, 10
FAILURES, WITHIN = 5, timedelta(minutes=5)
BEYOND = "TOKEN_CANNOT_MANAGE_TOKENS"

T = TypeVar("T")


class Refused(Exception):
    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def require(condition: object, reason: str) -> None:
    if not condition:
        raise Refused(reason)


@dataclass
class Account:
    """One person's account, all of it."""

    email: str
    password: str
    created: datetime
    sessions: list[Session] = field(default_factory=list)
    tokens: list[Token] = field(default_factory=list)
    failures: list[datetime] = field(default_factory=list)

    # Who calls

    def caller(self, cookie: str | None, bearer: str | None, now: datetime) -> Caller:
        """A Bearer token alone decides."""
        if bearer is not None:
            token = _first(each for each in self.tokens if each.value == bearer and each.good(now))
            require(token, "BAD_CREDENTIAL")
            return Caller(token, None)
        require(cookie is not None, "NO_CREDENTIAL")
        return self.behind(cookie, now)

    def behind(self, cookie: str | None, now: datetime) -> Caller:
        """The live session that has this value, which counts as having come back. An older value ends its session."""
        session = self._session(cookie)
        require(session and now < session.idle_ends, "BAD_CREDENTIAL")
        assert session is not None
        if cookie == session.values[-1]:
            session.seen = session.seen or (now if session.previous else None)
        elif cookie != session.previous:
            self.sessions.remove(session)
            raise Refused("BAD_CREDENTIAL")
        else:
            require(session.takes_previous(now), "BAD_CREDENTIAL")
        require(session.token is None or session.token.good(now), "BAD_CREDENTIAL")
        return Caller(session.token, session)

    def _session(self, cookie: str | None) -> Session | None:
        return _first(each for each in self.sessions if cookie in each.values)

    def cookies(self, now: datetime, *, good: bool) -> list[str]:
        """Values of sessions that have not been ended, which let somebody in or do not."""
        return [
            value
            for session in self.sessions
            for value in session.values
            if (session.good(now) and session.admits(value, now)) is good
        ]

    def previous(self) -> list[str]:
        """What each session's cookie held before, good or not."""
        return [each.previous for each in self.sessions if each.previous]

    def turns(self, now: datetime) -> list[datetime]:
        """When an answer will change by time alone, though nothing ends; the next first."""
        times = {at + WITHIN for at in self.failures} | {each.rotated + MIN_REFRESH for each in self.sessions}
        times |= {each.seen + GRACE for each in self.sessions if each.seen}
        return sorted(each for each in times if each > now)

    def ends(self, now: datetime) -> list[datetime]:
        """When a session or a token will end, the next first."""
        return sorted({each for each in self._ends() if each > now})

    def _ends(self) -> Iterator[datetime]:
        yield from (each.idle_ends for each in self.sessions)
        yield from (each.ends for each in self.tokens)

    def bearers(self, now: datetime) -> list[str]:
        return [each.value for each in self.tokens if each.value and each.good(now)]

    def managers(self, now: datetime) -> tuple[list[str], list[str]]:
        """Values of tokens that let in and hold tokens:manage, and of sessions made from those."""
        tokens = [each for each in self.tokens if each.good(now) and MANAGE in each.scopes]
        made = [each.values[-1] for each in self.sessions if each.token in tokens and each.good(now)]
        return [each.value for each in tokens if each.value], made

    # Sessions

    def sign_in(self, password: str, cookie: str | None, now: datetime) -> Session:
        """A session that was presented ends, unless its value is past its grace."""
        self.failures = [at for at in self.failures if now - at < WITHIN]
        require(len(self.failures) < FAILURES, "THROTTLED")
        if password != self.password:
            self.failures.append(now)
            raise Refused("WRONG_EMAIL_OR_PASSWORD")
        old = self._session(cookie)
        if old and (cookie != old.previous or old.takes_previous(now)):
            self.sessions.remove(old)
        return self._add(None, now, ABSOLUTE, SESSION_QUOTA)

    def exchange(self, caller: Caller, cookie: str | None, now: datetime) -> Session:
        """TokenAuthorization: the live session of this token that came with the call, or a new one."""
        session = self._session(cookie)
        if session and session.token is caller.token and session.admits(cookie or "", now) and now < session.idle_ends:
            return session
        return self._add(caller.token, now, TOKEN_SESSION, TOKEN_SESSION_QUOTA)

    def _add(self, token: Token | None, now: datetime, life: timedelta, quota: int) -> Session:
        live = [each for each in self.sessions if each.token is token and now < each.idle_ends]
        kept = live[-(quota - 1) :]
        self.sessions = [each for each in self.sessions if each.token is not token or each in kept]
        session = Session(token, now, now + life, now + min(IDLE, life), now)
        self.sessions.append(session)
        return session

    def refresh(self, caller: Caller, cookie: str, now: datetime) -> tuple[Session, bool, bool]:
        """The session, whether a cookie comes with the answer, and whether it is a new one."""
        require(caller.session, "NO_SESSION")
        session = caller.session
        assert session is not None
        session.idle_ends = min(now + IDLE, session.ends)
        current = cookie == session.values[-1]
        rotates = now - session.rotated >= MIN_REFRESH and (current or session.seen is None)
        if rotates:
            session.previous, session.rotated, session.seen = cookie, now, None
        return session, current or rotates, rotates

    def sign_out(self, cookie: str | None, everywhere: bool, now: datetime) -> None:
        try:
            caller = self.behind(cookie, now)
        except Refused:
            return  # nothing to end
        require(caller.interactive or not everywhere, BEYOND)
        self.sessions = [] if everywhere else [each for each in self.sessions if each is not caller.session]

    # Tokens

    def create(self, caller: Caller, name: str, life: timedelta | None, scopes: Sequence[str], now: datetime) -> Token:
        require(caller.may(MANAGE), BEYOND)
        token = Token(name, scopes, now, now + DEFAULT_LIFE if life is None else self._end(life, now))
        require(caller.reaches(token), BEYOND)
        require(MANAGE not in scopes or caller.recent(now), "SIGN_IN_NOT_RECENT")
        self._require_vacancy(token, now, room=True)
        self.tokens.append(token)
        return token

    def update(
        self, caller: Caller, uuid: str, name: str, life: timedelta | None, scopes: Sequence[str] | None, now: datetime
    ) -> Token:
        require(caller.may(MANAGE), BEYOND)
        token = self._reached(caller, uuid)
        scopes = token.scopes if scopes is None else scopes
        changed = Token(name or token.name, scopes, now, token.ends if life is None else self._end(life, now))
        require(caller.reaches(changed), BEYOND)
        gains = MANAGE in scopes and (MANAGE not in token.scopes or changed.ends > token.ends)
        require(not gains or caller.recent(now), "SIGN_IN_NOT_RECENT")
        revives = changed.live(now) and not token.live(now)
        if changed.live(now):
            self._require_vacancy(changed, now, room=revives, instead_of=token)
        token.name, token.ends, token.scopes = changed.name, changed.ends, changed.scopes
        if revives:
            token.value, token.hint = None, ""
        return token

    def expire(self, caller: Caller, uuid: str, now: datetime) -> None:
        own = self._is_itself(caller, uuid)
        require(own or caller.may(MANAGE), BEYOND)
        token = self.token(uuid) if own else self._reached(caller, uuid)
        token.ends, token.value = min(now, token.ends), None
        self._end_sessions(token)

    def regenerate(self, caller: Caller, uuid: str, now: datetime) -> Token:
        own = caller.session is None and self._is_itself(caller, uuid)
        require(own or caller.may(MANAGE), BEYOND)
        token = self.token(uuid) if own else self._reached(caller, uuid)
        require(own or MANAGE not in token.scopes or caller.recent(now), "SIGN_IN_NOT_RECENT")
        require(token.live(now), "TOKEN_EXPIRED")
        token.regenerated = now
        self._end_sessions(token)
        return token

    def read(self, caller: Caller, uuid: str) -> Token:
        require(self._is_itself(caller, uuid) or caller.may("tokens:read"), "SCOPE_MISSING")
        return self.token(uuid)

    def listed(self, caller: Caller) -> list[Token]:
        require(caller.may("tokens:read"), "SCOPE_MISSING")
        return self.tokens[::-1]

    def token(self, uuid: str) -> Token:
        found = _first(each for each in self.tokens if each.uuid == uuid)
        require(found, "NOT_FOUND")
        assert found is not None
        return found

    def _reached(self, caller: Caller, uuid: str) -> Token:
        """Who may not read is not told which there are."""
        require(not caller.may("tokens:read") or self.token(uuid), "NOT_FOUND")
        token = _first(each for each in self.tokens if each.uuid == uuid)
        require(token and caller.reaches(token), BEYOND)
        assert token is not None
        return token

    def _is_itself(self, caller: Caller, uuid: str) -> bool:
        return caller.token is not None and caller.token.uuid == uuid

    def _end(self, life: timedelta, now: datetime) -> datetime:
        require(timedelta() < life <= LONGEST_LIFE, "INVALID_FIELD")
        return now + life

    def _require_vacancy(self, token: Token, now: datetime, *, room: bool, instead_of: Token | None = None) -> None:
        others = [each for each in self.tokens if each is not instead_of and each.live(now)]
        require(all(each.name != token.name for each in others), "NAME_TAKEN")
        require(not room or len(others) < TOKEN_QUOTA, "TOKEN_QUOTA")

    def _end_sessions(self, token: Token) -> None:
        self.sessions = [each for each in self.sessions if each.token is not token]


def _first(found: Iterator[T]) -> T | None:
    return next(found, None)
