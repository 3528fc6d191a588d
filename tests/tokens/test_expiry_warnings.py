"""Owners hear 14 and 3 days before it that a token ends, once each, and only where it tells them something."""

import asyncio
from collections import Counter
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import event

from app import main
from app.core.db import Tx
from app.mail.outbox import Mail, Outbox
from app.tokens.expiry_warning import BATCH, WarnOfExpiry
from app.tokens.models import TokenRow
from tests.accounts.calls import ADA
from tests.support import tables
from tests.support.databases import Original
from tests.support.service import Gatepost, started
from tests.tokens.calls import create, expire, id_of, regenerate, update

TOKEN = "nightly build"


async def test_the_owner_hears_twice_and_no_more(gatepost: Gatepost) -> None:
    """ASVS 6.4.5."""
    ada = await gatepost.session(ADA)
    await create(ada.tokens, TOKEN)
    gatepost.clock.advance(days=90 - 14, seconds=-1)
    assert await warn(gatepost) == 0
    gatepost.clock.advance(1)
    assert await warn(gatepost) == 1
    [mail] = await warnings(gatepost)
    assert mail["to"] == ADA
    assert TOKEN in text(mail)
    assert "2026" in text(mail)
    heard = [await days_told(gatepost)]
    for _ in range(15):
        gatepost.clock.advance(days=1)
        await warn(gatepost)
        heard.append(await days_told(gatepost))
    assert heard == [["14"]] * 11 + [["14", "3"]] * 5


@pytest.mark.parametrize(
    ("life", "heard"),
    [
        (timedelta(days=15), ["14", "3"]),
        (timedelta(days=14, seconds=1), ["14", "3"]),
        (timedelta(days=14), ["3"]),
        (timedelta(days=7), ["3"]),
        (timedelta(days=3, seconds=1), ["3"]),
        (timedelta(days=3), []),
        (timedelta(hours=1), []),
    ],
    ids=str,
)
@pytest.mark.parametrize("moved", [False, True])
async def test_what_the_owner_just_chose_needs_no_warning(
    gatepost: Gatepost, life: timedelta, heard: list[str], moved: bool
) -> None:
    ada = await gatepost.session(ADA)
    end = gatepost.clock.now() + life
    token = await create(ada.tokens, expires_at=None if moved else end)
    if moved:
        await update(ada.tokens, id_of(token), expires_at=end)
    for _ in range(16 * 4):
        await warn(gatepost)
        gatepost.clock.advance(hours=6)
    assert await days_told(gatepost) == heard


async def test_after_a_long_stop_one_warning_is_enough(gatepost: Gatepost) -> None:
    ada = await gatepost.session(ADA)
    await create(ada.tokens)
    gatepost.clock.advance(days=88)
    await warn(gatepost)
    assert await days_told(gatepost) == ["2"]
    gatepost.clock.advance(days=1)
    assert await warn(gatepost) == 0


async def test_a_new_end_is_warned_of_anew_and_another_name_is_not(gatepost: Gatepost) -> None:
    ada = await gatepost.session(ADA)
    token = id_of(await create(ada.tokens))
    gatepost.clock.advance(days=76)
    await warn(gatepost)
    ada = await gatepost.session(ADA)
    await update(ada.tokens, token, name="renamed", scopes=["orders:read"])
    await regenerate(ada.tokens, token)
    assert await warn(gatepost) == 0
    await update(ada.tokens, token, expires_at=gatepost.clock.now() + timedelta(days=30))
    assert await warn(gatepost) == 0
    gatepost.clock.advance(days=16)
    assert await warn(gatepost) == 1
    assert await days_told(gatepost) == ["14", "14"]


async def test_an_update_that_leaves_the_end_does_not_swallow_a_warning_that_is_due(gatepost: Gatepost) -> None:
    ada = await gatepost.session(ADA)
    token = id_of(await create(ada.tokens))
    gatepost.clock.advance(days=76)
    ada = await gatepost.session(ADA)
    await update(ada.tokens, token, name="renamed")
    assert await warn(gatepost) == 1


async def test_of_what_is_dead_nobody_is_warned(gatepost: Gatepost) -> None:
    ada = await gatepost.session(ADA)
    forced, valueless, over = [id_of(await create(ada.tokens, name)) for name in ("forced", "valueless", "over")]
    for token in (forced, valueless):
        await expire(ada.tokens, token)
    await update(ada.tokens, valueless, expires_at=gatepost.clock.now() + timedelta(days=90))
    await update(ada.tokens, over, expires_at=gatepost.clock.now() + timedelta(days=20))
    gatepost.clock.advance(days=20)
    assert await warn(gatepost) == 0
    gatepost.clock.advance(days=60)
    assert await warn(gatepost) == 0
    ada = await gatepost.session(ADA)
    await regenerate(ada.tokens, valueless)
    await warn(gatepost)
    assert await days_told(gatepost) == ["10"]


async def test_a_disabled_account_is_not_written_to(gatepost: Gatepost) -> None:
    ada, bob = await gatepost.session(ADA), await gatepost.session("bob@example.test")
    await create(ada.tokens)
    await create(bob.tokens)
    # Disabling expires the tokens too; a warning that is under way at that moment must not be sent either.
    await gatepost.execute("UPDATE accounts SET disabled_at = created_at WHERE address = ?", ADA)
    gatepost.clock.advance(days=80)
    await warn(gatepost)
    assert [mail["to"] for mail in await warnings(gatepost)] == ["bob@example.test"]


