"""`gatepost account ...` and `gatepost token ...`: what an operator does for people, or to them."""

from typing import Annotated
from uuid import UUID

import typer

from app import domains
from app.accounts.inspection import Inspected
from app.accounts.operation import Operated
from app.cli.errand import FAILED, Json, do, fields, moment, refuse, tell
from app.core.clock import SystemClock
from app.core.config import Settings
from app.core.db import Database
from app.tokens.operation import Operated as OperatedToken

account = typer.Typer(help="Help the owner of an account, or shut it.", no_args_is_help=True)
token = typer.Typer(help="Expire a token that leaked.", no_args_is_help=True)
Address = Annotated[str, typer.Argument(metavar="ADDRESS", help="The e-mail address of the account.")]


@account.command()
def disable(address: Address, as_json: Json = False) -> None:
    """Shut the account: sessions end, tokens expire for good, codes and unsent mail are dropped."""

    async def work(_: Settings, db: Database) -> Operated:
        act, _enable, _end = domains.operations(db, SystemClock())
        return await act(address)

    done = do(work, as_json=as_json)
    said = f"Disabled. Sessions that ended: {done.sessions}, tokens: {done.tokens}."
    tell(fields(done), [said if done.changed else "It was disabled already."], as_json=as_json)


@account.command()
def enable(address: Address, as_json: Json = False) -> None:
    """Let the owner sign in again. Tokens stay expired."""

    async def work(_: Settings, db: Database) -> Operated:
        _disable, act, _end = domains.operations(db, SystemClock())
        return await act(address)

    done = do(work, as_json=as_json)
    tell(fields(done), ["Enabled." if done.changed else "It was not disabled."], as_json=as_json)


@account.command()
def end_sessions(address: Address, as_json: Json = False) -> None:
    """End all sessions of the account, those made from tokens too. Tokens stay."""

    async def work(_: Settings, db: Database) -> Operated:
        _disable, _enable, act = domains.operations(db, SystemClock())
        return await act(address)

    done = do(work, as_json=as_json)
    tell(fields(done), [f"Sessions that ended: {done.sessions}."], as_json=as_json)


@account.command()
def show(address: Address, as_json: Json = False) -> None:
    """Show how the account stands, and what happened to it last."""

    async def work(_: Settings, db: Database) -> Inspected:
        return await domains.inspection(db, SystemClock())(address)

    found = do(work, as_json=as_json)
    tell(fields(found), _lines(found), as_json=as_json)


@token.command()
def expire(
    uuid: Annotated[str, typer.Argument(metavar="UUID", help="The token's UUID, never its value.")],
    as_json: Json = False,
) -> None:
    """Expire the token for good. Its value is refused from then on, and sessions made from it end."""
    try:
        token_id = UUID(uuid)
    except ValueError:
        refuse(FAILED, "INVALID_FIELD", ["Give the token's UUID, as its owner sees it in ListTokens."], as_json=as_json)

    async def work(_: Settings, db: Database) -> OperatedToken:
        return await domains.token_expiry(db, SystemClock())(token_id)

    done = do(work, as_json=as_json)
    said = f"Expired. Sessions made from it that ended: {done.sessions}."
    tell(fields(done), [said if done.changed else "It was expired already."], as_json=as_json)


def _lines(found: Inspected) -> list[str]:
    verified, disabled = found.email_verified_at, found.disabled_at
    lines = [
        f"account   {found.account_id}",
        f"address   {found.address}, " + (f"verified {moment(verified)}" if verified else "not verified"),
        f"name      {found.name}",
        f"created   {moment(found.created_at)}",
        f"disabled  {moment(disabled) if disabled else 'no'}",
        f"failures  {found.failed_attempts} in a row",
        f"sessions  {found.sessions} live",
        f"tokens    {found.tokens} live",
    ]
    if found.pending_address:
        lines.insert(2, f"pending   {found.pending_address}, replaces the address once its code comes back")
    events = [f"{moment(each.occurred_at)}  {each.kind}  {each.ip_address}  {each.user_agent}" for each in found.events]
    return [*lines, "", "Last events, newest first:", *(f"  {event.rstrip()}" for event in events)]
