"""The calls of accounts.v1 as tests write them, and changes that no RPC offers yet."""

import json
import re
from collections.abc import Mapping
from email.message import EmailMessage
from http.cookies import SimpleCookie
from typing import Any

from protobuf.wkt import Empty

from gen.accounts.v1.accounts_v1_pb import (
    AccountData,
    GetAccountRequest,
    GetAccountResponse,
    IsEmailVerifiedRequest,
    SignOutRequest,
)
from tests.rpc.asgi import Reply, call
from tests.support.service import COOKIE, Browser, Gatepost

ADA = "ada@example.test"
WRONG = "not the right password"


async def refresh(browser: Browser) -> int | None:
    """RefreshSession; the Max-Age of the cookie that came with the answer, None if none came."""
    await browser.accounts.refresh_session(Empty())
    return max_age(browser)


async def authorize(holder: Browser) -> int | None:
    """TokenAuthorization; the Max-Age of the cookie."""
    await holder.accounts.token_authorization(Empty())
    return max_age(holder)


async def sign_out(browser: Browser, *, everywhere: bool = False) -> None:
    await browser.accounts.sign_out(SignOutRequest(everywhere=everywhere))


async def account(browser: Browser) -> GetAccountResponse:
    return await browser.accounts.get_account(GetAccountRequest())


async def is_verified(browser: Browser, email: str | None = None, *, name: str = "") -> bool:
    """IsEmailVerified; without `email` the request has no data at all."""
    data = None if email is None else AccountData(email=email, name=name)
    return (await browser.accounts.is_email_verified(IsEmailVerifiedRequest(data=data))).verified


def tab(gatepost: Gatepost, value: str | None) -> Browser:
    """Another client that presents this cookie value."""
    browser = gatepost.browser()
    browser.session = value
    return browser


async def raw(
    gatepost: Gatepost,
    rpc: str,
    message: Mapping[str, Any] = {},
    headers: Mapping[str, str] = {},
    *,
    ip: str = "192.0.2.1",
) -> Reply:
    """`accounts.v1.<rpc>` as curl calls it."""
    body = json.dumps(message).encode()
    return await call(gatepost.app, headers, path=f"/accounts.v1.{rpc}", body=body, client=(ip, 50000))


def max_age(browser: Browser) -> int | None:
    """Of the session cookie in the last answer."""
    ages = [int(SimpleCookie(line)[COOKIE]["max-age"]) for line in browser.jar.set_cookies]
    assert len(ages) <= 1
    return ages[0] if ages else None


async def trail(gatepost: Gatepost) -> list[str]:
    """The kinds of all security events, in order."""
    return [kind for (kind,) in await gatepost.fetch("SELECT kind FROM security_events ORDER BY occurred_at, rowid")]


async def mailed(gatepost: Gatepost, template: str) -> int:
    """How many such mails were queued, delivered or not."""
    [(count,)] = await gatepost.fetch("SELECT count(*) FROM mail_outbox WHERE template = ?", template)
    return int(count)


def codes(mail: EmailMessage) -> list[str]:
    """Runs of eight digits or more in the plain text; one that its link repeats is there once."""
    return list(dict.fromkeys(re.findall(r"\d{8,}", mail.get_content())))


async def verify_address(gatepost: Gatepost, address: str = ADA) -> None:
    await gatepost.execute("UPDATE accounts SET email_verified_at = created_at WHERE address = ?", address)


async def disable(gatepost: Gatepost, address: str = ADA) -> None:
    await gatepost.execute("UPDATE accounts SET disabled_at = created_at WHERE address = ?", address)


async def password_hash(gatepost: Gatepost, address: str = ADA) -> str:
    [(stored,)] = await gatepost.fetch("SELECT password_hash FROM accounts WHERE address = ?", address)
    return str(stored)
