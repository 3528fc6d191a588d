"""What was done with tokens, for their owner and for whoever runs the service."""

from datetime import datetime

import structlog

from app.accounts.events import record
from app.core.caller import Caller
from app.core.db import Tx
from app.tokens.token import Token

_log = structlog.get_logger()


async def note(tx: Tx, caller: Caller, kind: str, token: Token, now: datetime) -> None:
    """One row of the audit trail in the act's own transaction, under the token that was acted on.

    The trail has no place for the token that acted on another one; the log has.
    """
    await record(tx, token.account_id, kind, caller.client, now, session_id=caller.session_id, token_id=token.id)
    if caller.token_id not in (None, token.id):
        who = {"account": str(token.account_id), "client": caller.client.ip}
        _log.info("token_managed", act=kind, token=str(token.id), by_token=str(caller.token_id), **who)
