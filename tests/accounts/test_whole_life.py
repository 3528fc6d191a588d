"""An account from its first mail to its last, over a real mail server: each step needs what the one before it left."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from connectrpc.code import Code

from tests.accounts.calls import (
    ADA,
    account,
    change_password,
    codes,
    delete_account,
    is_verified,
    new_password,
    reset,
    revoke,
    security_events,
    send_code,
    sessions,
    sign_out,
    update_account,
    verify,
)
from tests.support.databases import Original
from tests.support.mailbox import Mailbox
from tests.support.refusals import refused
from tests.support.service import PASSWORD, Gatepost, started
from tests.support.smtp import smtp_server
from tests.tokens.calls import create, id_of, listed, regenerate, value_of, works

COUNTESS = "countess@example.test"
SECOND, THIRD = "second horse battery", "third horse battery"


async def test_a_whole_life(gatepost: Gatepost, mailbox: Mailbox) -> None:
    phone, laptop = gatepost.browser(), gatepost.browser()

    # She signs up, and the mail proves that the address is hers.
    await phone.sign_up(ADA)
    await verify(phone, await mailbox.code(ADA))
    await phone.sign_in(ADA)
    assert await is_verified(phone)
    with refused(Code.FAILED_PRECONDITION, "EMAIL_ALREADY_VERIFIED"):
        await send_code(phone)

    gatepost.clock.advance(days=1)

    # A second session, and one that she does not know any more, which she ends.
    await laptop.sign_in(ADA)
    cafe = await gatepost.session(ADA)
    [there] = [each.session_id for each in await sessions(cafe) if each.current]
    assert len(await sessions(phone)) == 3
    await revoke(phone, there)
    assert [await works(each) for each in (phone, laptop, cafe)] == [True, True, False]

    # A token for her builds.
    made = await create(laptop.tokens, "ci")
    builds = gatepost.bearer(value_of(made))
    await mailbox.next(ADA, "token was created")
    assert await works(builds)

    # She forgets the password: the code from the mail sets another, all sessions end, the proven owner's token stays.
    await reset(gatepost.browser())
    await new_password(gatepost.browser(), await mailbox.code(ADA, "password"), SECOND)
    assert "ci" in (await mailbox.next(ADA, "password")).get_content()
    assert [await works(each) for each in (phone, laptop, builds)] == [False, False, True]
    with refused(Code.UNAUTHENTICATED, "WRONG_EMAIL_OR_PASSWORD"):
        await phone.sign_in(ADA, PASSWORD)
    await phone.sign_in(ADA, SECOND)
    await laptop.sign_in(ADA, SECOND)

    # She changes it herself, and her other sessions end.
    await change_password(phone, THIRD, SECOND)
    await mailbox.next(ADA, "password")
    assert [await works(each) for each in (phone, laptop, builds)] == [True, False, True]

    # She moves to another address; nothing changes before its mail is read, and the old one hears of it.
    await update_account(phone, name="Ada Lovelace", email=COUNTESS)
    asked = {mail["To"]: mail for mail in [await mailbox.any(), await mailbox.any()]}
    told = await account(phone)
    assert told.data is not None
    assert (told.data.name, told.data.email, told.pending_email) == ("Ada Lovelace", ADA, COUNTESS)
    [code] = codes(asked[COUNTESS])
    assert codes(asked[ADA]) == []
    await verify(gatepost.browser(), code, COUNTESS)
    assert {(await mailbox.any())["To"], (await mailbox.any())["To"]} == {ADA, COUNTESS}
    with refused(Code.UNAUTHENTICATED, "WRONG_EMAIL_OR_PASSWORD"):
        await laptop.sign_in(ADA, THIRD)
    await laptop.sign_in(COUNTESS, THIRD)

    # The token gets another value in place, and ends by time, long before she leaves.
    fresh = gatepost.bearer(await regenerate(laptop.tokens, id_of(made)))
    assert [await works(each) for each in (builds, fresh)] == [False, True]
    await sign_out(laptop, everywhere=True)
    assert [await works(each) for each in (phone, laptop, fresh)] == [False, False, True]
    gatepost.clock.advance(days=100)
    await phone.sign_in(COUNTESS, THIRD)
    assert not await works(fresh)
    assert [each.token_uuid.uuid for each in await listed(phone.tokens) if each.token_uuid] == [id_of(made)]

    # What happened is told, and then everything goes.
    assert {each.kind for each in await security_events(phone)} >= {
        "signed_up", "email_verified", "signed_in", "session_revoked", "token_created", "password_reset",
        "password_changed", "email_changed", "sign_in_failed", "token_regenerated", "signed_out",
    }  # fmt: skip
    await delete_account(phone, THIRD)
    await mailbox.next(COUNTESS, "deleted")
    assert not await works(phone)
    assert await gatepost.fetch("SELECT 1 FROM accounts") == []
    await gatepost.browser().sign_up(COUNTESS)
    await mailbox.code(COUNTESS)


@pytest.fixture
async def mailbox() -> AsyncIterator[Mailbox]:
    async with smtp_server() as server:
        yield Mailbox(server)


@pytest.fixture
async def gatepost(tmp_path: Path, migrated: Original, mailbox: Mailbox) -> AsyncIterator[Gatepost]:
    async with started(tmp_path, migrated, mail_url=mailbox.server.url) as service:
        yield service
