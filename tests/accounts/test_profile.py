"""IsEmailVerified and GetAccount: what a credential tells about the account behind it."""

from datetime import timedelta
from uuid import UUID

import pytest
from connectrpc.code import Code
from protobuf.wkt import Timestamp

from gen.accounts.v1.accounts_v1_pb import AccountData, IsEmailVerifiedRequest
from tests.accounts.calls import ADA, account, is_verified, refresh, verify_address
from tests.support.refusals import refused
from tests.support.service import Browser, Gatepost
from tests.tokens.calls import create, exchanged, id_of, update, value_of

BOB = "bob@example.test"


@pytest.mark.parametrize("email", [None, "", ADA, " ADA@Example.Test "])
async def test_own_address(gatepost: Gatepost, email: str | None) -> None:
    ada = await gatepost.session(ADA)
    assert await is_verified(ada, email) is False
    await verify_address(gatepost)
    assert await is_verified(ada, email) is True


async def test_the_name_is_ignored(gatepost: Gatepost) -> None:
    ada = await gatepost.session(ADA)
    assert await is_verified(ada, "", name=BOB) is False
    assert await is_verified(ada, ADA, name="somebody else") is False


async def test_any_other_address_is_refused_alike_whether_it_has_an_account_or_not(gatepost: Gatepost) -> None:
    await gatepost.browser().sign_up(BOB)
    await verify_address(gatepost, BOB)
    ada = await gatepost.session(ADA)
    answers = []
    for other in (BOB, "nobody@example.test", "ad@example.test", "no address", " "):
        with refused(Code.PERMISSION_DENIED, "SCOPE_MISSING") as told:
            await is_verified(ada, other)
        answers.append(told)
    assert all(each == answers[0] for each in answers)


async def test_overlong_fields_are_named_by_their_path(gatepost: Gatepost) -> None:
    ada = await gatepost.session(ADA)
    data = AccountData(name="n" * 129, email="a" * 321)
    with refused(Code.INVALID_ARGUMENT, "INVALID_FIELD", fields=["data.name", "data.email"]):
        await ada.accounts.is_email_verified(IsEmailVerifiedRequest(data=data))


@pytest.mark.parametrize("exchange", [False, True], ids=["bearer", "session of it"])
@pytest.mark.parametrize(
    ("scopes", "allowed"),
    [([], True), (["account:read"], True), (["tokens:read"], False), (["deploy:run"], False)],
    ids=str,
)
async def test_a_token_needs_account_read_for_anything_personal(
    gatepost: Gatepost, scopes: list[str], allowed: bool, exchange: bool
) -> None:
    ada = await gatepost.session(ADA)
    await verify_address(gatepost)
    value = value_of(await create(ada.tokens, scopes=scopes))
    holder = await exchanged(gatepost, value) if exchange else gatepost.bearer(value)
    told = await account(holder)
    assert told.account_id
    assert (told.data is not None, told.email_verified, told.created_at is not None) == (allowed,) * 3
    if allowed:
        assert await is_verified(holder) is True
    else:
        with refused(Code.PERMISSION_DENIED, "SCOPE_MISSING"):
            await is_verified(holder)


async def test_an_interactive_session_has_neither_scopes_nor_token(gatepost: Gatepost) -> None:
    told = await account(await gatepost.session(ADA))
    assert (told.scopes, told.token_uuid, told.pending_email) == ([], "", "")


async def test_the_id_is_a_version_7_uuid_and_never_changes(gatepost: Gatepost) -> None:
    ada, bob = await gatepost.session(ADA), await gatepost.session(BOB)
    first = (await account(ada)).account_id
    gatepost.clock.advance(days=1)
    assert (await account(await gatepost.session(ADA))).account_id == first
    assert UUID(first).version == 7
    assert (await account(bob)).account_id != first


@pytest.mark.parametrize("exchange", [False, True], ids=["bearer", "session of it"])
@pytest.mark.parametrize(
    ("stored", "effective"),
    [
        ([], ["account:read", "tokens:read"]),
        (["deploy:run", "a:b", "account:read"], ["a:b", "account:read", "deploy:run"]),
    ],
    ids=str,
)
async def test_the_effective_scopes_and_the_token_are_told(
    gatepost: Gatepost, stored: list[str], effective: list[str], exchange: bool
) -> None:
    ada = await gatepost.session(ADA)
    created = await create(ada.tokens, scopes=stored)
    value = value_of(created)
    told = await account(await exchanged(gatepost, value) if exchange else gatepost.bearer(value))
    assert (list(told.scopes), told.token_uuid) == (effective, id_of(created))


async def test_a_session_ends_when_its_idle_life_does_and_never_past_its_absolute_end(gatepost: Gatepost) -> None:
    ada = await gatepost.session(ADA)
    start = gatepost.clock.now()
    assert await end(ada) == Timestamp.from_datetime(start + timedelta(days=7))
    for day in range(1, 30):
        gatepost.clock.advance(days=1)
        await refresh(ada)
        if day in (1, 29):
            assert await end(ada) == Timestamp.from_datetime(start + timedelta(days=min(day + 7, 30)))


async def test_a_token_ends_when_it_expires_and_its_session_an_hour_after_it_began(gatepost: Gatepost) -> None:
    ada = await gatepost.session(ADA)
    start = gatepost.clock.now()
    created = await create(ada.tokens, expires_at=start + timedelta(days=3))
    holder, browser = gatepost.bearer(value_of(created)), await exchanged(gatepost, value_of(created))
    assert await end(holder) == Timestamp.from_datetime(start + timedelta(days=3))
    assert await end(browser) == Timestamp.from_datetime(start + timedelta(hours=1))
    await update(ada.tokens, id_of(created), expires_at=start + timedelta(minutes=5))
    assert await end(holder) == await end(browser) == Timestamp.from_datetime(start + timedelta(minutes=5))


async def test_without_a_credential(gatepost: Gatepost) -> None:
    for call in (account, is_verified):
        with refused(Code.UNAUTHENTICATED, "NO_CREDENTIAL"):
            await call(gatepost.browser())


async def end(holder: Browser) -> Timestamp | None:
    return (await account(holder)).credential_expires_at
