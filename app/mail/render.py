"""From a row of the outbox to a message (RFC 5322), by the templates: one file a mail, with its subject and its body.

Text from strangers can neither add a header, a recipient nor a line: addresses must be one bare mailbox, and every
value is put on one line. Links and names come from the settings, never from a request.
"""

from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from urllib.parse import quote, urlencode, urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined

from app.core.config import Settings
from app.mail.outbox import ClaimedMail
from app.mail.senders import Letter


class Renderer:
    """Every template sees its context and `at` (when the mail was queued), `recipient`, `origin` and `service_name`."""

    def __init__(self, settings: Settings) -> None:
        self._from = settings.mail_from
        self._always = {"origin": settings.origin, "service_name": settings.service_name}
        self._host = _host(settings.origin)
        self._templates = Environment(
            loader=PackageLoader("app.mail"),
            undefined=StrictUndefined,
            autoescape=False,  # noqa: S701 - plain text; entities would show
            trim_blocks=True,
        )
        self._templates.filters["moment"] = _moment
        self._templates.globals |= {"link": self._link, "strong": str}

    def render(self, mail: ClaimedMail) -> Letter:
        """The same letter for the same mail, whenever it is made: a reader's program can tell a repetition.

        Raises jinja2.TemplateError for an unknown template or a missing value, ValueError for an unusable address.
        """
        values = {"at": mail.created_at.isoformat()} | mail.context | self._always | {"recipient": mail.recipient}
        template = self._templates.get_template(f"{mail.template}.j2")
        context = template.new_context({name: _single_line(value) for name, value in values.items()})

        # A non-ASCII mailbox needs a server with SMTPUTF8 (RFC 6531); all others get what any server takes.
        message = EmailMessage(policy=SMTP if mail.recipient.isascii() else SMTPUTF8)
        message["From"] = self._from
        message["To"] = _mailbox(mail.recipient)
        message["Subject"] = "".join(template.blocks["subject"](context))
        message["Date"] = mail.created_at
        # Hex without hyphens: no part of it can be taken for a code of eight digits.
        message["Message-ID"] = f"<{mail.id.hex}@{self._host}>"
        # Keeps holiday answers away (RFC 3834).
        message["Auto-Submitted"] = "auto-generated"
        # Left to choose, EmailMessage takes base64 for some texts, and nobody could read their code in the file.
        message.set_content("".join(template.blocks["body"](context)), cte="quoted-printable")
        return Letter(mail.id, mail.template, message)

    def _link(self, label: str, page: str, **told: str) -> str:
        """A page of the console. What it is told stands in the fragment, which no browser sends: opened by a program
        that looks at mail before its reader does, a link uses up no code, and a proxy's log never has one."""
        query = f"?{urlencode(told, quote_via=quote)}" if told else ""
        return f"{self._always['origin']}/#/{page}{query}"


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


def _moment(value: str) -> str:
    # A value that is missing complains in str(), and names itself.
    return f"{datetime.fromisoformat(str(value)).astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _host(origin: str) -> str:
    host = urlsplit(origin).hostname or ""
    return f"[{host}]" if ":" in host else host
