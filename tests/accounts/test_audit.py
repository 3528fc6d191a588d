"""What the log and the database keep of secrets, which is nothing, and of acts, which is each."""

from connectrpc.errors import ConnectError
from structlog.testing import capture_logs

from tests.accounts.calls import ADA, WRONG, authorize, codes, refresh, sign_out, tab, trail
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
    tables = await gatepost.fetch("SELECT name FROM sqlite_master WHERE type = 'table'")
    stored = str([await gatepost.fetch(f"SELECT * FROM {table}") for (table,) in tables])  # noqa: S608
    for secret in secrets:
        assert secret not in str(logs)
        assert secret not in stored
    assert ADA not in str(logs)


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
