"""Which scopes can be granted. Their form is a rule in the proto, since it holds for any caller."""

from collections.abc import Sequence

from app.core.errors import InvalidField

MANAGE = "tokens:manage"


def grantable(asked: Sequence[str]) -> tuple[str, ...]:
    """The scopes to store, in the order they were asked for. Raises InvalidField for one that cannot be granted."""
    for index, scope in enumerate(asked):
        if scope == MANAGE:
            raise InvalidField(f"token_permissions.scopes[{index}]", f"{MANAGE} cannot be granted yet; leave it out.")
    return tuple(asked)
