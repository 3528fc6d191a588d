"""The session: what opens it, how long it lives, how many there may be."""

import base64
import hashlib
from pathlib import Path
from uuid import UUID

import pytest
from connectrpc.code import Code

from app.core.secrets import Signatures, new_secret
from gen.test.v1.test_v1_pb import PongRequest
from tests.accounts.calls import ADA, account, refresh, tab, trail
from tests.support.databases import Original
from tests.support.refusals import refused
from tests.support.service import COOKIE, Gatepost, started
from tests.tokens.calls import create, listed, works

BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


async def test_the_value_is_an_id_and_256_random_bits_of_which_a_digest_is_stored(gatepost: Gatepost) -> None:
    ada = await gatepost.session(ADA)
    session_id, secret, signature = str(ada.session).split(".")
    assert UUID(session_id).version == 7
    assert len(base64.urlsafe_b64decode(secret + "=")) == len(base64.urlsafe_b64decode(signature + "=")) == 32
    [row] = await gatepost.fetch("SELECT * FROM sessions")
    assert row[0] == session_id
    assert hashlib.sha256(secret.encode()).digest() in row
    assert secret not in str(row)


async def test_two_sessions_have_nothing_in_common(gatepost: Gatepost) -> None:
    """ASVS 7.2.2."""
    one, other = await gatepost.session(ADA), await gatepost.session(ADA)
    assert all(a != b for a, b in zip(str(one.session).split("."), str(other.session).split("."), strict=True))


async def test_any_altered_character_is_refused_and_the_session_lives(gatepost: Gatepost) -> None:
    ada = await gatepost.session(ADA)
    value = str(ada.session)
    for at, character in enumerate(value):
        other = "1" if character != "1" else "0"
        assert not await works(tab(gatepost, value[:at] + other + value[at + 1 :])), at
    assert await works(ada)
    assert await trail(gatepost) == ["signed_up", "signed_in"]


async def test_a_value_in_another_form_is_refused_and_the_session_lives(gatepost: Gatepost) -> None:
    ada, other = await gatepost.session(ADA), await gatepost.session(ADA)
    id_, secret, signature = str(ada.session).split(".")
    other_id, other_secret, other_signature = str(other.session).split(".")
    for altered in (
        "",
        id_,
        f"{id_}.{secret}",
        f"{id_}.{secret}.",
        f".{secret}.{signature}",
        f"{id_}..{signature}",
        f"{id_}.{secret}.{signature}=",
        f"{id_}.{secret}.{signature}A",
        f"{id_}.{secret}.{signature}.",
        f"{id_}.{secret}.{signature}\xe9",
        f"{id_}.{secret}.{signature}.{signature}",
        f"{id_.upper()}.{secret}.{signature}",
        f"{UUID(id_)}.{secret}.{signature}",
        f'"{id_}.{secret}.{signature}"',
        f"{id_}.{secret}.{other_signature}",
        f"{id_}.{other_secret}.{signature}",
        f"{other_id}.{secret}.{signature}",
        f"{other_id}.{other_secret}.{signature}",
        f"{id_}.{secret}.{signature}" * 30,
    ):
        with refused(Code.UNAUTHENTICATED, "BAD_CREDENTIAL"):
            await tab(gatepost, altered).pong.pong(PongRequest())
    assert await works(ada)
    assert await works(other)


async def test_a_signature_in_another_spelling_is_refused(gatepost: Gatepost) -> None:
    """43 characters carry two bits more than 32 bytes, which decoders ignore: one signature has four spellings."""
    ada = await gatepost.session(ADA)
    value = str(ada.session)
    same = BASE64.index(value[-1]) & ~0b11
    spellings = [value[:-1] + BASE64[same + spare] for spare in range(4)]
    assert [await works(tab(gatepost, each)) for each in spellings] == [each == value for each in spellings]


@pytest.mark.parametrize(
    ("key", "purpose"),
    [("another-key-of-the-tests-0123456789", "session"), ("first-key-of-the-tests-0123456789", "another purpose")],
)
async def test_what_another_key_or_purpose_signed_is_refused(gatepost: Gatepost, key: str, purpose: str) -> None:
    ada = await gatepost.session(ADA)
    unsigned = str(ada.session).rpartition(".")[0]
    assert not await works(tab(gatepost, Signatures([key], purpose).sign(unsigned)))


