"""What our codecs write, Google's runtime reads to the same message, and the reverse."""

from collections.abc import Callable
from typing import Any

import pytest
from google.protobuf.json_format import SerializeToJsonError
from google.protobuf.message import DecodeError
from hypothesis import assume, given
from hypothesis import strategies as st
from protobuf.wkt import Duration, Timestamp

from app.rpc.codecs import discreet_codecs
from app.rpc.errors import RefusalAnswer
from gen.accounts.v1.accounts_v1_pb import SignInRequest
from gen.google.rpc.error_details_pb import RetryInfo
from gen.tokens.v1.tokens_v1_pb import TokenMetadata
from tests.properties import contents, witness
from tests.properties.contents import Content, content_of, filled
from tests.properties.damage import damaged, damaged_text
from tests.support.cases import Tally, cases

MESSAGES = {message.type_name: message for message in contents.generated_messages()}
BINARY, JSON = discreet_codecs()
REFUSED = "refused"
any_message = given(name=st.sampled_from(list(MESSAGES)), data=st.data())


@pytest.mark.parametrize("name", MESSAGES)
@given(data=st.data())
@cases(50)
def test_each_reads_what_the_other_writes(name: str, data: st.DataObject, tally: Tally) -> None:
    message = MESSAGES[name]
    drawn = data.draw(contents.contents(message))
    ours, theirs = filled(message, drawn), witness.filled(name, drawn)
    content = content_of(ours)
    assert witness.content_of(theirs) == content  # they agree about what counts as set
    assert witness.content_of(witness.from_binary(name, BINARY.encode(ours))) == content
    assert witness.content_of(witness.from_json(name, JSON.encode(ours))) == content
    assert content_of(BINARY.decode(theirs.SerializeToString(), message.type)) == content
    assert content_of(JSON.decode(witness.to_json(theirs), message.type)) == content
    tally["messages written by one runtime and read by the other"] += 4


def test_buf_and_gen_know_the_same_messages() -> None:
    assert set(MESSAGES) == {
        name for name in witness.message_names() if not name.startswith(("google.protobuf.", "buf."))
    }


@any_message
@cases(300)
def test_unknown_fields(name: str, data: st.DataObject, tally: Tally) -> None:
    """Binary keeps them for whoever reads the message next, JSON passes them over (ProtoJSON allows no better)."""
    message = MESSAGES[name]
    known = filled(message, data.draw(contents.contents(message)))
    extra = data.draw(st.lists(_unknown_fields(), min_size=1, max_size=4))
    came = BINARY.encode(known) + b"".join(extra)
    passed_on, kept = BINARY.decode(came, message.type), witness.from_binary(name, came)
    told = witness.from_binary(name, BINARY.encode(passed_on))
    assert (witness.content_of(told), witness.unknown(told)) == (content_of(known), witness.unknown(kept))
    assert len(witness.unknown(told)) == len(extra)
    assert content_of(JSON.decode(JSON.encode(passed_on), message.type)) == content_of(known)
    tally["messages with unknown fields"] += 1


@any_message
@cases(600)
def test_google_reads_damaged_binary_alike(name: str, data: st.DataObject, tally: Tally) -> None:
    """Whatever we take, Google takes for the same; ours may refuse more, such as a field number of zero."""
    message = MESSAGES[name]
    whole = BINARY.encode(filled(message, data.draw(contents.contents(message))))
    body = data.draw(damaged(whole))
    ours = _or_refused(lambda: content_of(BINARY.decode(body, message.type)))
    assert ours in (REFUSED, _or_refused(lambda: witness.content_of(witness.from_binary(name, body))))
    tally["damaged messages read by both"] += 1


@any_message
@cases(600)
def test_google_reads_damaged_json_alike(name: str, data: st.DataObject, tally: Tally) -> None:
    """Ours may refuse more: Google takes `""` and `[]` for a message without fields, and days of one digit."""
    message = MESSAGES[name]
    whole = JSON.encode(filled(message, data.draw(contents.contents(message)))).decode()
    body = data.draw(damaged_text(whole)).encode()
    assume(b'"[' not in body)  # the name of an extension, of which we have none
    ours = _or_refused(lambda: content_of(JSON.decode(body, message.type)))
    assert ours in (REFUSED, _or_refused(lambda: witness.content_of(witness.from_json(name, body))))
    tally["damaged messages read by both"] += 1


@pytest.mark.parametrize(
    ("field", "seconds", "nanos"),
    [
        ("expires_at", -62_135_596_801, 0),
        ("expires_at", 253_402_300_800, 0),
        ("expires_at", 0, -1),
        ("expires_at", 0, 1_000_000_000),
        ("expires_at", 2**63 - 1, 2**31 - 1),
        ("expires_at", -(2**63), -(2**31)),
        ("retry_delay", 315_576_000_001, 0),
        ("retry_delay", -315_576_000_001, 0),
        ("retry_delay", 1, -1),
        ("retry_delay", 0, 1_000_000_000),
    ],
)
def test_a_moment_that_only_binary_can_say(field: str, seconds: int, nanos: int) -> None:
    content = {field: {"seconds": seconds, "nanos": nanos}}
    made = TokenMetadata(expires_at=Timestamp(seconds=seconds, nanos=nanos))
    if field == "retry_delay":
        made = RetryInfo(retry_delay=Duration(seconds=seconds, nanos=nanos))
    name = type(made).desc().type_name
    told = witness.content_of(witness.from_binary(name, BINARY.encode(made)))
    assert told == {field: {key: value for key, value in content[field].items() if value}}
    with pytest.raises(SerializeToJsonError):
        witness.to_json(witness.filled(name, content))
    with pytest.raises(RefusalAnswer):
        JSON.encode(made)


@pytest.mark.parametrize("text", [b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82", b"caf\xe9"])
def test_bytes_that_are_no_text(text: bytes) -> None:
    body = b"\x0a" + bytes([len(text)]) + text
    with pytest.raises(DecodeError):
        witness.from_binary("accounts.v1.SignInRequest", body)
    for refused in (lambda: BINARY.decode(body, SignInRequest), lambda: JSON.decode(_quoted(text), SignInRequest)):
        with pytest.raises(RefusalAnswer):
            refused()


@pytest.mark.parametrize("escape", [b"\\ud800", b"\\udfff", b"\\ud800x", b"\\udc00\\ud800"])
def test_half_a_surrogate_pair_is_no_text(escape: bytes) -> None:
    with pytest.raises(RefusalAnswer):
        JSON.decode(_quoted(escape), SignInRequest)
    for codec in (BINARY, JSON):
        with pytest.raises(RefusalAnswer):
            codec.encode(SignInRequest(email="\ud800"))


def _quoted(text: bytes) -> bytes:
    return b'{"email": "' + text + b'"}'


def _or_refused(read: Callable[[], Content]) -> Any:
    try:
        return read()
    except Exception:
        return REFUSED


@st.composite
def _unknown_fields(draw: st.DrawFn) -> bytes:
    """A field that a later version of a message might have, in any wire type that is not deprecated."""
    number = draw(st.integers(100, 2**29 - 1))
    kind, value = draw(
        st.tuples(st.just(0), st.integers(0, 2**64 - 1).map(_varint))
        | st.tuples(st.just(1), st.binary(min_size=8, max_size=8))
        | st.tuples(st.just(2), st.binary(max_size=200).map(lambda value: _varint(len(value)) + value))
        | st.tuples(st.just(5), st.binary(min_size=4, max_size=4))
    )
    return _varint(number << 3 | kind) + value


def _varint(number: int) -> bytes:
    written = bytearray()
    while number > 0x7F:
        written.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*written, number])
