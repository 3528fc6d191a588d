"""Mail as it is read."""

from email import message_from_bytes, policy
from email.contentmanager import ContentManager, raw_data_manager
from email.message import EmailMessage, Message
from typing import Any, cast


def parse(content: bytes) -> EmailMessage:
    """The mail; what `get_content()` gives is its plain text, as for a reader whose program knows no HTML."""
    return cast(EmailMessage, message_from_bytes(content, policy=policy.default.clone(content_manager=_PlainText())))


def html_of(mail: EmailMessage) -> str:
    part = mail.get_body(("html",))
    assert part is not None
    return cast(str, part.get_content())


class _PlainText(ContentManager):
    def get_content(self, msg: Message, *args: Any, **kwargs: Any) -> Any:
        part = cast(EmailMessage, msg).get_body(("plain",)) if msg.is_multipart() else msg
        return raw_data_manager.get_content(part, *args, **kwargs)
