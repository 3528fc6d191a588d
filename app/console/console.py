"""Serves the console's files, and passes everything else on.

It stands before the front, whose rules are for RPCs: a page is fetched by GET, and from wherever a link to it stands.
"""

import re
from collections.abc import Mapping
from contextlib import suppress

from starlette.types import ASGIApp, Receive, Scope, Send

from app.console.build import Build, File
from app.core.config import Settings
from app.rpc.exchange import Exchange, Patience
from app.rpc.headers import Headers, strict_transport
from app.rpc.wire import Answer, Misdirected, answer

_GZIP = re.compile(r"\s*gzip\s*(;\s*q=(?!0(\.0*)?\s*$).*)?", re.IGNORECASE)
"""Unless its weight is zero, which means: anything but this."""
_PATIENCE = Patience(body=10, part=10, reader=60)

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types lit-html"
)
"""Nothing runs, shows or is called but what this origin serves, and no text becomes a page save by lit's templates."""


class Console:
    """Answers GET and HEAD of the paths of the build."""

    def __init__(self, app: ASGIApp, build: Build, settings: Settings) -> None:
        self._app = app
        self._build = build
        self._added: Headers = (
            (b"content-security-policy", POLICY.encode()),
            (b"x-content-type-options", b"nosniff"),
            (b"referrer-policy", b"no-referrer"),
            (b"cross-origin-opener-policy", b"same-origin"),
            (b"cross-origin-resource-policy", b"same-origin"),
            (b"vary", b"Accept-Encoding"),
            *strict_transport(settings),
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        file = self._build.get(scope["path"]) if scope["type"] == "http" else None
        if file is None:
            await self._app(scope, receive, send)
            return
        exchange = Exchange(receive, send, self._added, _PATIENCE, parts=False)
        with suppress(TimeoutError):  # the server closes a connection whose answer has no end
            await exchange.answer(_answer(file, scope["method"], dict(scope["headers"])))


def _answer(file: File, method: str, came: Mapping[bytes, bytes]) -> Answer:
    if method not in ("GET", "HEAD"):
        return answer(Misdirected(405, "This is a page: it is fetched by GET.", allow="GET, HEAD"), "")
    zipped = _takes_gzip(came.get(b"accept-encoding", b"").decode("latin-1"))
    tag = f'"{file.tag}{"-gzip" if zipped else ""}"'
    headers = [
        (b"etag", tag.encode()),
        (b"cache-control", b"public, max-age=31536000, immutable" if file.lasts else b"no-cache"),
    ]
    if _has(came.get(b"if-none-match", b"").decode("latin-1"), tag):
        return Answer(304, headers, b"")
    body = file.compressed if zipped else file.body
    headers += [(b"content-type", file.content_type), (b"content-length", str(len(body)).encode())]
    if zipped:
        headers.append((b"content-encoding", b"gzip"))
    return Answer(200, headers, b"" if method == "HEAD" else body)


def _takes_gzip(accepted: str) -> bool:
    """RFC 9110, 12.5.3. `*` and the like get the file as it is, which everybody takes."""
    return any(_GZIP.fullmatch(coding) for coding in accepted.split(","))


def _has(known: str, tag: str) -> bool:
    """RFC 9110, 13.1.2: the comparison is weak, since a proxy that compresses makes our tag a weak one."""
    return any(each.strip().removeprefix("W/") in (tag, "*") for each in known.split(","))
