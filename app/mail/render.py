"""From a row of the outbox to a message (RFC 5322), as plain text and as HTML.

Text from strangers can neither add a header, a recipient nor a line: addresses must be one bare mailbox, and every
value is put on one line. Links and names come from the settings, never from a request.
"""

from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from urllib.parse import urlsplit

from app.core.config import Settings
from app.mail.forms import Html, PlainText
from app.mail.letter import Letter
from app.mail.outbox import ClaimedMail


class Renderer:
    """Every template sees its context and `at` (when the mail was queued), `recipient`, `origin` and `service_name`."""

    def __init__(self, settings: Settings) -> None:
        self._from = settings.mail_from
        self._always = {"origin": settings.origin, "service_name": settings.service_name}
        self._host = _host(settings.origin)
        self._plain, self._html = PlainText(settings.origin), Html(settings.origin)

    def render(self, mail: ClaimedMail) -> Letter:
        """The same letter for the same mail, whenever it is made: a reader's program can tell a repetition.

        Raises jinja2.TemplateError for an unknown template or a missing value, ValueError for an unusable address.
        """
        values = {"at": mail.created_at.isoformat()} | mail.context | self._always | {"recipient": mail.recipient}
        values = {name: _single_line(value) for name, value in values.items()}
        subject = self._plain.block(mail.template, "subject", values)
        text = self._plain.block(mail.template, "body", values)

        # A non-ASCII mailbox needs a server with SMTPUTF8 (RFC 6531); all others get what any server takes.
        message = EmailMessage(policy=SMTP if mail.recipient.isascii() else SMTPUTF8)
        message["From"] = self._from
        message["To"] = _mailbox(mail.recipient)
        message["Subject"] = subject
        message["Date"] = mail.created_at
        # Hex without hyphens: no part of it can be taken for a code of eight digits.
        message["Message-ID"] = f"<{mail.id.hex}@{self._host}>"
        # Keeps holiday answers away (RFC 3834).
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(text, cte=_plainest(text))
        message.add_alternative(self._html.page(mail.template, subject, values), subtype="html", cte="quoted-printable")
        message.set_boundary(f"=_{mail.id.hex}")
        return Letter(mail.id, mail.template, message)


def _mailbox(address: str) -> Address:
    """The address, if it is one mailbox and no more: not a list, a group, a display name or a second header line."""
    if address.isprintable():
        found: tuple[Address, ...] = SMTPUTF8.header_factory("To", address).addresses
        if len(found) == 1 and found[0].addr_spec == address:
            return found[0]
    raise ValueError("not a bare mail address")


def _single_line(value: str) -> str:
    # Besides line ends, isprintable() refuses what turns the direction of text, or hides it.
    return " ".join("".join(each if each.isprintable() else " " for each in value).split())


def _plainest(text: str) -> str:
    # Left to choose, EmailMessage takes base64 for some texts, and nobody could read their code in the file. As it is,
    # a link is whole there too; RFC 5322, section 2.1.1, has the longest line.
    as_it_is = text.isascii() and max(map(len, text.splitlines())) <= 998
    return "7bit" if as_it_is else "quoted-printable"


def _host(origin: str) -> str:
    host = urlsplit(origin).hostname or ""
    return f"[{host}]" if ":" in host else host
