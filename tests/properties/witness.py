"""Google's runtime, which reads what the service writes and writes what it reads.

It knows the protos from buf, not from gen/, so that it would also tell if those had come apart.
"""

import subprocess
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

from google.protobuf import json_format
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.descriptor_pb2 import DescriptorProto, FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.protobuf.unknown_fields import UnknownFieldSet

from tests.contract.commands import ROOT, environment
from tests.properties.contents import Content


@cache
def _compiled() -> FileDescriptorSet:
    """The protos, as buf compiles them now."""
    command = ["buf", "build", "proto", "--as-file-descriptor-set", "--output", "-"]
    built = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, check=True)
    return FileDescriptorSet.FromString(built.stdout)


@cache
def _pool() -> DescriptorPool:
    pool = DescriptorPool()
    for file in _compiled().file:
        pool.Add(file)
    return pool


@cache
def _class(name: str) -> type[Message]:
    return GetMessageClass(_pool().FindMessageTypeByName(name))


def message_names() -> Iterator[str]:
    """All messages that buf knows, nested ones too."""
    for file in _compiled().file:
        yield from _names(file.package, file.message_type)


def _names(prefix: str, messages: Iterable[DescriptorProto]) -> Iterator[str]:
    for message in messages:
        if not message.options.map_entry:
            yield (name := f"{prefix}.{message.name}")
            yield from _names(name, message.nested_type)


def filled(name: str, content: Content) -> Message:
    """Google's message with this content."""
    message = _class(name)()
    _fill(message, content)
    return message


def _fill(message: Message, content: Content) -> None:
    for name, value in content.items():
        field, place = message.DESCRIPTOR.fields_by_name[name], getattr(message, name)
        if _is_map(field):
            for key, each in value.items():
                if isinstance(each, dict):
                    _fill(place[key], each)
                else:
                    place[key] = each
        elif field.is_repeated:
            for each in value:
                if isinstance(each, dict):
                    _fill(place.add(), each)
                else:
                    place.append(each)
        elif field.message_type:
            place.SetInParent()
            _fill(place, value)
        else:
            setattr(message, name, value)


def content_of(message: Any) -> Any:
    """What is set in one of Google's messages."""
    if not isinstance(message, Message):
        return message
    found: Content = {}
    for field, value in message.ListFields():
        if _is_map(field):
            found[field.name] = {key: content_of(each) for key, each in value.items()}
        elif field.is_repeated:
            found[field.name] = [content_of(each) for each in value]
        else:
            found[field.name] = content_of(value)
    return found


def unknown(message: Message) -> list[tuple[int, int, Any]]:
    """Number, wire type and data of the fields that the message came with and does not have."""
    return sorted((each.field_number, each.wire_type, each.data) for each in UnknownFieldSet(message))


def from_binary(name: str, body: bytes) -> Message:
    return _class(name).FromString(body)


def to_json(message: Message) -> bytes:
    return json_format.MessageToJson(message, ensure_ascii=False).encode()


def from_json(name: str, text: bytes) -> Message:
    """Unknown fields are passed over, as the service passes them over."""
    return json_format.Parse(text, _class(name)(), ignore_unknown_fields=True)


def _is_map(field: FieldDescriptor) -> bool:
    return bool(field.message_type and field.message_type.GetOptions().map_entry)
