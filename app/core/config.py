"""Every setting, with its default and what is refused. `.env.example` lists the same ones; a test compares.

`Settings` is plain data that tests construct; only `load_settings` reads the environment and `.env`.
"""

import ipaddress
import re
from email.policy import SMTP
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from app.core import db
from app.core.mail_url import MailServer, checked_mail_url, folder_of, server_of

NEW_SECRET = "SECRET_KEYS=$(python3 -c 'import secrets; print(secrets.token_urlsafe(48))')"


class ConfigError(Exception):
    """The settings cannot be used. `problems` has a line for each, and each line says what mends it."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def _split(value: Any) -> Any:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


_ORIGIN = re.compile(r"(https?)://([a-z0-9._-]+|\[[0-9a-f:.]+])(?::(\d{1,5}))?/?", re.ASCII | re.IGNORECASE)


def _origin(url: str) -> str:
    """`scheme://host[:port]` in the spelling browsers send (RFC 6454): lower case, default ports left out."""
    found = _ORIGIN.fullmatch(url)
    if not found:
        raise ValueError(
            "must be http://host[:port] or https://host[:port], without a path; * is no origin, "
            "and names beyond ASCII are written as browsers send them, xn--..."
        )
    scheme, host, port = found[1].lower(), found[2].lower(), int(found[3] or 0)
    return f"{scheme}://{host}" + ("" if port in (0, {"http": 80, "https": 443}[scheme]) else f":{port}")


def _network(value: str) -> str:
    try:
        network = ipaddress.ip_network(value, strict=False)
    except ValueError as error:
        raise ValueError(
            "must be IP addresses or networks such as 10.0.0.0/8; * would let anybody forge one"
        ) from error
    if network.prefixlen == 0:
        raise ValueError("must not trust every address; name the proxies")
    return str(network)


def _limits_url(value: str) -> str:
    try:
        parts = urlsplit(value)
        usable = parts.scheme in ("valkey", "valkeys", "redis", "rediss") and parts.hostname and parts.port != 0
    except ValueError:  # its text repeats what may be a part of the password
        usable = False
    if value and not (usable and re.fullmatch(r"(/\d*)?", parts.path) and not parts.query and not parts.fragment):
        raise ValueError(
            "must be valkey://host:port/number, or valkeys:// for TLS; a password goes before the host, as "
            "user:password@, with special characters as %XX"
        ) from None
    return value


def _sender(value: str) -> str:
    found = SMTP.header_factory("From", value)
    if len(found.addresses) != 1 or not found.addresses[0].domain or found.defects:
        raise ValueError("must be one mailbox, e.g. Gatepost <accounts@example.com>")
    return value


Seconds = Annotated[int, Field(gt=0)]
Secrets = Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(_split)]
Origins = Annotated[tuple[Annotated[str, AfterValidator(_origin)], ...], NoDecode, BeforeValidator(_split)]
Networks = Annotated[tuple[Annotated[str, AfterValidator(_network)], ...], NoDecode, BeforeValidator(_split)]


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    workers: Annotated[int, Field(ge=1)] = 1
    http2: Literal["on", "off"] = "off"
    reflection: Literal["auto", "on", "off"] = "auto"
    console: Literal["on", "off"] = "on"
    environment: Literal["local", "production"] = "local"
    public_url: Annotated[str, AfterValidator(lambda url: url and _origin(url))] = ""
    database_url: Annotated[str, AfterValidator(db.checked_url)] = Field(db.DEFAULT_URL, repr=False)
    database_pool: Annotated[int, Field(ge=2)] = 10
    mail_url: Annotated[str, AfterValidator(checked_mail_url)] = Field("file:data/mail", repr=False)
    mail_from: Annotated[str, AfterValidator(_sender)] = "Gatepost <gatepost@localhost>"
    service_name: Annotated[str, Field(min_length=1, max_length=64)] = "Gatepost"
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    secret_keys: Secrets = ()
    allowed_origins: Origins = ()
    trusted_proxies: Networks = ()
    limits: Literal["on", "off"] = "on"
    limits_url: Annotated[str, AfterValidator(_limits_url)] = Field("", repr=False)
    metrics: Literal["on", "off"] = "off"
    metrics_port: Annotated[int, Field(ge=1, le=65535)] = 9464
    body_limit: Annotated[int, Field(ge=1024)] = 65536
    request_timeout: Seconds = 30

    sign_up_privacy: Literal["auto", "reveal", "hide"] = "auto"
    sign_in_requires_verified_email: bool = False
    password_min_length: Annotated[int, Field(ge=8, le=64)] = 8
    password_threads: Annotated[int, Field(ge=0)] = 0
    password_queue: Annotated[int, Field(ge=1)] = 64

    session_idle: Seconds = 7 * 86400
    session_absolute: Seconds = 30 * 86400
    session_min_refresh: Seconds = 300
    session_quota: Annotated[int, Field(ge=1)] = 20

    token_prefix: Annotated[str, Field(pattern=r"^[a-z][a-z0-9]{0,14}_$")] = "gp_"
    token_default_days: Annotated[int, Field(ge=1)] = 90
    token_max_days: Annotated[int, Field(ge=1, le=3660)] = 366
    token_quota: Annotated[int, Field(ge=1)] = 50
    tokens_require_verified_email: bool = False

    security_event_days: Annotated[int, Field(ge=1, le=36600)] = 400

    @property
    def origin(self) -> str:
        """Where people reach the service; links in mail are built from it and from nothing in a request."""
        return self.public_url or f"http://127.0.0.1:{self.port}"

    @property
    def https(self) -> bool:
        return self.origin.startswith("https://")

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(key.get_secret_value() for key in self.secret_keys)

    @property
    def database_file(self) -> Path | None:
        """The embedded database's file, or None on a database server."""
        return db.local_file(self.database_url)

    @property
    def local_secret_file(self) -> Path | None:
        """Where an embedded database on one machine keeps a key of its own; None where SECRET_KEYS must say it."""
        file = self.database_file
        return file.with_name("secret.key") if file and not self.secret_keys and self.environment == "local" else None

    @property
    def mail_server(self) -> MailServer | None:
        """The SMTP server, or None where mail stays on this machine."""
        return server_of(self.mail_url)

    @property
    def mail_folder(self) -> Path | None:
        """Where mail is left as files; None with a server, or where it is printed."""
        return folder_of(self.mail_url)

    @property
    def reflects(self) -> bool:
        """Whether the service tells anybody its messages; `auto` does while it is tried out."""
        return self.reflection == "on" or (self.reflection == "auto" and self.environment == "local")

    @property
    def hides_accounts(self) -> bool:
        """Whether SignUp answers alike for a taken address; `auto` hides where a new account needs its mail anyway."""
        if self.sign_up_privacy == "auto":
            return self.sign_in_requires_verified_email
        return self.sign_up_privacy == "hide"

    def problems(self) -> list[str]:
        """What makes these settings unsafe to serve with, a line each."""
        found: list[str] = []
        if any(len(key) < 32 for key in self.keys):
            found.append(f"SECRET_KEYS: each key needs at least 32 characters. {NEW_SECRET}")
        if not self.keys and (self.environment == "production" or self.database_file is None):
            found.append(f"SECRET_KEYS: required here, since other processes must know it too. {NEW_SECRET}")
        if self.session_idle > self.session_absolute:
            found.append("SESSION_IDLE: must not exceed SESSION_ABSOLUTE.")
        if self.token_default_days > self.token_max_days:
            found.append("TOKEN_DEFAULT_DAYS: must not exceed TOKEN_MAX_DAYS.")
        if self.metrics == "on" and self.metrics_port + self.workers - 1 > 65535:
            found.append(
                "METRICS_PORT: each of WORKERS takes a port, from this one on, and there are none above 65535."
            )
        return found + (self._production_problems() if self.environment == "production" else [])

    def _production_problems(self) -> list[str]:
        found: list[str] = []
        if any(len(set(key)) < 10 for key in self.keys):
            found.append(f"SECRET_KEYS: a key with so few different characters can be guessed. {NEW_SECRET}")
        if not self.public_url:
            found.append("PUBLIC_URL: required in production, e.g. PUBLIC_URL=https://accounts.example.com")
        elif not self.https:
            found.append("PUBLIC_URL: must be https in production, e.g. PUBLIC_URL=https://accounts.example.com")
        if self.limits == "off":
            found.append("LIMITS: must be on in production. LIMITS=on")
        elif self.workers > 1 and not self.limits_url:
            found.append(
                "LIMITS_URL: required with more than one of WORKERS, or each would allow as many guesses as one may; "
                "e.g. LIMITS_URL=valkey://127.0.0.1:6379/0"
            )
        if self.mail_server is None and self.mail_folder is None:
            found.append("MAIL_URL: console: prints codes; name a server, e.g. MAIL_URL=smtps://user:password@host")
        return found

    def safe(self) -> Self:
        """These settings, or ConfigError with everything that is wrong with them."""
        if problems := self.problems():
            raise ConfigError(problems)
        return self


