"""The session cookie: its name, its attributes, and how it is read and written.

HttpOnly, Path=/, no Domain, SameSite=Lax; Secure and the `__Host-` prefix where people reach us by https (RFC 6265bis,
ASVS 3.3.1 to 3.3.4).
"""

from collections.abc import Sequence

from app.rpc.caller import Context

_NAME = "gatepost_session"


class SessionCookie:
    def __init__(self, https: bool) -> None:
        self._name = f"__Host-{_NAME}" if https else _NAME
        self._attributes = "; Path=/; HttpOnly; SameSite=Lax" + ("; Secure" if https else "")

    def presented(self, ctx: Context) -> str | None:
        """The cookie's value as it was sent; None if there is none, or two, of which one would have to be guessed."""
        found = _values(ctx.request_headers.getall("cookie"), self._name)
        return found[0] if len(found) == 1 else None

    def write(self, ctx: Context, value: str, max_age: int) -> None:
        """Set the cookie for `max_age` seconds. Call it last: headers set earlier would go out with an error too."""
        ctx.response_headers.add("set-cookie", f"{self._name}={value}; Max-Age={max_age}{self._attributes}")

    def clear(self, ctx: Context) -> None:
        ctx.response_headers.add("set-cookie", f"{self._name}=; Max-Age=0{self._attributes}")

    def came(self, ctx: Context) -> bool:
        return bool(_values(ctx.request_headers.getall("cookie"), self._name))


def _values(lines: Sequence[str], name: str) -> list[str]:
    # http.cookies drops all cookies when one is odd; another site's on the same host must not sign people out.
    start = f"{name}="
    parts = [part.strip() for line in lines for part in line.split(";")]
    return [part[len(start) :] for part in parts if part.startswith(start) or part == name]
