"""SignOut: end the session behind the cookie, or all of the account's."""

from dataclasses import dataclass

from app.accounts import events, owner, store
from app.accounts.sessions import Sessions
from app.core.caller import Client
from app.core.errors import BadCredential, NotForTokens


@dataclass(frozen=True, slots=True)
class SignOut:
    """Succeeds without a live session, since there is nothing left to end."""

    sessions: Sessions

    async def __call__(self, cookie: str | None, client: Client, *, everywhere: bool) -> None:
        if cookie is None:
            return
        try:
            caller = await self.sessions.authenticate(cookie, client)
        except BadCredential:
            return
        if everywhere and not caller.interactive:
            raise NotForTokens("A session made from a token ends only itself. Sign in to end all sessions.")
        async with self.sessions.db.write() as tx:
            if everywhere:
                await owner.lock(tx, caller.account_id)
            if caller.session_id is None or not await store.sessions.end(tx, caller.session_id):
                return  # ended since, and whoever ended it has said so in the audit trail
            if everywhere:
                await store.sessions.end_all_of_account(tx, caller.account_id)
            await events.record(
                tx,
                caller.account_id,
                "signed_out",
                client,
                self.sessions.clock.now(),
                session_id=caller.session_id,
                token_id=caller.token_id,
            )
