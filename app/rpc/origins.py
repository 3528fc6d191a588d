"""The cross-site rule (semantics.md): which pages may call, told by what browsers say and pages cannot forge."""

from collections.abc import Mapping

from starlette.types import Scope

from app.core.config import Settings
from app.core.errors import OriginNotAllowed

_OUR_PAGES = (b"same-origin", b"none")
_PAGE_LOADS = frozenset({b"document", b"frame", b"iframe", b"embed", b"object"})


class Origins:
    """Refuses calls from foreign pages, whatever the credential, so that no cookie works across sites."""

    def __init__(self, settings: Settings) -> None:
        self.listed = frozenset(origin.encode() for origin in (*settings.allowed_origins, settings.origin))
        """Compared byte for byte (RFC 6454, 6.2): ours are in the spelling that browsers send."""

    def check(self, scope: Scope, headers: Mapping[bytes, bytes]) -> None:
        """Raise OriginNotAllowed for a cross-site call; one without Origin and Sec-Fetch-Site is no browser's.

        A proxy that ends TLS makes our own scheme look like http; there PUBLIC_URL says what pages call us. There is no
        list of hosts: a page under a name that points here holds only that name's cookies.
        """
        origin = headers.get(b"origin")
        if origin is None:
            if headers.get(b"sec-fetch-site", b"none") not in _OUR_PAGES:
                raise OriginNotAllowed
        elif origin not in self.listed and origin != _own(scope, headers):
            raise OriginNotAllowed
        # A form of our own page could still open the answer as a page (ASVS 3.2.1).
        if headers.get(b"sec-fetch-dest") in _PAGE_LOADS:
            raise OriginNotAllowed("An RPC cannot be opened as a page. Call it with fetch.")


def _own(scope: Scope, headers: Mapping[bytes, bytes]) -> bytes | None:
    host = headers.get(b"host")
    return scope.get("scheme", "http").encode() + b"://" + host if host else None
