"""CreateToken."""

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from connectrpc.code import Code
from protobuf.wkt.google.protobuf.timestamp_pb import Timestamp

from gen.tokens.v1.tokens_v1_pb import CreateTokenRequest, TokenMetadata
from tests.support import tables
from tests.support.databases import Original
from tests.support.refusals import refused
from tests.support.service import Gatepost, started
from tests.tokens.calls import (
    create,
    end_of,
    events,
    expire,
    get,
    id_of,
    listed,
    metadata_of,
    scopes_of,
    value_of,
    works,
)

MICROSECOND = timedelta(microseconds=1)


async def test_the_answer_tells_all_about_the_token(gatepost: Gatepost) -> None:
    ada = await gatepost.session()
    created = await create(ada.tokens, " ci\n", scopes=["deploy:run", "account:read"])
    now, metadata = gatepost.clock.now(), metadata_of(created)
    assert UUID(id_of(created)).version == 7
    assert metadata == TokenMetadata(
        name="ci",
        created_at=Timestamp.from_datetime(now),
        expires_at=Timestamp.from_datetime(now + timedelta(days=90)),
        value_hint=value_of(created)[:8],
    )
    assert scopes_of(created) == ["deploy:run", "account:read"]
    assert await works(gatepost.bearer(value_of(created)))


async def test_the_value_is_told_once_and_only_its_digest_is_kept(gatepost: Gatepost) -> None:
    ada = await gatepost.session()
    created = await create(ada.tokens)
    value = value_of(created)
    [(digest,)] = await gatepost.fetch("SELECT value_digest FROM tokens")
    assert digest == hashlib.sha256(value.encode()).digest()
    for answer in [await get(ada.tokens, id_of(created)), *await listed(ada.tokens)]:
        assert value.encode() not in answer.to_binary()
    stored = [await gatepost.fetch(f"SELECT * FROM {table}") for table in await tables.names(gatepost)]  # noqa: S608
    assert value not in str(stored)
    written = gatepost.settings.database_file.parent.glob("gatepost.db*") if gatepost.settings.database_file else []
    assert not any(value.encode() in file.read_bytes() for file in written)


async def test_a_name_is_the_accounts_own(gatepost: Gatepost) -> None:
    ada, bob = await gatepost.session("ada@example.test"), await gatepost.session("bob@example.test")
    await create(ada.tokens, "ci")
    with refused(Code.ALREADY_EXISTS, "NAME_TAKEN"):
        await create(ada.tokens, " ci ")
    await create(ada.tokens, "CI")
    await create(bob.tokens, "ci")


async def test_a_name_is_free_again_once_its_token_is_dead(gatepost: Gatepost) -> None:
    ada = await gatepost.session()
    forced = await create(ada.tokens, "forced")
    await expire(ada.tokens, id_of(forced))
    await create(ada.tokens, "forced")

    await create(ada.tokens, "timed", expires_at=gatepost.clock.now() + timedelta(hours=1))
    gatepost.clock.advance(timedelta(hours=1).total_seconds() - 1e-6)
    with refused(Code.ALREADY_EXISTS, "NAME_TAKEN"):
        await create(ada.tokens, "timed")
    gatepost.clock.advance(1e-6)
    await create(ada.tokens, "timed")


async def test_an_account_has_at_most_50_live_tokens(gatepost: Gatepost) -> None:
    ada, bob = await gatepost.session("ada@example.test"), await gatepost.session("bob@example.test")
    made = [await create(ada.tokens, f"token {number}") for number in range(50)]
    with refused(Code.RESOURCE_EXHAUSTED, "TOKEN_QUOTA"):
        await create(ada.tokens, "one more")
    await create(bob.tokens)
    await expire(ada.tokens, id_of(made[0]))
    await create(ada.tokens, "one more")
    with refused(Code.RESOURCE_EXHAUSTED, "TOKEN_QUOTA"):
        await create(ada.tokens, "too many again")
    assert len(await listed(ada.tokens)) == 51


@pytest.mark.parametrize(
    ("end", "accepted"),
    [
        (lambda now: now + MICROSECOND, True),
        (lambda now: now, False),
        (lambda now: now - timedelta(days=1), False),
        (lambda now: datetime.fromisoformat("1970-01-01T00:00:00Z"), False),
        (lambda now: now + timedelta(days=366), True),
        (lambda now: now + timedelta(days=366) + MICROSECOND, False),
        (lambda now: datetime.fromisoformat("9999-12-31T23:59:59Z"), False),
    ],
    ids=["soon", "now", "yesterday", "epoch", "the longest", "longer", "year 9999"],
)
async def test_an_end_is_in_the_future_and_within_366_days(
    gatepost: Gatepost, end: Callable[[datetime], datetime], accepted: bool
) -> None:
    ada = await gatepost.session()
    expires_at = end(gatepost.clock.now())
    if accepted:
        assert end_of(await create(ada.tokens, expires_at=expires_at)) == expires_at
    else:
        with refused(Code.INVALID_ARGUMENT, "INVALID_FIELD", fields=["token_metadata.expires_at"]):
            await create(ada.tokens, expires_at=expires_at)
        assert await listed(ada.tokens) == []


