"""The worker that empties the outbox: each mail at least once, by one process at a time."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import structlog

from app.core.clock import Clock
from app.core.db import Database
from app.mail import outbox
from app.mail.letter import Refused, Send, Sender, ServerAway
from app.mail.outbox import ClaimedMail
from app.mail.render import Renderer

LEASE = timedelta(seconds=60)
"""How long a mail stays with a process that died while sending it."""
FIRST_DELAY = timedelta(seconds=4)
"""With the pause between passes a refused mail is tried again within 5 s (additions.md, "Codes")."""
LONGEST_DELAY = timedelta(hours=1)
LONGEST_PAUSE = timedelta(minutes=1)
"""Between two tries of a server that is away, however long it has been."""
REFUSALS = 10
"""Attempts after which a recipient that the server will never take is believed to be none: half an hour, longer than
any code is good for. A server that is being set up, or has lost its list of users, says the same."""
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
        tries = 0
        while True:
            pause = self.pause
            try:
                await self.deliver_due()
                tries = 0
            except ServerAway:
                # Whoever is at the other end need not be asked once a second, nor with a wrong password so often that
                # it locks the user out. The first pause is as long as the mail's own.
                tries += 1
                pause = _delay(tries, LONGEST_PAUSE).total_seconds()
            except Exception as error:  # the text of a database error can hold the row, and with it a code
                log.error("mail_delivery_failed", error=type(error).__name__)
            _heed_cancellation()
            await asyncio.sleep(pause)

    async def deliver_due(self) -> int:
        """One pass over what is due; how many were sent.

        Raises Unavailable where the database does not answer, and ServerAway at the first mail that finds it so: the
        others are left for the next pass, as the longest waiting.
        """
        async with self.db.read() as tx:
            mail_ids = await outbox.due(tx, self.clock.now(), BATCH)
        async with self.sender.opened() as send:
            return sum([await self._deliver(mail_id, send) for mail_id in mail_ids])

    async def _deliver(self, mail_id: UUID, send: Send) -> bool:
        _heed_cancellation()
        mail = await self._claim(mail_id)
        if mail is None:
            return False
        try:
            async with asyncio.timeout(self.send_within):
                await send(self.renderer.render(mail))
        except Refused as error:
            if mail.attempts < REFUSALS:
                await self._put_off(mail, error, why="refused")
            else:
                await self._drop(mail, "refused", attempts=mail.attempts)
            return False
        except ServerAway as error:
            await self._put_off(mail, error, why=error.why)
            raise
        except Exception as error:  # one bad mail must not hold up the others
            await self._put_off(mail, error)
            return False
        async with self.db.write(spares_credentials=True) as tx:
            await outbox.mark_delivered(tx, mail, self.clock.now())
        return True

    async def _claim(self, mail_id: UUID) -> ClaimedMail | None:
        now = self.clock.now()
        async with self.db.write(spares_credentials=True) as tx:
            mail = await outbox.claim(tx, mail_id, now, LEASE)
        if mail is None or now < mail.valid_until:
            return mail
        await self._drop(mail, "too_late", attempts=mail.attempts - 1)
        return None

    async def _put_off(self, mail: ClaimedMail, error: Exception, **why: str) -> None:
        # An error's text can hold the mail, and is not logged.
        log.warning("mail_not_sent", template=mail.template, attempts=mail.attempts, error=_kind(error), **why)
        async with self.db.write(spares_credentials=True) as tx:
            await outbox.put_off(tx, mail, self.clock.now() + _delay(mail.attempts, LONGEST_DELAY))

    async def _drop(self, mail: ClaimedMail, why: str, attempts: int) -> None:
        async with self.db.write(spares_credentials=True) as tx:
            await outbox.drop(tx, mail)
        log.warning("mail_dropped", template=mail.template, attempts=attempts, why=why)


def _heed_cancellation() -> None:
    """aiosmtplib waits by asyncio.wait_for, which before Python 3.12 loses a cancellation that comes together with the
    server's answer: the service would never stop."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def _kind(error: Exception) -> str:
    return type(error.__cause__ or error).__name__


def _delay(attempts: int, longest: timedelta) -> timedelta:
    return min(FIRST_DELAY * (1 << min(attempts - 1, 30)), longest)
