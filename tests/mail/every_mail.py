"""Each mail that there is with a context for it, as a mail program sees it."""

from datetime import UTC, datetime
from email.message import EmailMessage
from functools import cache
from typing import cast
from uuid import UUID

import pytest

from app.core.config import Settings
from app.mail.outbox import ClaimedMail
from app.mail.render import Renderer
from tests.mail.conftest import CODE, VERIFY
from tests.support.letters import parse

IP = {"ip": "192.0.2.7"}
MAILED_CODE = IP | {"code": CODE, "minutes": "10"}
NEW_ADDRESS = IP | {"new_address": "lovelace@example.com"}
CONTEXTS: dict[str, dict[str, str]] = {
    "verify_email": VERIFY,
    "verify_new_address": MAILED_CODE,
    "address_change_requested": NEW_ADDRESS,
    "address_changed": NEW_ADDRESS,
    "reset_password": MAILED_CODE,
    "password_changed": IP,
    "password_reset": IP | {"tokens": "deploy key, backup"},
    "password_disabled": IP,
    "sign_in_after_failures": IP | {"failures": "17"},
    "sign_up_attempt": IP,
    "session_reused": IP,
    "account_deleted": IP,
    "token_created": IP | {"name": "deploy key"},
    "token_expires": {"name": "deploy key", "days": "14", "expires_at": "2026-01-15T12:00:00+00:00"},
}
SUBJECTS_WITH_PASSWORD = {"reset_password", "password_changed", "password_reset", "password_disabled"}
"""The reset and the notices about a password (additions.md, "Codes")."""
WITH_CODE = {"verify_email": "verify-email", "verify_new_address": "verify-email", "reset_password": "new-password"}
"""And the page that takes it."""
NOBODY_DID_IT = {"token_expires"}
FROM_STRANGERS = [("token_created", "name"), ("token_expires", "name"), ("password_reset", "tokens")]
FROM_STRANGERS += [("address_change_requested", "new_address"), ("address_changed", "new_address")]
every_template = pytest.mark.parametrize("template", CONTEXTS)


renderer = cache(Renderer)
"""Templates are compiled once for all the texts that hypothesis tries."""


def rendered(
    template: str,
    context: dict[str, str] | None = None,
    *,
    to: str = "ada@example.com",
    without: str = "",
    settings: Settings | None = None,
) -> bytes:
    now = datetime(2026, 1, 1, 12, 0, 0, 500, tzinfo=UTC)
    mail_id = UUID("01890a5d-2c00-7abc-8def-0123456789ab")
    context = {name: value for name, value in (CONTEXTS[template] | (context or {})).items() if name != without}
    mail = ClaimedMail(mail_id, template, to, context, now, now, attempts=1)
    return renderer(settings or Settings()).render(mail).message.as_bytes()


def parsed(template: str, context: dict[str, str] | None = None, *, settings: Settings | None = None) -> EmailMessage:
    return parse(rendered(template, context, settings=settings))


def text_of(mail: EmailMessage) -> str:
    return cast(str, mail.get_content())