class _Environment(Settings, BaseSettings):
    model_config = SettingsConfigDict(
        env_file=".env", env_ignore_empty=True, extra="forbid", frozen=True, hide_input_in_errors=True
    )


class _KnownNames(_Environment):
    """The same without the names that do not exist."""

    model_config = SettingsConfigDict(extra="ignore")


def load_settings(**given: Any) -> Settings:
    """Read the environment and `.env`; a misspelt name in `.env` is refused rather than ignored. What is given, on the
    command line say, comes before both."""
    try:
        read = _Environment(**given)
    except ValidationError as error:
        raise ConfigError(_lines(error, given)) from None
    return Settings(**read.model_dump()).safe()


def _lines(error: ValidationError, given: dict[str, Any]) -> list[str]:
    errors = error.errors(include_input=False, include_url=False)
    lines = [_line(each) for each in errors]
    # The rest is judged with the defaults in the wrong ones' places, so that nobody has to start twice to see all.
    wrong = {str(each["loc"][0]): each for each in errors}
    defaults = {name: field.default for name, field in Settings.model_fields.items() if name in wrong}
    rest = _KnownNames(**(given | defaults)).problems()
    return lines + [line for line in rest if line.partition(":")[0].lower() not in wrong]


def _line(error: Any) -> str:
    where = "_".join(str(part) for part in error["loc"] if isinstance(part, str)).upper()
    if error["type"] == "extra_forbidden":
        return f"{where}: no such setting; .env.example lists them all."
    return f"{where}: {error['msg'].removeprefix('Value error, ')}."
