"""Mail handed to an SMTP server (RFC 5321), one connection for a pass over the outbox.

Who is told what by a server's refusal: a recipient that it will never take is, after some attempts, the letter's end;
all else, a wrong password or a sender it does not know among them, is for the operator to mend, and the letters wait
for that.
"""

import ipaddress
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from urllib.parse import urlsplit

from aiosmtplib import SMTP
from aiosmtplib.errors import (
    SMTPAuthenticationError,
    SMTPConnectError,
    SMTPConnectResponseError,
    SMTPDataError,
    SMTPException,
    SMTPNotSupported,
    SMTPRecipientsRefused,
    SMTPSenderRefused,
    SMTPTimeoutError,
)

from app.core.mail_url import MailServer
from app.mail.letter import Letter, Refused, Send, ServerAway

CONNECT_WITHIN = 10.0
"""Seconds until the server has greeted."""
ANSWER_WITHIN = 15.0
"""Seconds for each command; servers look through a letter before they take it."""
QUIT_WITHIN = 1.0

NO_ANSWER = "the server of MAIL_URL does not answer"
BROKE_OFF = "the server of MAIL_URL broke off"
LOGIN_REFUSED = "the server of MAIL_URL refused its user and password"
SENDER_REFUSED = "the server of MAIL_URL refused MAIL_FROM"
UNTRUSTED = "the certificate of MAIL_URL's server cannot be verified; SSL_CERT_FILE names an authority of your own"
WOULD_BE_OVERHEARD = "the server of MAIL_URL offers no TLS, so it was not told the password; use smtps:// or another"


class SmtpSender:
    def __init__(self, server: MailServer, origin: str) -> None:
        self._server = server
        self._name = _greeting_name(origin)
        self._tls = ssl.create_default_context()
        if server.is_this_machine:
            # Nobody stands in between, and mail servers come with certificates that they made for themselves.
            self._tls.check_hostname, self._tls.verify_mode = False, ssl.CERT_NONE

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Send]:
        smtp = SMTP(
            hostname=self._server.host,
            port=self._server.port,
            use_tls=self._server.tls,
            tls_context=self._tls,
            local_hostname=self._name,  # left out, it would be asked of the DNS, while everything waits
            timeout=ANSWER_WITHIN,
        )
        try:
            yield partial(self._send, smtp)
            if smtp.is_connected:
                with suppress(SMTPException, OSError):  # all letters are handed in
                    await smtp.quit(timeout=QUIT_WITHIN)
        finally:
            smtp.close()

    async def _send(self, smtp: SMTP, letter: Letter) -> None:
        message, intact = letter.message, False
        sender, recipient = (message[name].addresses[0].addr_spec for name in ("From", "To"))
        options = [] if recipient.isascii() else ["SMTPUTF8", "BODY=8BITMIME"]
        try:
            if not smtp.is_connected:
                await self._connect(smtp)
            await smtp.sendmail(sender, [recipient], message.as_bytes(), mail_options=options)
            intact = True
        except (SMTPRecipientsRefused, SMTPDataError, SMTPNotSupported) as error:
            intact = True
            if _is_final(error):
                raise Refused from error
            raise
        except (SMTPException, OSError) as error:
            raise ServerAway(_why(error)) from error
        finally:
            if not intact:
                smtp.close()  # cut short, its next answer could be taken for another letter's

    async def _connect(self, smtp: SMTP) -> None:
        await smtp.connect(timeout=CONNECT_WITHIN)
        if not self._server.user:
            return
        if smtp.get_transport_info("sslcontext") is None and not _is_here(smtp):
            raise ServerAway(WOULD_BE_OVERHEARD)
        await smtp.login(self._server.user, self._server.password)


def _is_final(error: SMTPException) -> bool:
    """Whether it is the recipient who is refused, and for good (RFC 5321, section 4.2.1), or whose address the server
    cannot write.

    Not so 530 and the policies of 5.7 (RFC 3463): "log in first" and "no relaying" are said of us, and can be mended.
    Nor a letter refused after its text: some servers only then say that they do not know us.
    """
    if not isinstance(error, SMTPRecipientsRefused):
        return isinstance(error, SMTPNotSupported)
    [refusal] = error.recipients
    return refusal.code >= 500 and refusal.code != 530 and not refusal.message.startswith("5.7.")


def _is_here(smtp: SMTP) -> bool:
    host, *_ = smtp.get_transport_info("peername")
    return ipaddress.ip_address(host).is_loopback


def _why(error: Exception) -> str:
    match error:
        case SMTPAuthenticationError():
            return LOGIN_REFUSED
        case SMTPSenderRefused():
            return SENDER_REFUSED
        case SMTPConnectResponseError():
            return BROKE_OFF
        case SMTPTimeoutError() | SMTPConnectError() if not isinstance(error.__cause__, ssl.SSLError):
            return NO_ANSWER
    causes = (error, error.__cause__)
    return UNTRUSTED if any(isinstance(each, ssl.SSLCertVerificationError) for each in causes) else BROKE_OFF


def _greeting_name(origin: str) -> str:
    """What EHLO says (RFC 5321, section 4.1.3)."""
    host = urlsplit(origin).hostname or ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    return f"[IPv6:{address}]" if address.version == 6 else f"[{address}]"
