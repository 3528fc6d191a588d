"""The headers that answers carry besides those of their own RPC."""

from app.core.config import Settings

Headers = tuple[tuple[bytes, bytes], ...]

WISHES_FOR_COMPRESSION = frozenset({b"accept-encoding", b"connect-accept-encoding", b"grpc-accept-encoding"})
"""Not heard: beside text that a caller chose, the length of a compressed answer tells the letters of a secret in it
(BREACH). Compressed requests are read, which connectrpc's own clients send."""

PREFLIGHT: Headers = (
    (b"access-control-allow-methods", b"POST"),
    (
        b"access-control-allow-headers",
        b"Content-Type, Connect-Protocol-Version, Connect-Timeout-Ms, Grpc-Timeout, X-Grpc-Web, X-User-Agent, "
        b"Authorization",
    ),
    (b"access-control-max-age", b"7200"),
)


def on_every_answer(settings: Settings) -> Headers:
    """What makes an answer useless as a page, a script or a picture, and keeps it out of caches (ASVS 3.4, 3.5.8).

    Cross-Origin-Resource-Policy stays `same-origin` also where ALLOWED_ORIGINS lists a sibling host: browsers ask it
    only for requests without CORS (Fetch standard), and no client of an RPC makes those.
    """
    headers: Headers = (
        (b"x-content-type-options", b"nosniff"),
        (b"referrer-policy", b"no-referrer"),
        (
            b"content-security-policy",
            b"default-src 'none'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'; sandbox",
        ),
        (b"cross-origin-resource-policy", b"same-origin"),
        # Not only where a credential is in the answer: nothing here may be given to the next caller.
        (b"cache-control", b"no-store"),
        # On every answer, or a cache in between would give one origin's to another. It adds to connectrpc's own Vary.
        (b"vary", b"Origin"),
    )
    return headers + strict_transport(settings)


def strict_transport(settings: Settings) -> Headers:
    """Where people reach us by https, browsers shall take nothing else (ASVS 3.4.1)."""
    return ((b"strict-transport-security", b"max-age=63072000; includeSubDomains"),) if settings.https else ()


def for_origin(origin: bytes) -> Headers:
    """What lets a page of that origin read the answer (Fetch standard, CORS): always the exact origin, never `*`."""
    return (
        (b"access-control-allow-origin", origin),
        (b"access-control-allow-credentials", b"true"),
        (b"access-control-expose-headers", b"Grpc-Status, Grpc-Message, Grpc-Status-Details-Bin, Retry-After"),
    )
