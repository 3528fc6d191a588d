"""The session cookie: its name, its attributes, and how it is read and written.

HttpOnly, Path=/, no Domain, SameSite=Lax; Secure and the `__Host-` prefix where people reach us by https (RFC 6265bis,
ASVS 3.3.1 to 3.3.4).
"""

from app.rpc.caller import Context

_NAME = "gatepost_session"


class SessionCookie:
    def __init__(self, https: bool) -> None:
        self._name = f"__Host-{_NAME}" if https else _NAME
        self._start = f"{self._name}="
        self._attributes = "; Path=/; HttpOnly; SameSite=Lax" + ("; Secure" if https else "")

    def presented(self, ctx: Context) -> str | None:
        """The cookie's value as it was sent; None if there is none, or two, of which one would have to be guessed."""
        found = self._values(ctx)
        return found[0] if len(found) == 1 else None

    def write(self, ctx: Context, value: str, max_age: int) -> None:
        """Set the cookie for `max_age` seconds. Call it last: headers set earlier would go out with an error too."""
        ctx.response_headers.add("set-cookie", f"{self._name}={value}; Max-Age={max_age}{self._attributes}")

    def clear(self, ctx: Context) -> None:
        ctx.response_headers.add("set-cookie", f"{self._name}=; Max-Age=0{self._attributes}")

    def came(self, ctx: Context) -> bool:
        return bool(self._values(ctx))

    def _values(self, ctx: Context) -> list[str]:
        # http.cookies drops all cookies when one is odd; another site's on the same host must not sign people out.
        parts = map(str.strip, ";".join(ctx.request_headers.getall("cookie")).split(";"))
        return [part[len(self._start) :] for part in parts if part.startswith(self._start) or part == self._name]
