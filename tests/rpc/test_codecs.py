"""The codecs: as connectrpc's own where all is well, and silent where it is not."""

import pytest
from connectrpc.code import Code
from connectrpc.codec import Codec, proto_binary_codec, proto_json_codec
from structlog.testing import capture_logs

from app.rpc.codecs import discreet_codecs
from gen.accounts.v1.accounts_v1_pb import SignInRequest
from tests.support.refusals import refused

SECRET = "hunter2-canary"
CODECS = [codec.name() for codec in discreet_codecs()]
PAIRS = list(zip(discreet_codecs(), [proto_binary_codec(), proto_json_codec()], strict=True))
MESSAGE = SignInRequest(email="ada@example.test", password=SECRET)


@pytest.mark.parametrize(("ours", "plain"), PAIRS, ids=CODECS)
def test_messages_pass_unchanged(ours: Codec, plain: Codec) -> None:
    written = ours.encode(MESSAGE)
    assert (ours.name(), written) == (plain.name(), plain.encode(MESSAGE))
    assert ours.decode(written, SignInRequest) == MESSAGE


@pytest.mark.parametrize("codec", discreet_codecs(), ids=CODECS)
def test_a_broken_body_is_not_repeated(codec: Codec) -> None:
    with refused(Code.INVALID_ARGUMENT, "UNDECODABLE") as told:
        codec.decode(f'{{"password": "{SECRET}'.encode(), SignInRequest)
    assert SECRET not in told.sentence


class Unwritable:
    def to_json(self, **_: object) -> str:
        raise ValueError(SECRET)

    to_binary = to_json


@pytest.mark.parametrize("codec", discreet_codecs(), ids=CODECS)
def test_an_answer_that_cannot_be_written_is_not_repeated(codec: Codec) -> None:
    with capture_logs() as logged, refused(Code.INTERNAL, "INTERNAL") as told:
        codec.encode(Unwritable())
    assert logged[0]["error_id"] in told.sentence
    assert SECRET not in repr((told, logged))
