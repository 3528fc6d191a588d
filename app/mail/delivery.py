"""The worker that empties the outbox: each mail at least once, by one process at a time."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import structlog

from app.core.clock import Clock
from app.core.db import Database
from app.mail import outbox
from app.mail.outbox import ClaimedMail
from app.mail.render import Renderer
from app.mail.senders import Sender

LEASE = timedelta(seconds=60)
"""How long a mail stays with a process that died while sending it."""
FIRST_DELAY = timedelta(seconds=4)
"""With the pause between passes a refused mail is tried again within 5 s (additions.md, "Codes")."""
LONGEST_DELAY = timedelta(hours=1)
BATCH = 100

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Delivery:
    db: Database
    clock: Clock
    sender: Sender
    renderer: Renderer
    pause: float = 1.0
    """Seconds between two looks at the outbox."""
    send_within: float = 30.0
    """Seconds for one mail; well inside the lease, or a slow server would be given the same mail by two processes."""

    async def run(self) -> None:
        """Deliver until cancelled. Cut short while sending, a mail is sent again after its lease."""
        while True:
            try:
                await self.deliver_due()
            except Exception as error:  # the text of a database error can hold the row, and with it a code
                log.error("mail_delivery_failed", error=type(error).__name__)
            await asyncio.sleep(self.pause)

    async def deliver_due(self) -> int:
        """One pass over what is due; how many were sent. Raises Unavailable where the database does not answer."""
        async with self.db.read() as tx:
            mail_ids = await outbox.due(tx, self.clock.now(), BATCH)
        return sum([await self._deliver(mail_id) for mail_id in mail_ids])

    async def _deliver(self, mail_id: UUID) -> bool:
        mail = await self._claim(mail_id)
        if mail is None:
            return False
        try:
            async with asyncio.timeout(self.send_within):
                await self.sender.send(self.renderer.render(mail))
        except Exception as error:  # one bad mail must not hold up the others; its error's text can hold the mail
            log.warning("mail_not_sent", template=mail.template, attempts=mail.attempts, error=type(error).__name__)
            async with self.db.write() as tx:
                await outbox.put_off(tx, mail, self.clock.now() + _delay(mail.attempts))
            return False
        async with self.db.write() as tx:
            await outbox.mark_delivered(tx, mail, self.clock.now())
        return True

    async def _claim(self, mail_id: UUID) -> ClaimedMail | None:
        now = self.clock.now()
        async with self.db.write() as tx:
            mail = await outbox.claim(tx, mail_id, now, LEASE)
            if mail is None or now < mail.valid_until:
                return mail
            await outbox.drop(tx, mail)
        log.warning("mail_dropped", template=mail.template, attempts=mail.attempts - 1)
        return None


def _delay(attempts: int) -> timedelta:
    return min(FIRST_DELAY * (1 << (attempts - 1)), LONGEST_DELAY)
