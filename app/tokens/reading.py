"""GetToken, ListTokens and ListTokensPage."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from uuid import UUID

from app.core.caller import Caller
from app.core.db import Database, Tx
from app.core.errors import NotFound
from app.core.listing import Position, pages
from app.tokens import paging, store
from app.tokens.authority import require_reader
from app.tokens.token import Token

_DEFAULT_PAGE = 50


@dataclass(frozen=True, slots=True)
class GetToken:
    db: Database

    async def __call__(self, caller: Caller, token_id: UUID) -> Token:
        """Raises ScopeMissing, NotFound."""
        require_reader(caller, token_id)
        row = await self.db.point(store.TOKEN_OF_ACCOUNT, id=token_id, account_id=caller.account_id)
        if row is None:
            raise NotFound
        return Token(*row)


@dataclass(frozen=True, slots=True)
class ListTokens:
    """All tokens, newest first, the dead ones too."""

    db: Database

    async def __call__(self, caller: Caller) -> AsyncIterator[Token]:
        async def read(tx: Tx, after: Position | None, limit: int) -> list[Token]:
            return await store.newest(tx, caller.account_id, after, limit)

        async for page in pages(self.db, read, _place):
            for token in page:
                yield token


def _place(token: Token) -> Position:
    return token.created_at, token.id


@dataclass(frozen=True, slots=True)
class TokenPage:
    tokens: list[Token]
    next_page_token: str


@dataclass(frozen=True, slots=True)
class ListTokensPage:
    db: Database

    async def __call__(self, caller: Caller, page_size: int, page_token: str) -> TokenPage:
        """`page_size` 0 stands for 50. Raises InvalidField for a page_token that was not made here."""
        after, size = paging.decode(page_token), page_size or _DEFAULT_PAGE
        async with self.db.read() as tx:
            found = await store.newest(tx, caller.account_id, after, size + 1)  # one more tells whether this is the end
        tokens = found[:size]
        more = len(found) > size
        return TokenPage(tokens, paging.encode(_place(tokens[-1])) if more else "")