async def test_two_processes_send_one_mail_for_each_of_many_tokens(tmp_path: Path, migrated: Original) -> None:
    async with started(tmp_path, migrated) as one, started(tmp_path, migrated, clock=one.clock) as other:
        ada = await one.session(ADA)
        await create(ada.tokens)
        await many(one, 2 * BATCH + 20)
        one.clock.advance(days=80)
        assert sum(await asyncio.gather(warn(one), warn(other), warn(one), warn(other))) == 2 * BATCH + 21
        rows = await one.fetch("SELECT recipient FROM mail_outbox WHERE template = 'token_expires'")
        assert Counter(rows) == {(ADA,): 2 * BATCH + 21}


async def test_statements_are_as_many_for_a_full_batch_as_for_one_token(gatepost: Gatepost) -> None:
    ada = await gatepost.session(ADA)
    await create(ada.tokens)
    gatepost.clock.advance(days=80)
    for_one = await statements(gatepost)
    assert len(for_one) == 3
    await many(gatepost, BATCH)
    assert await statements(gatepost) == for_one


async def test_without_its_mail_no_warning_counts_as_given(gatepost: Gatepost, monkeypatch: pytest.MonkeyPatch) -> None:
    async def full(outbox: Outbox, tx: Tx, mails: list[Mail]) -> None:
        raise ZeroDivisionError

    ada = await gatepost.session(ADA)
    await create(ada.tokens)
    gatepost.clock.advance(days=80)
    with monkeypatch.context() as patched:
        patched.setattr(Outbox, "queue_all", full)
        with pytest.raises(ZeroDivisionError):
            await warn(gatepost)
    assert await warn(gatepost) == 1


async def test_a_warning_that_cannot_be_sent_is_given_up_when_the_token_ends(gatepost: Gatepost) -> None:
    ada = await gatepost.session(ADA)
    await create(ada.tokens)
    gatepost.clock.advance(days=89)
    await warn(gatepost)
    [(queued, tokens)] = await gatepost.fetch(
        "SELECT valid_until, expires_at FROM mail_outbox, tokens WHERE template = 'token_expires'"
    )
    assert queued == tokens


async def test_the_service_does_it_by_itself(
    tmp_path: Path, migrated: Original, monkeypatch: pytest.MonkeyPatch
) -> None:
    called = asyncio.Event()

    async def note(_: WarnOfExpiry) -> int:
        called.set()
        return 0

    monkeypatch.setattr(WarnOfExpiry, "__call__", note)
    monkeypatch.setattr(main, "SWEEP_FIRST_AFTER", 0)
    async with started(tmp_path, migrated):
        await called.wait()


@pytest.mark.only("sqlite")
async def test_those_due_are_found_by_an_index(gatepost: Gatepost) -> None:
    ada = await gatepost.session(ADA)
    await create(ada.tokens)
    for statement, values in await noted(gatepost):
        plan = [line for _, _, _, line in await gatepost.fetch(f"EXPLAIN QUERY PLAN {statement}", *values)]
        assert plan == ["SEARCH tokens USING INDEX ix_tokens_expires_at (expires_at>? AND expires_at<?)"]


async def warn(gatepost: Gatepost) -> int:
    """One round, with its mails sent."""
    total = await WarnOfExpiry(gatepost.parts.db, gatepost.clock, Outbox(gatepost.clock), pause=0)()
    await gatepost.mails()
    return total


async def warnings(gatepost: Gatepost) -> list[EmailMessage]:
    return [mail for mail in await gatepost.mails() if "expires soon" in mail["subject"]]


async def days_told(gatepost: Gatepost) -> list[str]:
    """The days that each warning speaks of, oldest first."""
    return [text(mail).partition("Days until then: ")[2].split(".")[0] for mail in await warnings(gatepost)]


def text(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


async def many(gatepost: Gatepost, count: int) -> None:
    """So many more tokens like the only one there is."""
    model = await tables.first(gatepost, TokenRow)
    fresh = {"name": "another", "last_used_at": None, "warned_days": None}
    rows = [{**model, **fresh, "id": uuid4(), "value_digest": uuid4().bytes} for _ in range(count)]
    await tables.add(gatepost, TokenRow, rows)


async def noted(gatepost: Gatepost) -> list[tuple[str, Any]]:
    """The statements of one round that read, with their values."""
    found: list[tuple[str, Any]] = []

    def note(connection: Any, cursor: Any, statement: str, values: Any, *_: Any) -> None:
        if statement.startswith("SELECT tokens."):
            found.append((statement, values))

    engine = gatepost.parts.db._readers.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    await warn(gatepost)
    event.remove(engine, "before_cursor_execute", note)
    assert found
    return found


async def statements(gatepost: Gatepost) -> list[str]:
    """The tables of a round's writing transactions, in order. The delivery of mail goes on beside it."""
    tables: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        for start in ("UPDATE tokens", "SELECT accounts", "INSERT INTO mail_outbox"):
            if statement.startswith(start):
                tables.append(start)

    engine = gatepost.parts.db._writers.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    assert await warn(gatepost) > 0
    event.remove(engine, "before_cursor_execute", note)
    return tables
