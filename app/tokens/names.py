"""What a token may be called."""

from app.core import names


def clean_name(typed: str) -> str:
    """The name as it is stored (`core.names`). Raises InvalidField."""
    return names.clean_name(typed, field="token_metadata.name")
