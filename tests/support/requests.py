"""Request messages as their descriptors tell them."""

from collections.abc import Iterator

from protobuf import DescFieldValueMessage, DescMessage


def field_paths(message: DescMessage) -> Iterator[str]:
    """The paths of all fields that hold a value, however deep; well-known types are values."""
    for field in message.fields:
        match field.value:
            case DescFieldValueMessage(message=inner) if not inner.type_name.startswith("google.protobuf."):
                yield from (f"{field.name}.{path}" for path in field_paths(inner))
            case _:
                yield field.name
