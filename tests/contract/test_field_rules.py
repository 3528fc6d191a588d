"""The rules in the protos: what holds for any caller is refused before a handler sees it, and nothing else is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from protobuf import DescFieldValueList, DescFieldValueMessage, DescFieldValueScalar, DescMessage, Message, ScalarType
from protobuf.wkt import Timestamp
from protovalidate import Validator

from gen.accounts.v1 import accounts_v1_pb as accounts
from gen.test.v1 import test_v1_pb as test
from gen.tokens.v1 import tokens_v1_pb as tokens
from gen.tokens.v1.tokens_v1_pb import CreateTokenRequest, TokenMetadata, TokenPermissions, TokenUUID

UUID = TokenUUID(uuid="01938b2e-7c61-7d3a-9f53-0d4e8f1b2a6c")
METADATA = TokenMetadata(name="ci")
DATA = accounts.AccountData(name="n" * 128, email="e" * 320)
KEY = "\U0001f511"  # one character of four bytes
LAST_SECOND = int(datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp())

ACCEPTED: dict[str, Message[Any]] = {
    "sign in, shortest": accounts.SignInRequest(email="x", password="x"),
    "sign in, longest": accounts.SignInRequest(email="e" * 320, password=KEY * 256),
    "sign up, shortest": accounts.SignUpRequest(email="x", password="x"),
    "sign up, longest": accounts.SignUpRequest(email=" " * 66 + "e" * 254, password=KEY * 256),
    "no address asked about": accounts.IsEmailVerifiedRequest(),
    "address asked about": accounts.IsEmailVerifiedRequest(data=DATA),
    "new password": accounts.NewPasswordRequest(
        data=DATA, password=accounts.AccountPassword(password=KEY * 256), code="c" * 64
    ),
    "reset": accounts.ResetPasswordRequest(data=DATA),
    "token name, untrimmed": CreateTokenRequest(token_metadata=TokenMetadata(name="n" * 64 + " " * 192)),
    "no scopes": CreateTokenRequest(token_metadata=METADATA, token_permissions=TokenPermissions()),
    "scopes": CreateTokenRequest(
        token_metadata=METADATA,
        token_permissions=TokenPermissions(scopes=["account:read", "a" * 32 + ":" + "b" * 32, "x0_.-:y0_.-"]),
    ),
    "32 scopes": TokenPermissions(scopes=[f"s{number}:read" for number in range(32)]),
    "nothing to update": tokens.UpdateTokenRequest(token_uuid=UUID, token_metadata=TokenMetadata()),
    "upper-case UUID": tokens.GetTokenRequest(token_uuid=TokenUUID(uuid=UUID.uuid.upper())),
    "first page": tokens.ListTokensPageRequest(),
    "longest page": tokens.ListTokensPageRequest(page_size=100, page_token="t" * 512),
    # What only the service sets is ignored in requests, not refused.
    "output fields": CreateTokenRequest(
        token_metadata=TokenMetadata(name="ci", created_at=Timestamp(seconds=-1), value_hint="h" * 999)
    ),
}

REFUSED: dict[str, tuple[Message[Any], list[str]]] = {
    "sign in, empty": (accounts.SignInRequest(), ["email string.min_len", "password string.min_len"]),
    "sign in, over-long": (
        accounts.SignInRequest(email="e" * 321, password=KEY * 257),
        ["email string.max_len", "password string.max_len"],
    ),
    "sign up, empty": (accounts.SignUpRequest(), ["email string.min_len", "password string.min_len"]),
    "sign up, over-long": (
        accounts.SignUpRequest(email="e" * 321, password="p" * 257),
        ["email string.max_len", "password string.max_len"],
    ),
    "account data, over-long": (
        accounts.IsEmailVerifiedRequest(data=accounts.AccountData(name="n" * 129, email="e" * 321)),
        ["data.name string.max_len", "data.email string.max_len"],
    ),
    "new password, absent": (accounts.NewPasswordRequest(), ["data required", "password required"]),
    "new password, over-long": (
        accounts.NewPasswordRequest(data=DATA, password=accounts.AccountPassword(password="p" * 257), code="c" * 65),
        ["password.password string.max_len", "code string.max_len"],
    ),
    "reset of nobody": (accounts.ResetPasswordRequest(), ["data required"]),
    "token without metadata": (CreateTokenRequest(), ["token_metadata required"]),
    "token name, over-long": (
        CreateTokenRequest(token_metadata=TokenMetadata(name="n" * 257)),
        ["token_metadata.name string.max_len"],
    ),
    "33 scopes": (TokenPermissions(scopes=[f"s{number}:read" for number in range(33)]), ["scopes repeated.max_items"]),
    "scope twice": (TokenPermissions(scopes=["a:b", "a:b"]), ["scopes repeated.unique"]),
    "one bad scope": (
        CreateTokenRequest(token_metadata=METADATA, token_permissions=TokenPermissions(scopes=["a:b", "A:b"])),
        ["token_permissions.scopes[1] string.pattern"],
    ),
    "update of no token": (tokens.UpdateTokenRequest(), ["token_uuid required"]),
    "expiration of no token": (tokens.ForceTokenExpirationRequest(), ["token_uuid required"]),
    "regeneration of no token": (tokens.RegenerateTokenRequest(), ["token_uuid required"]),
    "no token to get": (tokens.GetTokenRequest(), ["token_uuid required"]),
    "empty UUID": (tokens.GetTokenRequest(token_uuid=TokenUUID()), ["token_uuid.uuid string.uuid_empty"]),
    "bad UUID": (tokens.GetTokenRequest(token_uuid=TokenUUID(uuid=UUID.uuid[:-1])), ["token_uuid.uuid string.uuid"]),
    "UUID in braces": (
        tokens.ForceTokenExpirationRequest(token_uuid=TokenUUID(uuid=f"{{{UUID.uuid}}}")),
        ["token_uuid.uuid string.uuid"],
    ),
    "UUID without dashes": (
        tokens.RegenerateTokenRequest(token_uuid=TokenUUID(uuid=UUID.uuid.replace("-", ""))),
        ["token_uuid.uuid string.uuid"],
    ),
    "page too long": (tokens.ListTokensPageRequest(page_size=101), ["page_size int32.gte_lte"]),
    "negative page": (tokens.ListTokensPageRequest(page_size=-1), ["page_size int32.gte_lte"]),
    "page token, over-long": (tokens.ListTokensPageRequest(page_token="t" * 513), ["page_token string.max_len"]),
}

# Set by the service only, and ignored in requests whatever its length; the limit on a whole body bounds it.
UNBOUNDED = {
    f"tokens.v1.{request}.token_metadata.value_hint" for request in ("CreateTokenRequest", "UpdateTokenRequest")
}


@pytest.mark.parametrize("case", ACCEPTED)
def test_accepted(validator: Validator, case: str) -> None:
    assert violations(validator, ACCEPTED[case]) == []


@pytest.mark.parametrize("case", REFUSED)
def test_refused(validator: Validator, case: str) -> None:
    message, expected = REFUSED[case]
    assert violations(validator, message) == expected


@pytest.mark.parametrize(
    "scope",
    ["", "read", "a:", ":a", "A:b", "1a:b", "a:b:c", "a:b\n", " a:b", "a b:c", "é:b", "a" * 33 + ":b", "a:" + "b" * 33],
)
def test_not_a_scope(validator: Validator, scope: str) -> None:
    assert violations(validator, TokenPermissions(scopes=[scope])) == ["scopes[0] string.pattern"]


@pytest.mark.parametrize(
    ("seconds", "nanos"),
    [
        (-1, 0),
        (-1, 999_999_999),
        (0, -1),
        (-(2**63), 0),
        (LAST_SECOND, 1),
        (LAST_SECOND + 1, 0),
        (2**63 - 1, 2**31 - 1),
    ],
)
def test_end_outside_of_time_is_refused(validator: Validator, seconds: int, nanos: int) -> None:
    """The binary codec lets these through, and Timestamp.to_datetime() raises OverflowError for most of them."""
    metadata = TokenMetadata(expires_at=Timestamp(seconds=seconds, nanos=nanos))
    decoded = CreateTokenRequest.from_binary(CreateTokenRequest(token_metadata=metadata).to_binary())
    assert violations(validator, decoded) == ["token_metadata.expires_at timestamp.gte_lte"]


@pytest.mark.parametrize(
    ("seconds", "nanos"),
    [(0, 0), (0, 2**31 - 1), (5, -1), (LAST_SECOND, 0), (LAST_SECOND, -(2**31)), (LAST_SECOND - 1, 999_999_999)],
)
def test_accepted_end_fits_a_datetime(validator: Validator, seconds: int, nanos: int) -> None:
    end = Timestamp(seconds=seconds, nanos=nanos)
    assert violations(validator, TokenMetadata(expires_at=end)) == []
    assert end.to_datetime().tzinfo is UTC


def test_every_text_that_a_caller_may_send_is_bounded(validator: Validator) -> None:
    requests = {
        method.input.type_name: method.input
        for file in (accounts.desc(), tokens.desc(), test.desc())
        for service in file.services
        for method in service.methods
    }
    unbounded = {
        f"{name}.{path}"
        for name, request in requests.items()
        for path, message in oversized(request)
        if not any(violation.startswith(f"{path} ") for violation in violations(validator, message))
    }
    assert unbounded == UNBOUNDED


def violations(validator: Validator, message: Message[Any]) -> list[str]:
    """Each violation as `path.to.field[index] rule`."""
    told = []
    for violation in validator.collect_violations(message):
        assert violation.proto.field is not None
        path = ".".join(
            element.field_name + (f"[{element.subscript.value}]" if element.subscript else "")
            for element in violation.proto.field.elements
        )
        told.append(f"{path} {violation.proto.rule_id}")
    return told


def oversized(message: DescMessage) -> Iterator[tuple[str, Message[Any]]]:
    """For each text field in a message, however deep, its path and a message in which it is far too long."""
    for field in message.fields:
        match field.value:
            case DescFieldValueScalar(scalar=ScalarType.STRING):
                yield field.name, message.type(**{field.local_name: "a" * 10_000})
            case DescFieldValueList(element=ScalarType.STRING):
                yield f"{field.name}[0]", message.type(**{field.local_name: ["a" * 10_000]})
            case DescFieldValueMessage(message=inner):
                for path, filled in oversized(inner):
                    yield f"{field.name}.{path}", message.type(**{field.local_name: filled})


@pytest.fixture(scope="module")
def validator() -> Validator:
    return Validator()
