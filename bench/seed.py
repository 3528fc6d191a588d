"""Fill an empty database with accounts, tokens and sessions, in minutes where calls would take days.

    python -m bench.seed --accounts N [--database URL]      by default a SQLite file in bench/data/

Each account has a token and a session at least. Some, evenly spread, get holders: their credentials are known, and
written to bench/data/ for whoever wants to present them. All other digests are of nothing that anybody knows. The
password of all is one, with one hash: to hash 5,000,000 would take a core more than a day.
"""

import argparse
import asyncio
import json
import time
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from app import migrations
from app.accounts.models import AccountRow, SessionRow
from app.accounts.passwords import current_scheme
from app.core import secrets
from app.core.db import Database, Table
from app.core.secrets import Signatures
from app.tokens import format as value_format
from app.tokens.models import TokenRow
from bench.bulk import insert
from bench.machine import DATA
from bench.rounds import say

SECRET_KEY = "the key that signs the cookies of the benchmark"
PASSWORD = "correct horse battery"
HOLDERS = 100_000
TABLES = (AccountRow, TokenRow, SessionRow)


@dataclass(frozen=True, slots=True)
class Holder:
    """One caller, with all that it may present."""

    address: str
    cookie: str
    refreshable: str
    """The cookie of another session of the same account, for calls that change it."""
    token: str
    token_id: str


@dataclass(frozen=True, slots=True)
class Plan:
    """Which rows there will be. Everything grows with a row's number, IDs and digests too: indexes fill in order, which
    is what takes minutes instead of hours. Once they are there nothing tells them from such as grew in disorder."""

    accounts: int
    holders: int
    milliseconds: int = field(default_factory=lambda: int(time.time() - 86400) * 1000)
    """When all began: a day ago, since 1970."""

    @property
    def began(self) -> datetime:
        return datetime.fromtimestamp(self.milliseconds / 1000, UTC)

    @property
    def sessions(self) -> int:
        """Besides those that holders may refresh. With fewer accounts than holders these share accounts, but none its
        session: the same one over and over would be the warm case."""
        return max(self.accounts, self.holders)

    def held_session(self, holder: int) -> int:
        return holder * self.sessions // self.holders

    def refreshable(self, holder: int) -> int:
        return self.sessions + holder

    def account_of(self, session: int) -> int:
        """The sessions to be refreshed come after all others, one for each holder."""
        session = session if session < self.sessions else self.held_session(session - self.sessions)
        return session % self.accounts

    def id(self, table: type[Table], number: int) -> UUID:
        """A version 7 UUID (RFC 9562) that can be told again from the number alone."""
        milliseconds = self.milliseconds + number
        return UUID(int=milliseconds << 80 | 7 << 76 | TABLES.index(table) << 64 | 2 << 62 | number)

    def nobodys_digest(self, number: int) -> bytes:
        return ((number << 256) // self.sessions).to_bytes(32)


def seed(database_url: str, accounts: int, holders: int = HOLDERS) -> list[Holder]:
    """Bring an empty database to the newest schema and fill it; minutes for millions."""
    return asyncio.run(_seed(database_url, Plan(accounts, holders)))


async def _seed(database_url: str, plan: Plan) -> list[Holder]:
    held = range(plan.holders)
    values = {plan.account_of(plan.held_session(n)): value_format.new_value("gp_") for n in held}
    known = {number: secrets.new_secret() for n in held for number in (plan.held_session(n), plan.refreshable(n))}
    db = Database(database_url)
    await migrations.migrate(db)
    await db.close()
    await _insert_accounts(database_url, plan)
    await _insert_tokens(database_url, plan, values)
    await _insert_sessions(database_url, plan, known)
    signatures = Signatures([SECRET_KEY], "session")
    return [_holder(plan, n, values, known, signatures) for n in held]


async def _insert_accounts(url: str, plan: Plan) -> None:
    same = {
        "password_hash": current_scheme().hash(PASSWORD),
        "created_at": plan.began,
        "email_verified_at": plan.began,
        "failed_attempts": 0,
    }
    rows = ((plan.id(AccountRow, n), _address(n), f"account-{n}") for n in range(plan.accounts))
    await insert(url, AccountRow, same, ("id", "address", "name"), rows)


async def _insert_tokens(url: str, plan: Plan, values: dict[int, str]) -> None:
    same = {"name": "seeded", "scopes": (), "created_at": plan.began, "expires_at": plan.began + timedelta(days=90)}
    digests = (secrets.digest(values[n]) if n in values else plan.nobodys_digest(n) for n in range(plan.accounts))
    rows = (
        (plan.id(TokenRow, n), plan.id(AccountRow, n), digest, value_format.hint(values.get(n, "gp_seed0")))
        for n, digest in enumerate(digests)
    )
    await insert(url, TokenRow, same, ("id", "account_id", "value_digest", "value_hint"), rows)


async def _insert_sessions(url: str, plan: Plan, known: dict[int, str]) -> None:
    same = {
        **dict.fromkeys(("rotated_at", "created_at", "last_seen_at"), plan.began),
        "idle_ends_at": plan.began + timedelta(days=7),
        "ends_at": plan.began + timedelta(days=30),
        "ip_address": "127.0.0.1",
        "user_agent": "bench",
    }
    numbers = range(plan.sessions + plan.holders)
    digests = (secrets.digest(known[n]) if n in known else plan.nobodys_digest(n) for n in numbers)
    rows = (
        (plan.id(SessionRow, n), plan.id(AccountRow, plan.account_of(n)), digest) for n, digest in enumerate(digests)
    )
    await insert(url, SessionRow, same, ("id", "account_id", "secret_digest"), rows)


def _holder(plan: Plan, holder: int, values: dict[int, str], known: dict[int, str], signatures: Signatures) -> Holder:
    numbers = (plan.held_session(holder), plan.refreshable(holder))
    cookies = (signatures.sign(f"{plan.id(SessionRow, number).hex}.{known[number]}") for number in numbers)
    account = plan.account_of(numbers[0])
    return Holder(_address(account), *cookies, values[account], str(plan.id(TokenRow, account)))


def _address(account: int) -> str:
    return f"account-{account:08}@bench.example"


def main() -> None:
    parser = argparse.ArgumentParser(description="Fill an empty database.")
    parser.add_argument("--accounts", type=int, required=True)
    parser.add_argument("--database", help="a URL as in DATABASE_URL")
    asked = parser.parse_args()
    DATA.mkdir(exist_ok=True)
    url = asked.database or f"sqlite+aiosqlite:///{DATA}/seeded-{asked.accounts}.db"
    began = time.perf_counter()
    holders = seed(url, asked.accounts, min(HOLDERS, asked.accounts))
    credentials = DATA / f"seeded-{asked.accounts}.jsonl"
    credentials.write_text("".join(json.dumps(asdict(holder)) + "\n" for holder in holders))
    say(f"{asked.accounts:,} accounts in {time.perf_counter() - began:.0f} s")
    say(f"  database     {url}")
    say(f"  credentials  {credentials}, with SECRET_KEYS='{SECRET_KEY}' and the password '{PASSWORD}'")


if __name__ == "__main__":
    main()
