"""`MAIL_URL`: where mail goes, taken apart."""

import ipaddress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

FORMS = (
    "must be smtp://user:password@host:port, smtps://user:password@host:port, file:folder, file:///folder or console:; "
    "in user and password, : / ? # @ and % are written percent-encoded"
)


@dataclass(frozen=True, slots=True)
class MailServer:
    """An SMTP server. Without a user, nobody logs in."""

    host: str
    port: int
    tls: bool
    """From the first byte; otherwise by STARTTLS, where it is offered."""
    user: str = ""
    password: str = field(default="", repr=False)

    @property
    def is_this_machine(self) -> bool:
        """By its name alone: another name that happens to lead here gets no favours."""
        return self.host == "localhost" or _is_loopback(self.host)

    def __str__(self) -> str:
        """Host and port, nothing secret."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def checked_mail_url(url: str) -> str:
    """The same URL, or ValueError with the forms there are and nothing of what was given, which may be a password."""
    try:
        good = _is_good(urlsplit(url))
    except ValueError:  # its text holds a piece of the URL: half a password, if one has a slash
        good = False
    if not good:
        raise ValueError(FORMS)
    return url


def server_of(url: str) -> MailServer | None:
    """None where mail does not leave this machine."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if not host:
        return None
    tls = parts.scheme == "smtps"
    # RFC 8314 has 465 and 587 for those who hand in mail; a server on the same machine is found at 25.
    usual = 465 if tls else 25 if MailServer(host, 25, tls).is_this_machine else 587
    return MailServer(host, parts.port or usual, tls, unquote(parts.username or ""), unquote(parts.password or ""))


def folder_of(url: str) -> Path | None:
    """Of `file:`; None otherwise."""
    parts = urlsplit(url)
    return Path(unquote(parts.path)) if parts.scheme == "file" else None


def _is_good(parts: SplitResult) -> bool:
    if parts.scheme == "file":
        return not parts.netloc and bool(parts.path)
    if parts.scheme == "console":
        return not any(parts[1:])
    return parts.scheme in ("smtp", "smtps") and _names_a_server(parts)


def _names_a_server(parts: SplitResult) -> bool:
    host, user, password = parts.hostname or "", unquote(parts.username or ""), unquote(parts.password or "")
    return (
        bool(host)
        and host.isascii()
        and parts.port != 0
        and bool(user) == bool(password)
        and (user + password).isprintable()
        and parts.path in ("", "/")
        and not (parts.query or parts.fragment)
    )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
