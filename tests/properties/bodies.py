"""Bodies that are no proper request: broken messages, frames, compression, and JSON that only looks like a message."""

import gzip
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from protobuf import DescFieldValueMessage, DescMessage

from tests.properties.contents import CANARY, ODD_TEXT, contents
from tests.properties.damage import damaged
from tests.properties.ways import Way

LIMIT = 65_536
"""BODY_LIMIT as it is by itself."""
_DEPTHS = [10, 99, 100, 101, 1_000, 20_000, 60_000]
_LITERALS = [b"null", b"true", b"0", b"-0", b"1.0", b"1.5", b"1e2", b"1e999", b"-1e-999", b"9" * 30, b"1" * 5_000]
_LITERALS += [b"NaN", b"Infinity", b'"NaN"', b"0x10", b"01", b"+1", b".5", b"1.", b"''", b"undefined", b"[]", b"{}"]
_LITERALS += [b'""', b'" 1"', b'"1970-01-01T00:00:00Z"', b'"9999-12-31T23:59:60Z"', b'"0000-00-00T00:00:00Z"', b'"1s"']
_LITERALS += [
    b'"\xff"',
    b'"\xc0\x80"',
    b'"\xed\xa0\x80"',
    b'"\xf4\x90\x80\x80"',
    b'"\\ud800"',
    b'"\\udc00\\ud800"',
    b'"\0"',
]
_LITERALS += [
    b'"\\x41"',
    b'"\\u00"',
    b'"\n"',
    b'"',
    b"[1,]",
    b'{"a"}',
    b"/**/1",
    b"\xef\xbb\xbf1",
    b'"%s"' % CANARY.encode(),
]
_LITERALS += [f'"{text}"'.encode() for text in ODD_TEXT]
_ENCODINGS = ["gzip", "identity", "", "br", "deflate", "zstd", "GZIP", "gzip, gzip", "x-gzip", CANARY]
_SIZES = [LIMIT - 9, LIMIT - 1, LIMIT, LIMIT + 1, LIMIT + 9, 1_000_000, 1_048_576]


def _packed(message: bytes) -> list[bytes]:
    zipped = gzip.compress(message, mtime=0)
    return [zipped, zlib.compress(message), message, gzip.compress(zipped, mtime=0)]


_ZEROES = [packed for size in (0, LIMIT, LIMIT + 1) for packed in _packed(bytes(size))]
_ZEROES.append(gzip.compress(bytes(50_000_000), mtime=0))


@dataclass(frozen=True, slots=True)
class Sent:
    """The parts in which a body comes, and headers that come with it."""

    parts: list[bytes]
    headers: Sequence[tuple[bytes, bytes]] = ()


@cache
def broken(way: Way) -> SearchStrategy[Sent]:
    """All kinds alike often."""
    kinds = [_damaged(way), _cut(way), _compressed(way), _large(way)]
    if way.tongue.json:
        kinds.append(_odd_json(way.method.input).map(lambda text: Sent([way.tongue.body(text)])))
    if way.tongue.enveloped:
        kinds.append(_frames(way).map(lambda frames: Sent([b"".join(frames)])))
    return st.one_of(kinds).flatmap(_in_parts)


@cache
def _messages(way: Way) -> SearchStrategy[bytes]:
    return contents(way.method.input).map(way.message)


def _damaged(way: Way) -> SearchStrategy[Sent]:
    return _messages(way).flatmap(damaged).map(lambda message: Sent([way.tongue.body(message)]))


@st.composite
def _cut(draw: st.DrawFn, way: Way) -> Sent:
    """The start of a body, or one with something behind it."""
    body = way.tongue.body(draw(_messages(way)))
    return Sent(
        [body[: draw(st.integers(0, len(body)))] if draw(st.booleans()) else body + draw(st.binary(max_size=9))]
    )


