"""What the standing of the account does to who may call what: its address unconfirmed where that is asked for, or
confirmed, or the account disabled (ASVS 8.1.1, 7.4.2)."""

from typing import Any

import pytest
from connectrpc.code import Code

from tests.accounts.calls import disable
from tests.support.service import Gatepost, started
from tests.test_policy import BAD, CALLS, CREDENTIALS, MATRIX, OK, POLICIES, People, Who, gatepost, outcome, people

__all__ = ["gatepost", "people"]  # pytest finds them here

NOT_VERIFIED = (Code.FAILED_PRECONDITION, "EMAIL_NOT_VERIFIED")
VERIFIED = (Code.FAILED_PRECONDITION, "EMAIL_ALREADY_VERIFIED")
SWITCHED_OFF = (Code.PERMISSION_DENIED, "ACCOUNT_DISABLED")

# By session. The address of `people` is unconfirmed, which by itself is no bar: the rest is as in the matrix.
UNCONFIRMED_WHERE_ASKED: dict[str, Any] = {
    "accounts.v1.PublicAccountsService/SignIn": NOT_VERIFIED,
    "tokens.v1.TokensService/CreateToken": NOT_VERIFIED,
    "tokens.v1.TokensService/RegenerateToken": NOT_VERIFIED,
}
CONFIRMED: dict[str, Any] = {"accounts.v1.AccountsService/SendVerificationEmail": VERIFIED}


def disabled(rpc: str) -> Any:
    """What a credential of a disabled account meets: those that ask for none are for anybody, and all others refuse."""
    if POLICIES[rpc].who is not Who.ANYONE:
        return BAD
    return SWITCHED_OFF if rpc.endswith("/SignIn") else MATRIX[rpc][CREDENTIALS.index("nothing")]


@pytest.mark.parametrize("rpc", MATRIX)
async def test_an_unconfirmed_address_where_a_confirmed_one_is_required(
    rpc: str, people: People, tmp_path: Any
) -> None:
    asked = {"sign_in_requires_verified_email": True, "tokens_require_verified_email": True}
    async with started(tmp_path, people.database, **asked) as gatepost:
        met = await outcome(CALLS[rpc](people.browser(gatepost, "session"), people.other))
    assert met == UNCONFIRMED_WHERE_ASKED.get(rpc, MATRIX[rpc][CREDENTIALS.index("session")])


@pytest.mark.parametrize("rpc", MATRIX)
async def test_a_confirmed_address_where_it_is_required(rpc: str, people: People, tmp_path: Any) -> None:
    asked = {"sign_in_requires_verified_email": True, "tokens_require_verified_email": True}
    async with started(tmp_path, people.database, **asked) as gatepost:
        await gatepost.execute("UPDATE accounts SET email_verified_at = created_at")
        met = await outcome(CALLS[rpc](people.browser(gatepost, "session"), people.other))
    assert met == CONFIRMED.get(rpc, MATRIX[rpc][CREDENTIALS.index("session")])


@pytest.mark.parametrize("credential", ["session", "token", "made"])
@pytest.mark.parametrize("rpc", MATRIX)
async def test_a_disabled_account(rpc: str, credential: str, people: People, gatepost: Gatepost) -> None:
    await disable(gatepost)
    expected = disabled(rpc)
    if rpc.endswith("/TokenAuthorization") and credential != "token":
        expected = MATRIX[rpc][CREDENTIALS.index(credential)]  # no cookie is looked at
    if rpc.endswith("/RefreshSession") and credential == "token":
        expected = BAD
    assert await outcome(CALLS[rpc](people.browser(gatepost, credential), people.other)) == expected


def test_the_tables_differ_from_the_matrix() -> None:
    """Otherwise they would say nothing."""
    for table in (UNCONFIRMED_WHERE_ASKED, CONFIRMED):
        assert all(MATRIX[rpc][CREDENTIALS.index("session")] != met for rpc, met in table.items())
    assert OK not in [disabled(rpc) for rpc in POLICIES if POLICIES[rpc].who is not Who.ANYONE]