async def test_an_end_is_cut_to_microseconds_and_told_as_stored(gatepost: Gatepost) -> None:
    ada = await gatepost.session()
    asked = Timestamp.from_datetime(gatepost.clock.now() + timedelta(days=1))
    told, cut = (Timestamp(seconds=asked.seconds, nanos=nanos) for nanos in (999_999_999, 999_999_000))
    created = await ada.tokens.create_token(
        CreateTokenRequest(token_metadata=TokenMetadata(name="ci", expires_at=told))
    )
    assert metadata_of(created).expires_at == cut
    assert metadata_of(await get(ada.tokens, id_of(created))).expires_at == cut


async def test_lives_and_quota_are_settings(tmp_path: Path, migrated: Original) -> None:
    shorter: dict[str, Any] = {"token_default_days": 7, "token_max_days": 30, "token_quota": 1, "token_prefix": "acme_"}
    async with started(tmp_path, migrated, **shorter) as gatepost:
        ada = await gatepost.session()
        with refused(Code.INVALID_ARGUMENT, "INVALID_FIELD", fields=["token_metadata.expires_at"]):
            await create(ada.tokens, expires_at=gatepost.clock.now() + timedelta(days=31))
        created = await create(ada.tokens)
        assert end_of(created) == gatepost.clock.now() + timedelta(days=7)
        assert value_of(created).startswith("acme_")
        assert await works(gatepost.bearer(value_of(created)))
        with refused(Code.RESOURCE_EXHAUSTED, "TOKEN_QUOTA"):
            await create(ada.tokens, "another")


@pytest.mark.parametrize("name", ["", "  ", "n" * 65, "a\x00b", "a\nb", "right\u202eleft", "n" * 257], ids=ascii)
async def test_a_name_that_cannot_be_shown_is_refused(gatepost: Gatepost, name: str) -> None:
    ada = await gatepost.session()
    with refused(Code.INVALID_ARGUMENT, "INVALID_FIELD", fields=["token_metadata.name"]):
        await create(ada.tokens, name)


async def test_metadata_is_required(gatepost: Gatepost) -> None:
    ada = await gatepost.session()
    with refused(Code.INVALID_ARGUMENT, "INVALID_FIELD", fields=["token_metadata"]):
        await ada.tokens.create_token(CreateTokenRequest())


@pytest.mark.parametrize(
    ("scopes", "fields"),
    [
        (["account:read", "Upper:case"], ["token_permissions.scopes[1]"]),
        (["nocolon"], ["token_permissions.scopes[0]"]),
        (["a:b", "a:b"], ["token_permissions.scopes"]),
        ([f"a:b{number}" for number in range(33)], ["token_permissions.scopes"]),
    ],
    ids=["upper case", "no colon", "twice", "33 of them"],
)
async def test_scopes_that_cannot_be_granted(gatepost: Gatepost, scopes: list[str], fields: list[str]) -> None:
    ada = await gatepost.session()
    with refused(Code.INVALID_ARGUMENT, "INVALID_FIELD", fields=fields):
        await create(ada.tokens, scopes=scopes)
    assert await listed(ada.tokens) == []


async def test_output_fields_of_the_request_are_ignored(gatepost: Gatepost) -> None:
    ada = await gatepost.session()
    long_ago = Timestamp(seconds=1)
    created = await ada.tokens.create_token(
        CreateTokenRequest(
            token_metadata=TokenMetadata(
                name="ci", created_at=long_ago, last_used_at=long_ago, regenerated_at=long_ago, value_hint="forged"
            )
        )
    )
    metadata = metadata_of(created)
    assert metadata.created_at == Timestamp.from_datetime(gatepost.clock.now())
    assert metadata.value_hint == value_of(created)[:8]
    assert metadata.last_used_at is metadata.regenerated_at is None


async def test_the_owner_is_told_and_the_trail_keeps_it(gatepost: Gatepost) -> None:
    ada = await gatepost.session("ada@example.test", ip="192.0.2.7")
    created = await create(ada.tokens, "ci")
    assert await events(gatepost, id_of(created)) == ["token_created"]
    [mail] = [each for each in await gatepost.mails() if "token" in each["Subject"].lower()]
    assert mail["To"] == "ada@example.test"
    body = mail.get_content()
    assert "ci" in body
    assert "192.0.2.7" in body
    assert value_of(created) not in mail.as_string()


async def test_a_refused_creation_leaves_no_mail_and_no_line_in_the_trail(gatepost: Gatepost) -> None:
    ada = await gatepost.session()
    await create(ada.tokens, "ci")
    before = await _traces(gatepost)
    with refused(Code.ALREADY_EXISTS, "NAME_TAKEN"):
        await create(ada.tokens, "ci")
    assert await _traces(gatepost) == before


async def _traces(gatepost: Gatepost) -> tuple[Any, ...]:
    counts = "SELECT (SELECT count(*) FROM mail_outbox), (SELECT count(*) FROM security_events)"
    [row] = await gatepost.fetch(counts)
    return tuple(row)