@st.composite
def _frames(draw: st.DrawFn, way: Way) -> list[bytes]:
    """Envelopes with any flags, whose length may be a lie."""
    made = []
    for _ in range(draw(st.integers(0, 3))):
        flags = draw(st.sampled_from([0, 0, 1, 2, 3, 4, 0x80, 0x81, 0xFF]) | st.integers(0, 255))
        content = draw(_messages(way) | st.binary(max_size=9))
        length = draw(
            st.sampled_from([len(content), len(content), 0, len(content) + 1, LIMIT, LIMIT + 1, 2**31, 2**32 - 1])
        )
        made.append(struct.pack(">BI", flags, length) + content)
    return made


@st.composite
def _compressed(draw: st.DrawFn, way: Way) -> Sent:
    """Compressed or not, named or not, flagged or not, whole or not, small or very much larger than it looks."""
    content = draw(_messages(way).flatmap(lambda message: st.sampled_from(_packed(message))) | st.sampled_from(_ZEROES))
    content = content[: draw(st.sampled_from([None, None, -1, 9, 20, 0]))] + draw(st.binary(max_size=3))
    name = draw(st.sampled_from(_ENCODINGS) | st.none())
    headers = [] if name is None else [(way.tongue.compression.encode(), name.encode())]
    return Sent([way.tongue.body(content, flags=draw(st.sampled_from([1, 1, 0])))], headers)


@st.composite
def _large(draw: st.DrawFn, way: Way) -> Sent:
    """Around the limit and far beyond it, in one piece or as many small frames."""
    size = draw(st.sampled_from(_SIZES))
    if way.tongue.enveloped and draw(st.booleans()):
        frame = way.tongue.body(draw(_messages(way)))
        return Sent([frame * (size // len(frame))])
    filler = draw(st.sampled_from([b" ", b"\0", b"[", b"\x0b", b'"', b"\xff"]))
    message = draw(_messages(way))
    return Sent([way.tongue.body(message + filler * (size - len(message)))])


@st.composite
def _odd_json(draw: st.DrawFn, message: DescMessage) -> bytes:
    """An object with our fields, also twice, and values of all types, also far too deep."""
    whole = draw(_odd_object(message, 3) | st.sampled_from(_LITERALS) | _deep())
    return whole.decode("latin-1").encode(draw(st.sampled_from(["latin-1"] * 9 + ["utf-16", "utf-32"])))


@cache
def _odd_object(message: DescMessage, levels: int) -> SearchStrategy[bytes]:
    members = [_member(b"unknown", st.nothing())]
    for field in message.fields:
        nested = isinstance(field.value, DescFieldValueMessage) and levels
        inner = _odd_object(field.value.message, levels - 1) if nested else st.nothing()
        members += [_member(name.encode(), inner) for name in {field.json_name, field.name}]
    return st.lists(st.one_of(members), max_size=4).map(lambda given: b"{" + b",".join(given) + b"}")


def _member(name: bytes, inner: SearchStrategy[bytes]) -> SearchStrategy[bytes]:
    return (inner | st.sampled_from(_LITERALS) | _deep()).map(lambda value: b'"%s": %s' % (name, value))


@st.composite
def _deep(draw: st.DrawFn) -> bytes:
    opening, closing = draw(st.sampled_from([(b"[", b"]"), (b'{"a":', b"}"), (b'[{"":', b"}]")]))
    depth = draw(st.sampled_from(_DEPTHS)) // len(opening)
    return opening * depth + draw(st.sampled_from([b"", b"1", b"1" + closing * depth]))


@st.composite
def _in_parts(draw: st.DrawFn, sent: Sent) -> Sent:
    """As it is, or in up to three pieces that a network may make of it."""
    (body,) = sent.parts
    ends = sorted(draw(st.lists(st.integers(0, len(body)), max_size=2)))
    return Sent([body[start:end] for start, end in zip([0, *ends], [*ends, len(body)], strict=True)], sent.headers)
