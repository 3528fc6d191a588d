"""The opaque page_token of ListTokensPage.

It is not signed: it says where in the caller's own list to go on, and a forged one says only another place there.
"""

import base64
import struct
from datetime import UTC, datetime, timedelta
from uuid import UUID

from app.core.errors import InvalidField
from app.core.listing import Position

_LAYOUT = struct.Struct(">Q16s")
"""Microseconds since 1970, and the UUID: 24 bytes, so base64 needs no padding."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TICK = timedelta(microseconds=1)


def encode(position: Position) -> str:
    created_at, token_id = position
    return base64.urlsafe_b64encode(_LAYOUT.pack((created_at - _EPOCH) // _TICK, token_id.bytes)).decode()


def decode(page_token: str) -> Position | None:
    """None for the empty page_token, which asks for the first page. Raises InvalidField for one not from here."""
    if not page_token:
        return None
    try:
        ticks, token_id = _LAYOUT.unpack(base64.b64decode(page_token, altchars=b"-_", validate=True))
        return _EPOCH + ticks * _TICK, UUID(bytes=token_id)
    except (ValueError, OverflowError, struct.error):
        raise InvalidField("page_token", "must be a next_page_token from this call, or empty.") from None
