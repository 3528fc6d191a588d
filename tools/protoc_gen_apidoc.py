"""A protoc plug-in that writes the comments of the protos as one Markdown page, api.md.

The layout is that of protoc-gen-doc's Markdown template, in which the documented contract was written.
Run by buf, see buf.gen.yaml.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from protobuf import DescComments, DescField, DescFile, DescMessage, DescMethod, DescService
from protobuf.plugin import Schema, get_comments, get_package_comments, run
from protobuf.wkt.google.protobuf.descriptor_pb import FieldDescriptorProto

SCALARS = Path(__file__).with_name("scalar_value_types.md")


def page(files: list[DescFile]) -> Iterator[str]:
    """The lines of the page."""
    yield from ("# Protocol Documentation", '<a name="top"></a>', "", "## Table of Contents", "")
    for file in files:
        yield f"- [{file.name}](#{file_anchor(file)})"
        yield from (f"  - {link(entry.name, entry.type_name)}" for entry in entries(file))
        yield ""
    yield from ("- [Scalar Value Types](#scalar-value-types)", "")
    for file in files:
        yield from heading(2, file.name, file_anchor(file), get_package_comments(file), top=True)
        for message in messages(file):
            yield from heading(3, message.name, anchor(message.type_name), get_comments(message))
            if message.fields:
                yield from ("| Field | Type | Label | Description |", "| ----- | ---- | ----- | ----------- |")
                yield from map(field_row, message.fields)
                yield ""
        for service in services(file):
            yield from heading(3, service.name, anchor(service.type_name), get_comments(service))
            yield "| Method Name | Request Type | Response Type | Description |"
            yield "| ----------- | ------------ | ------------- | ------------|"
            yield from map(method_row, service.methods)
            yield ""
    yield from ("## Scalar Value Types", "", SCALARS.read_text(encoding="utf-8"))


def messages(file: DescFile) -> list[DescMessage]:
    return sorted(file.messages, key=lambda message: message.name)


def services(file: DescFile) -> list[DescService]:
    return sorted(file.services, key=lambda service: service.name)


def entries(file: DescFile) -> list[DescMessage | DescService]:
    """What the page tells of a file, in its order.

    Raises ValueError for a kind of declaration that the page has no place for: it would be missing without a word.
    """
    if file.enums or file.extensions or any(m.nested_messages or m.nested_enums or m.oneofs for m in file.messages):
        raise ValueError(f"{file.name}: api.md has no section for enums, extensions, oneofs or nested messages yet")
    return [*messages(file), *services(file)]


def heading(level: int, title: str, name: str, comments: DescComments, *, top: bool = False) -> Iterator[str]:
    yield f'<a name="{name}"></a>'
    if top:
        yield '<p align="right"><a href="#top">Top</a></p>'
    yield from ("", f"{'#' * level} {title}")
    yield from (line.strip() for line in (comments.leading or "").splitlines())
    yield ""


def field_row(field: DescField) -> str:
    proto = field.proto
    kind = in_file(proto.type_name, field.parent.file).removeprefix(".") or proto.type.name.lower()
    label = "repeated" if proto.label is FieldDescriptorProto.Label.REPEATED else ""
    return row(field.name, link(kind, proto.type_name or kind), label, cell(get_comments(field)))


def method_row(method: DescMethod) -> str:
    proto, file = method.proto, method.parent.file
    # Unlike in the tables of fields, a message of another package keeps its leading dot here: so does the template.
    request = link(in_file(proto.input_type, file), proto.input_type) + " stream" * proto.client_streaming
    response = link(in_file(proto.output_type, file), proto.output_type) + " stream" * proto.server_streaming
    return row(method.name, request, response, cell(get_comments(method)))


def in_file(type_name: str, file: DescFile) -> str:
    """The name as the file itself would write it."""
    return type_name.removeprefix(f".{file.proto.package}.")


def link(text: str, type_name: str) -> str:
    return f"[{text}](#{anchor(type_name)})"


def row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def cell(comments: DescComments) -> str:
    """A comment on one line; a bar in it would begin a new cell."""
    return " ".join((comments.leading or "").split()).replace("|", r"\|")


def anchor(type_name: str) -> str:
    return type_name.removeprefix(".").replace(".", "-")


def file_anchor(file: DescFile) -> str:
    return file.name.replace("/", "_").replace(".", "-")


def generate(schema: Schema[None]) -> None:
    out = schema.generate_file("api.md")
    for line in page(sorted(schema.files_to_generate, key=lambda file: file.name)):
        out.print(line)


if __name__ == "__main__":
    run("protoc-gen-apidoc", "1", generate)
