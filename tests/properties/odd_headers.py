"""Headers as nobody should send them, by name and with the values that are odd for the name."""

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from tests.properties.contents import CANARY, ODD_TEXT
from tests.support.service import COOKIE

_SECRET = CANARY.encode()
_ODD = [
    b"",
    b" ",
    b"\t",
    b"\0",
    b"\r\nx-evil: 1",
    b"\xff",
    b"caf\xe9",
    b"\xc3",
    b"1, 2",
    b'"',
    b",",
    b";",
    b"=",
    b"*",
    b"null",
]
_ODD += [_SECRET, b"x" * 5_000, *(text.encode() for text in ODD_TEXT)]
_TYPES = [
    b"application/json",
    b"application/proto",
    b"application/connect+json",
    b"application/grpc-web+proto",
    b"text/plain",
]
_TYPES += [b"application/grpc", b"application/grpc-web-text", b"application/grpc+thrift", b"Application/JSON", b"json"]
_TIMES = [
    b"0",
    b"1",
    b"-1",
    b"+1",
    b"1.5",
    b"9999999999",
    b"99999999999",
    b"1_0",
    "\u0661".encode(),
    b"1n",
    b"0H",
    b"99999999H",
]
_TIMES += [b"1m", b"1S", b"1x", b"123456789S", b"H"]
_COMPRESSIONS = [b"gzip", b"identity", b"br", b"*", b"gzip;q=0", b"identity;q=0, *;q=0", b"GZIP"]
_VALUES = {
    b"authorization": [
        b"Bearer",
        b"Bearer ",
        b"Bearer " + _SECRET,
        b"bearer gp_" + b"0" * 49,
        b"Bearer a b",
        b"Bearer\tx",
        b"Basic eDp5",
        b"Bearer gp_" + b"A" * 5_000,
        b"Bearer, Basic",
        "Bearer é".encode(),
    ],
    b"cookie": [
        *(f"{COOKIE}={value}".encode() for value in ("", CANARY, "a.b.c", "é", "x" * 5_000, f"1; {COOKIE}=2", '"1"')),
        *(b"a=b; c", b";;;", b"=", COOKIE.encode(), f"__Host-{COOKIE}=1".encode()),
    ],
    b"origin": [
        b"http://gatepost.test",
        b"https://gatepost.test",
        b"http://127.0.0.1:8000",
        b"https://evil.test",
        b"file://",
    ],
    b"sec-fetch-site": [b"same-origin", b"none", b"cross-site", b"same-site", b"Same-Origin"],
    b"sec-fetch-mode": [b"cors", b"navigate", b"no-cors"],
    b"sec-fetch-dest": [b"empty", b"document", b"iframe", b"object"],
    b"host": [b"gatepost.test:80", b"[::1]", b"evil.test", _SECRET],
    b"content-type": [*_TYPES, *(each + b"; charset=" + _SECRET for each in _TYPES), *(each + b" " for each in _TYPES)],
    b"content-length": [b"0", b"65541", b"65542", b"9" * 30, b"-1", b"+1", b"0x1", b"1.0"],
    b"connect-protocol-version": [b"1", b"2", b"1.0", _SECRET],
    b"connect-timeout-ms": _TIMES,
    b"grpc-timeout": _TIMES,
    b"content-encoding": _COMPRESSIONS,
    b"connect-content-encoding": _COMPRESSIONS,
    b"grpc-encoding": _COMPRESSIONS,
    b"accept-encoding": _COMPRESSIONS,
    b"connect-accept-encoding": _COMPRESSIONS,
    b"grpc-accept-encoding": _COMPRESSIONS,
    b"x-forwarded-for": [
        b"203.0.113.7",
        b"::ffff:203.0.113.7",
        b"fe80::1%" + _SECRET,
        b"203.0.113.7, evil",
        b"1.2.3.4:5",
    ],
    b"user-agent": [b"curl/8", b"\x1b[31m" + _SECRET],
    b"access-control-request-method": [b"POST"],
    b"te": [b"trailers", b"gzip"],
    b"trailer-" + _SECRET: [_SECRET],
    b"x-" + b"n" * 5_000: [b"1"],
    b"x-\xff": [b"1"],
}


def headers() -> SearchStrategy[tuple[bytes, bytes]]:
    """One header; any value may also turn out to be another one's, or of random bytes."""
    names, odd = st.sampled_from(list(_VALUES)), st.sampled_from(_ODD) | st.binary(max_size=20)
    return names.flatmap(lambda name: st.tuples(st.just(name), st.sampled_from(_VALUES[name]) | odd))
