"""The cookie on the wire, and that nothing else carries the secret."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.accounts.calls import ADA, raw, sign_out, tab
from tests.rpc.asgi import Reply
from tests.support.databases import Original
from tests.support.service import COOKIE, PASSWORD, Gatepost, started
from tests.tokens.calls import create, value_of, works

HTTPS = "https://accounts.example.test"


async def sign_in(gatepost: Gatepost, cookie: str) -> Reply:
    return await raw(gatepost, "PublicAccountsService/SignIn", {"email": ADA, "password": PASSWORD}, {"cookie": cookie})


async def refresh(gatepost: Gatepost, cookie: str) -> Reply:
    return await raw(gatepost, "AccountsService/RefreshSession", headers={"cookie": cookie})


async def rotate(gatepost: Gatepost, cookie: str) -> Reply:
    gatepost.clock.advance(300)
    return await refresh(gatepost, cookie)


async def authorize(gatepost: Gatepost, cookie: str) -> Reply:
    value = value_of(await create((await gatepost.session(ADA)).tokens))
    return await raw(gatepost, "AccountsService/TokenAuthorization", headers={"authorization": f"Bearer {value}"})


SETS: dict[str, tuple[Callable[[Gatepost, str], Awaitable[Reply]], int]] = {
    "SignIn": (sign_in, 604800),
    "RefreshSession": (refresh, 604800),
    "RefreshSession rotating": (rotate, 604800),
    "TokenAuthorization": (authorize, 3600),
}


@pytest.mark.parametrize("rpc", SETS)
async def test_attributes_without_tls(gatepost: Gatepost, rpc: str) -> None:
    """ASVS 3.3: HttpOnly, Path=/, no Domain, SameSite=Lax; not Secure, or no browser on the local network kept it."""
    act, life = SETS[rpc]
    ada = await gatepost.session(ADA)
    answer = await act(gatepost, f"{COOKIE}={ada.session}")
    line = answer["set-cookie"] or ""
    pair, _, attributes = line.partition("; ")
    assert attributes == f"Max-Age={life}; Path=/; HttpOnly; SameSite=Lax"
    assert pair.startswith(f"{COOKIE}=")
    assert len(pair) <= 4096
    value = pair.partition("=")[2]
    assert await works(tab(gatepost, value))


@pytest.mark.parametrize("rpc", SETS)
async def test_the_secret_stands_in_no_body_and_no_cache_keeps_the_answer(gatepost: Gatepost, rpc: str) -> None:
    act, _ = SETS[rpc]
    ada = await gatepost.session(ADA)
    answer = await act(gatepost, f"{COOKIE}={ada.session}")
    assert (answer.status, answer.body) == (200, b"{}")
    assert answer["cache-control"] == "no-store"
    assert str(answer.headers).count(f"{COOKIE}=") == 1


async def test_with_tls_the_cookie_is_secure_and_bound_to_the_host(tmp_path: Path, migrated: Original) -> None:
    """ASVS 3.3.1, 3.3.3."""
    async with started(tmp_path, migrated, public_url=HTTPS) as gatepost:
        ada = await gatepost.session(ADA)
        [line] = ada.jar.set_cookies
        value = ada.jar.cookies[f"__Host-{COOKIE}"]
        attributes = "Path=/; HttpOnly; SameSite=Lax; Secure"
        assert line == f"__Host-{COOKIE}={value}; Max-Age=604800; {attributes}"
        assert await works(ada)
        await sign_out(ada)
        assert ada.jar.set_cookies == [f"__Host-{COOKIE}=; Max-Age=0; {attributes}"]


async def test_with_tls_the_bare_name_is_ignored(tmp_path: Path, migrated: Original) -> None:
    """A sibling host, or whoever listens on the plain line, can set that one."""
    async with started(tmp_path, migrated, public_url=HTTPS) as gatepost:
        ada = await gatepost.session(ADA)
        assert not await works(tab(gatepost, ada.jar.cookies[f"__Host-{COOKIE}"]))
