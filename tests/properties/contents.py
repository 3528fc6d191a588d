"""Messages at random, made from the descriptors in gen/, so that a new message is covered without a line here.

A message's content is a plain dict of what is set, by field name: neither runtime's own, so that it can be the measure
of both.
"""

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from protobuf import (
    DescEnum,
    DescFieldValue,
    DescFieldValueEnum,
    DescFieldValueList,
    DescFieldValueMap,
    DescFieldValueMessage,
    DescFieldValueScalar,
    DescFile,
    DescMessage,
    Message,
    ScalarType,
)

import gen

Content = dict[str, Any]
Plausible = tuple[tuple[str, SearchStrategy[Any]], ...]
"""Names of fields, and values for them."""

ODD_TEXT = [
    "\0",
    "\x7f\x80\x9f",
    "\r\n\t\b\f\x1b[31m",
    "\u2028\u2029",
    "\u202emoc.elpmaxe\u202c",  # written from right to left
    "\u200b\u200d\ufeff",  # invisible
    "\ufffd\ufffe\uffff",
    "\ud7ff\ue000\U00010000\U0010ffff",  # around the surrogates
    "e\u0301\u00e9\u1e9b\u0323",  # one letter, several spellings
    '"\\/\\u0000\\ud800',
    "ﷺ" * 30,  # 18 characters each in NFKC
    "%00&#0;<!--]]>",
]
CANARY = "c4n4ry-7f3a"
"""Stands wherever a secret may stand: where it turns up again, a secret would."""
TEXT = st.text(max_size=30) | st.sampled_from(ODD_TEXT) | st.text(max_size=10).map(lambda text: CANARY + text)


def _ints(low: int, high: int) -> SearchStrategy[int]:
    return st.integers(low, high) | st.sampled_from([low, low + 1, high - 1, high])


def _moments(longest: int, first: int, last: int) -> SearchStrategy[Content]:
    """What JSON can say of a Timestamp or a Duration."""
    whole, part = _ints(first, last), _ints(0, 999_999_999) | st.sampled_from([1_000, 1_000_000, 999_999_000])
    return st.builds(_moment, whole, part, st.just(longest))


def _moment(seconds: int, nanos: int, longest: int) -> Content:
    if abs(seconds) == longest:
        nanos = 0
    signed = -nanos if seconds < 0 and longest else nanos  # a Duration's halves have one sign
    return {name: value for name, value in (("seconds", seconds), ("nanos", signed)) if value}


_INT32, _INT64 = _ints(-(2**31), 2**31 - 1), _ints(-(2**63), 2**63 - 1)
_UINT32, _UINT64 = _ints(0, 2**32 - 1), _ints(0, 2**64 - 1)
_SCALARS: Mapping[ScalarType, SearchStrategy[Any]] = {
    ScalarType.DOUBLE: st.floats(allow_nan=False),
    ScalarType.FLOAT: st.floats(allow_nan=False, width=32),
    ScalarType.INT64: _INT64,
    ScalarType.SINT64: _INT64,
    ScalarType.SFIXED64: _INT64,
    ScalarType.UINT64: _UINT64,
    ScalarType.FIXED64: _UINT64,
    ScalarType.INT32: _INT32,
    ScalarType.SINT32: _INT32,
    ScalarType.SFIXED32: _INT32,
    ScalarType.UINT32: _UINT32,
    ScalarType.FIXED32: _UINT32,
    ScalarType.BOOL: st.booleans(),
    ScalarType.STRING: TEXT,
    ScalarType.BYTES: st.binary(max_size=30),
}
_LONGEST_DURATION = 315_576_000_000
_WELL_KNOWN: Mapping[str, SearchStrategy[Content]] = {
    "google.protobuf.Timestamp": _moments(0, -62_135_596_800, 253_402_300_799),
    "google.protobuf.Duration": _moments(_LONGEST_DURATION, -_LONGEST_DURATION, _LONGEST_DURATION),
}


@cache  # hypothesis looks into each strategy at its first use, which takes longer than most draws
def contents(message: DescMessage, plausible: Plausible = ()) -> SearchStrategy[Content]:
    """Contents of a message, all of its fields set or any of them."""
    if message.type_name in _WELL_KNOWN:
        return _WELL_KNOWN[message.type_name]
    fields = {field.name: _values(field.value, plausible) for field in message.fields}
    fields |= {name: values for name, values in plausible if name in fields}
    return st.fixed_dictionaries(fields) | st.fixed_dictionaries({}, optional=fields)


def _values(value: DescFieldValue, plausible: Plausible) -> SearchStrategy[Any]:
    match value:
        case DescFieldValueScalar():
            return _elements(value.scalar, plausible)
        case DescFieldValueEnum():
            return _elements(value.enum, plausible)
        case DescFieldValueMessage():
            return _elements(value.message, plausible)
        case DescFieldValueList():
            return st.lists(_elements(value.element, plausible), max_size=3)
        case DescFieldValueMap():
            return st.dictionaries(_elements(value.key, plausible), _elements(value.value, plausible), max_size=3)


def _elements(element: ScalarType | DescMessage | DescEnum, plausible: Plausible) -> SearchStrategy[Any]:
    match element:
        case ScalarType():
            return _SCALARS[element]
        case DescEnum():
            return st.sampled_from([each.number for each in element.values])
    return st.deferred(lambda: contents(element, plausible))


def filled(message: DescMessage, content: Content) -> Message[Any]:
    """Our runtime's message with this content."""
    made = message.type()
    for field in message.fields:
        if field.name in content:
            made[field] = _filled(field.value, content[field.name])
    return made


def _filled(value: DescFieldValue, content: Any) -> Any:
    match value:
        case DescFieldValueMessage():
            return filled(value.message, content)
        case DescFieldValueList(element=DescMessage() as element):
            return [filled(element, each) for each in content]
        case DescFieldValueMap(value=DescMessage() as element):
            return {key: filled(element, each) for key, each in content.items()}
    return content


def content_of(message: Any) -> Any:
    """What is set in a message of our runtime: explicitly, or to another value than its type's zero."""
    match message:
        case Message():
            return {field.name: content_of(message[field]) for field in message}
        case list():
            return [content_of(each) for each in message]
        case dict():
            return {key: content_of(each) for key, each in message.items()}
    return message


def generated_files() -> list[DescFile]:
    """All that tools/gen.sh made."""
    found = [each.name for each in pkgutil.walk_packages(gen.__path__, "gen.") if each.name.endswith("_pb")]
    return [importlib.import_module(name).desc() for name in sorted(found)]


def generated_messages() -> list[DescMessage]:
    return [message for file in generated_files() for each in file.messages for message in _with_nested(each)]


def _with_nested(message: DescMessage) -> Iterator[DescMessage]:
    yield message
    for nested in message.nested_messages:
        yield from _with_nested(nested)
