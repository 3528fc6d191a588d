"""GetToken, ListTokens and ListTokensPage."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from uuid import UUID

from app.core.caller import Caller
from app.core.db import Database
from app.core.errors import NotFound
from app.tokens import paging, store
from app.tokens.authority import require_reader
from app.tokens.token import Token

_FIRST_READ = 20
"""Few, so that the first token of a long list leaves at once."""
_EACH_READ = 250
"""How many tokens a stream holds in memory, and how long it keeps other calls waiting while it converts them."""
_DEFAULT_PAGE = 50


@dataclass(frozen=True, slots=True)
class GetToken:
    db: Database

    async def __call__(self, caller: Caller, token_id: UUID) -> Token:
        """Raises ScopeMissing, NotFound."""
        require_reader(caller, token_id)
        async with self.db.read() as tx:
            token = await store.find(tx, caller.account_id, token_id)
        if token is None:
            raise NotFound
        return token


@dataclass(frozen=True, slots=True)
class ListTokens:
    """All tokens, newest first; each read is a transaction of its own, over before a token is handed on.

    A slow reader therefore holds nothing. A token made meanwhile may be missing, none comes twice.
    """

    db: Database

    async def __call__(self, caller: Caller) -> AsyncIterator[Token]:
        after, limit = None, _FIRST_READ
        while True:
            async with self.db.read() as tx:
                tokens = await store.newest(tx, caller.account_id, after, limit)
            for token in tokens:
                yield token
            if len(tokens) < limit:
                return
            after, limit = (tokens[-1].created_at, tokens[-1].id), _EACH_READ


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
        return TokenPage(tokens, paging.encode((tokens[-1].created_at, tokens[-1].id)) if more else "")
