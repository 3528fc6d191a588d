"""What an account tells about itself: IsEmailVerified and GetAccount."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.accounts.addresses import normalized_or_as_typed
from app.accounts.errors import OtherAddress
from app.accounts.owner import own_account
from app.core.caller import Caller
from app.core.db import Database


@dataclass(frozen=True, slots=True)
class PersonalData:
    name: str
    address: str
    email_verified: bool
    created_at: datetime
    pending_address: str | None


@dataclass(frozen=True, slots=True)
class Profile:
    account_id: UUID
    scopes: tuple[str, ...]
    token_id: UUID | None
    credential_expires_at: datetime | None
    personal: PersonalData | None
    """None without the scope account:read."""


@dataclass(frozen=True, slots=True)
class IsEmailVerified:
    db: Database

    async def __call__(self, caller: Caller, email: str) -> bool:
        """Whether the caller's address is confirmed; `email` is empty or the caller's own, else OtherAddress."""
        account = await own_account(self.db, caller)
        if email and normalized_or_as_typed(email) != account.address:
            raise OtherAddress
        return account.email_verified_at is not None


@dataclass(frozen=True, slots=True)
class GetAccount:
    """How a service behind Gatepost learns who calls it: it passes its caller's credential on."""

    db: Database

    async def __call__(self, caller: Caller) -> Profile:
        return Profile(
            account_id=caller.account_id,
            scopes=() if caller.interactive else tuple(sorted(caller.scopes)),
            token_id=caller.token_id,
            credential_expires_at=caller.expires_at,
            personal=await self._personal(caller) if caller.has("account:read") else None,
        )

    async def _personal(self, caller: Caller) -> PersonalData:
        account = await own_account(self.db, caller)
        return PersonalData(
            name=account.name,
            address=account.address,
            email_verified=account.email_verified_at is not None,
            created_at=account.created_at,
            pending_address=account.pending_address,
        )
