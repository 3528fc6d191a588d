"""Tokens as credentials: the check in front of every call that presents one."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.core import secrets
from app.core.activity import Activity
from app.core.caller import Caller, Client, effective_scopes
from app.core.clock import Clock
from app.core.db import Database, Tx
from app.core.errors import BadCredential
from app.core.verified import Verified
from app.tokens import format, store
from app.tokens.authority import lock_account, own_token
from app.tokens.token import Bearer, Token


@dataclass(frozen=True, slots=True)
class TokenCredentials:
    """Says whose a presented value is, from committed rows alone."""

    db: Database
    clock: Clock
    activity: Activity
    prefix: str
    by_value: Verified[Token]
    by_id: Verified[Token]
    """Those that sessions were made from."""

    async def authenticate(self, value: str, client: Client) -> Bearer:
        """The caller behind a token's value. Raises BadCredential, alike for whatever is wrong with it."""
        page, digest = self.by_value.page(), secrets.digest(value)
        token = page.get(digest) or await self._found(value, digest)
        now = self.clock.now()
        if token is None or not secrets.same(token.value_digest or b"", digest) or not token.live_at(now):
            raise BadCredential
        page[digest] = token
        self.activity.note(token.id, token.last_used_at, now)
        return Bearer(
            account_id=token.account_id,
            client=client,
            token_id=token.id,
            scopes=effective_scopes(token.scopes),
            expires_at=token.expires_at,
            value_digest=digest,
        )

    async def _found(self, value: str, digest: bytes) -> Token | None:
        if not format.well_formed(value, self.prefix):
            return None
        row = await self.db.point(store.TOKEN_BY_DIGEST, digest=digest)
        return None if row is None else Token(*row)

    async def scopes_of(self, token_id: UUID) -> tuple[frozenset[str], datetime] | None:
        """The effective scopes and the end of the token that a session was made from.

        None if it is dead, or lives again without a value: until RegenerateToken ends the sessions that were made with
        the old one, they must not come back either.
        """
        page = self.by_id.page()
        token = page.get(token_id.bytes)
        if token is None:
            row = await self.db.point(store.TOKEN_BY_ID, id=token_id)
            token = None if row is None else Token(*row)
        if token is None or token.value_digest is None or not token.live_at(self.clock.now()):
            return None
        page[token_id.bytes] = token
        return effective_scopes(token.scopes), token.expires_at

    async def hold(self, tx: Tx, caller: Caller, now: datetime) -> datetime:
        """The end of the caller's token, which nobody can expire or regenerate until the transaction ends.

        Raises BadCredential if it has ended, or was given another value since the guard looked.
        """
        await lock_account(tx, caller)
        return (await own_token(tx, caller, now)).expires_at
