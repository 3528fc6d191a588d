"""The calls of accounts.v1 as tests write them, and changes that no RPC offers yet."""

import json
import re
from collections.abc import Mapping
from email.message import EmailMessage
from http.cookies import SimpleCookie
from typing import Any

from protobuf.wkt import Empty

from app import domains
from app.accounts.operation import Operated
from gen.accounts.v1.accounts_v1_pb import (
    AccountData,
    AccountPassword,
    ChangePasswordRequest,
    DeleteAccountRequest,
    GetAccountRequest,
    GetAccountResponse,
    IsEmailVerifiedRequest,
    ListSecurityEventsRequest,
    ListSecurityEventsResponse,
    ListSessionsRequest,
    ListSessionsResponse,
    NewPasswordRequest,
    ResetPasswordRequest,
    RevokeSessionRequest,
    SendVerificationEmailRequest,
    SignOutRequest,
    UpdateAccountRequest,
    VerifyEmailRequest,
)
from tests.rpc.asgi import Reply, call
from tests.support.service import COOKIE, PASSWORD, Browser, Gatepost

ADA = "ada@example.test"
WRONG = "not the right password"
NEW = "another horse battery"
ANOTHER = "staple battery horse"


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


async def sessions(browser: Browser) -> list[ListSessionsResponse]:
    return [each async for each in browser.accounts.list_sessions(ListSessionsRequest())]


async def current(browser: Browser) -> str:
    """The ID of the browser's session."""
    [session_id] = [each.session_id for each in await sessions(browser) if each.current]
    return session_id


async def revoke(browser: Browser, session_id: str) -> None:
    await browser.accounts.revoke_session(RevokeSessionRequest(session_id=session_id))


async def security_events(browser: Browser) -> list[ListSecurityEventsResponse]:
    return [each async for each in browser.accounts.list_security_events(ListSecurityEventsRequest())]


async def change_password(browser: Browser, new: str, current: str = PASSWORD) -> None:
    await browser.accounts.change_password(
        ChangePasswordRequest(
            current_password=AccountPassword(password=current), new_password=AccountPassword(password=new)
        )
    )


async def delete_account(browser: Browser, password: str = PASSWORD) -> None:
    await browser.accounts.delete_account(DeleteAccountRequest(password=AccountPassword(password=password)))


async def account(browser: Browser) -> GetAccountResponse:
    return await browser.accounts.get_account(GetAccountRequest())


async def is_verified(browser: Browser, email: str | None = None, *, name: str = "") -> bool:
    """IsEmailVerified; without `email` the request has no data at all."""
    data = None if email is None else AccountData(email=email, name=name)
    return (await browser.accounts.is_email_verified(IsEmailVerifiedRequest(data=data))).verified


async def verify(browser: Browser, code: str, email: str = ADA) -> None:
    await browser.public.verify_email(VerifyEmailRequest(data=AccountData(email=email), code=code))


async def send_code(browser: Browser) -> None:
    await browser.accounts.send_verification_email(SendVerificationEmailRequest())


async def reset(browser: Browser, email: str = ADA) -> None:
    await browser.public.reset_password(ResetPasswordRequest(data=AccountData(email=email)))


async def new_password(browser: Browser, code: str, password: str = ANOTHER, email: str = ADA) -> None:
    await browser.public.new_password(
        NewPasswordRequest(data=AccountData(email=email), password=AccountPassword(password=password), code=code)
    )


async def update_account(browser: Browser, *, name: str = "", email: str = "") -> None:
    await browser.accounts.update_account(UpdateAccountRequest(data=AccountData(name=name, email=email)))


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


VERIFY, VERIFY_NEW, RESET = (f"Your code for {rest}" for rest in ("Gatepost", "a new address at", "a new password at"))
"""How the subjects of the mails with a code begin."""


async def codes_to(gatepost: Gatepost, address: str = ADA, subject: str = VERIFY) -> list[str]:
    """The codes mailed to the address, oldest first; those mailed at the same moment in any order."""
    mails = [mail for mail in await gatepost.mails() if mail["To"] == address and mail["Subject"].startswith(subject)]
    return [code for mail in mails for code in codes(mail)]


async def verify_address(gatepost: Gatepost, address: str = ADA) -> None:
    await gatepost.execute("UPDATE accounts SET email_verified_at = created_at WHERE address = ?", address)


async def disable(gatepost: Gatepost, address: str = ADA) -> Operated:
    operate, _, _ = domains.operations(gatepost.parts.db, gatepost.clock)
    return await operate(address)


async def enable(gatepost: Gatepost, address: str = ADA) -> Operated:
    _, operate, _ = domains.operations(gatepost.parts.db, gatepost.clock)
    return await operate(address)


async def end_sessions(gatepost: Gatepost, address: str = ADA) -> Operated:
    _, _, operate = domains.operations(gatepost.parts.db, gatepost.clock)
    return await operate(address)


async def password_hash(gatepost: Gatepost, address: str = ADA) -> str:
    [(stored,)] = await gatepost.fetch("SELECT password_hash FROM accounts WHERE address = ?", address)
    return str(stored)