async def test_our_signature_does_not_help_an_id_that_no_session_has(gatepost: Gatepost) -> None:
    signatures = Signatures(gatepost.settings.keys, "session")
    forged = signatures.sign(f"{UUID(int=0x018F00000000700080000000000000 << 8).hex}.{new_secret()}")
    with refused(Code.UNAUTHENTICATED, "BAD_CREDENTIAL"):
        await tab(gatepost, forged).pong.pong(PongRequest())


async def test_no_credential_has_a_reason_of_its_own(gatepost: Gatepost) -> None:
    with refused(Code.UNAUTHENTICATED, "NO_CREDENTIAL"):
        await gatepost.browser().pong.pong(PongRequest())


async def test_of_two_cookies_of_the_name_neither_is_taken(gatepost: Gatepost) -> None:
    """Another host of the domain may have set one of them; guessing which would let it choose the account."""
    ada = await gatepost.session(ADA)
    both = gatepost.browser(headers={"cookie": f"{COOKIE}={ada.session}; {COOKIE}={ada.session}"})
    with refused(Code.UNAUTHENTICATED, "BAD_CREDENTIAL"):
        await both.pong.pong(PongRequest())


async def test_odd_cookies_beside_it_do_no_harm(gatepost: Gatepost) -> None:
    ada = await gatepost.session(ADA)
    crowd = f'theme; a="b; =; x{COOKIE}=no; {COOKIE}={ada.session}; {COOKIE}x=no; [odd]=\u00e9'
    assert await works(gatepost.browser(headers={"cookie": crowd}))


async def test_it_ends_after_7_idle_days(gatepost: Gatepost) -> None:
    """ASVS 7.3.1."""
    ada = await gatepost.session(ADA)
    gatepost.clock.advance(days=7, microseconds=-1)
    assert await works(ada)
    gatepost.clock.advance(microseconds=1)
    assert not await works(ada)


async def test_it_ends_after_30_days_however_often_it_is_refreshed(gatepost: Gatepost) -> None:
    """ASVS 7.3.2."""
    ada = await gatepost.session(ADA)
    for day in range(1, 30):
        gatepost.clock.advance(days=1)
        assert await refresh(ada) == min(7, 30 - day) * 86400
    gatepost.clock.advance(days=1, microseconds=-1)
    assert await works(ada)
    gatepost.clock.advance(microseconds=1)
    assert not await works(ada)


async def test_no_call_but_refresh_session_slides_the_idle_end(gatepost: Gatepost) -> None:
    ada = await gatepost.session(ADA)
    await create(ada.tokens)
    gatepost.clock.advance(days=6)
    await ada.pong.pong(PongRequest())
    await account(ada)
    await listed(ada.tokens)
    await create(ada.tokens, "another")
    await flush(gatepost)
    gatepost.clock.advance(days=1)
    assert not await works(ada)


async def test_the_lives_are_settings(tmp_path: Path, migrated: Original) -> None:
    async with started(tmp_path, migrated, session_idle=600, session_absolute=1000) as gatepost:
        ada = await gatepost.session(ADA)
        gatepost.clock.advance(500)
        assert await refresh(ada) == 500
        gatepost.clock.advance(500)
        assert not await works(ada)


async def test_the_last_use_is_exact_to_a_minute_and_written_in_batches(gatepost: Gatepost) -> None:
    ada = await gatepost.session(ADA)
    for seconds, expected in [(59, "12:00:00"), (1, "12:01:00"), (59, "12:01:00"), (1, "12:02:00")]:
        gatepost.clock.advance(seconds)
        await ada.pong.pong(PongRequest())
        await flush(gatepost)
        assert await last_seen(gatepost) == expected


async def test_a_use_that_is_written_late_does_not_hide_a_later_one(gatepost: Gatepost) -> None:
    ada = await gatepost.session(ADA)
    gatepost.clock.advance(60)
    await ada.pong.pong(PongRequest())
    gatepost.clock.advance(60)
    await refresh(ada)
    await flush(gatepost)
    assert await last_seen(gatepost) == "12:02:00"


async def flush(gatepost: Gatepost) -> None:
    for activity in gatepost.parts.activities:
        await activity.flush()


async def last_seen(gatepost: Gatepost) -> str:
    [(at,)] = await gatepost.fetch("SELECT last_seen_at FROM sessions")
    return str(at)[11:19]
