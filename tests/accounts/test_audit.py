"""What the log and the database keep of secrets, which is nothing, and of acts, which is each."""

import asyncio
import json
from uuid import UUID

from connectrpc.errors import ConnectError
from structlog.testing import capture_logs

from tests.accounts.calls import ADA, WRONG, authorize, codes, disable, raw, refresh, sign_out, tab, trail
from tests.accounts.conftest import HeldHashing
from tests.rpc.asgi import arriving, collecting, http_scope
from tests.support import tables
from tests.support.service import PASSWORD, Gatepost
from tests.tokens.calls import create, value_of, works


async def test_each_act_is_one_event_and_no_secret_is_in_log_or_database(gatepost: Gatepost) -> None:
    """ASVS 16.2.5, 16.3.1."""
    with capture_logs() as logs:
        secrets = await every_act(gatepost)
    assert await trail(gatepost) == [
        "signed_up",
        "sign_in_failed",
        "signed_in",
        "token_created",
        "token_authorized",
        "session_refreshed",
        "session_refreshed",
        "session_reused",
        "signed_in",
        "signed_out",
    ]
    told = [entry["event"] for entry in logs]
    assert {"signed_in", "session_reused", "refused"} <= set(told)
    stored = str([await gatepost.fetch(f"SELECT * FROM {table}") for table in await tables.names(gatepost)])  # noqa: S608
    for secret in secrets:
        assert secret not in str(logs)
        assert secret not in stored
    assert ADA not in str(logs)


async def test_each_attempt_to_sign_in_is_one_line(gatepost: Gatepost, hashing: HeldHashing) -> None:
    """ASVS 16.3.1, however it ends: let in, refused by anything on the way, or left by its client before the answer."""
    await gatepost.browser().sign_up(ADA)
    await gatepost.mails()  # or their delivery might be a line in between
    good = {"email": ADA, "password": PASSWORD}
    attempts: list[tuple[dict[str, object], dict[str, str]]] = [
        (good, {}),
        (good, {"origin": "https://evil.example"}),
        ({"email": ADA, "password": WRONG}, {}),
        ({"email": "nobody@example.test", "password": WRONG}, {}),
        ({"email": "no address", "password": WRONG}, {}),
        ({"email": ADA}, {}),
        ({"email": ADA, "password": {}}, {}),
        (good, {"content-type": "text/plain"}),
        (good, {"connect-timeout-ms": "soon"}),
        *[({"email": ADA, "password": WRONG}, {})] * 5,  # the fifth failure of this client is the last it is allowed
        (good, {}),
    ]
    with capture_logs() as logs:
        for message, headers in attempts:
            await raw(gatepost, "PublicAccountsService/SignIn", message, headers)
        await leave_before_the_answer(gatepost, hashing, {"email": ADA, "password": WRONG}, "198.51.100.1")
        await leave_before_the_answer(gatepost, hashing, good, "198.51.100.2")
        await disable(gatepost)
        await raw(gatepost, "PublicAccountsService/SignIn", good, ip="198.51.100.3")
    logs = [line for line in logs if line["event"] != "mail_written"]
    assert all(line["event"] == "signed_in" or line["rpc"].endswith("/SignIn") for line in logs)
    assert len(logs) == len(attempts) + 3
    assert [(line["event"], line.get("reason")) for line in logs[-6:]] == [
        ("refused", "WRONG_EMAIL_OR_PASSWORD"),
        ("refused", "THROTTLED"),
        ("refused", "THROTTLED"),
        ("refused_unheard", "WRONG_EMAIL_OR_PASSWORD"),
        ("signed_in", None),
        ("refused", "ACCOUNT_DISABLED"),
    ]
    assert all(line["client"] for line in logs)
    [(account_id,)] = await gatepost.fetch("SELECT id FROM accounts")
    named = [line["account"] for line in logs if line.get("reason") in ("ACCOUNT_DISABLED", None)]
    assert set(named) == {str(UUID(account_id))}


async def leave_before_the_answer(
    gatepost: Gatepost, hashing: HeldHashing, message: dict[str, str], client: str
) -> None:
    hashing.hold()
    gone = asyncio.Event()
    headers = [(b"host", b"gatepost.test"), (b"content-type", b"application/json")]
    scope = http_scope("/accounts.v1.PublicAccountsService/SignIn", "POST", headers, client=(client, 50000))
    calling = asyncio.create_task(
        gatepost.app(scope, arriving(json.dumps(message).encode(), hang_up=gone), collecting([]))
    )
    await hashing.until_one_begins()
    gone.set()
    await calling
    hashing.release()
    await gatepost.parts.run_to_end.settle(10)


async def every_act(gatepost: Gatepost) -> list[str]:
    """What the service must not keep of them."""
    ada = gatepost.browser()
    await ada.sign_up(ADA)
    # Delivered, the code is on its way to the owner, and only its keyed digest stays.
    [mail] = await gatepost.mails()
    for password in (WRONG, PASSWORD):
        try:
            await ada.sign_in(ADA, password)
        except ConnectError:
            assert password == WRONG
    first = ada.session
    holder = gatepost.bearer(value_of(await create(ada.tokens)))
    await authorize(holder)
    for _ in range(2):
        gatepost.clock.advance(300)
        await refresh(ada)
    assert not await works(tab(gatepost, first))
    again = await gatepost.session(ADA)
    last = again.session
    await sign_out(again)
    values = [str(value).split(".")[1] for value in (first, ada.session, last, holder.session)]
    return [PASSWORD, WRONG, *codes(mail), holder.jar.headers["authorization"].removeprefix("Bearer "), *values]
