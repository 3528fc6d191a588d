"""Two readings of one contract, of a protocol documentation page and of built descriptors, in one form to compare."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from protobuf import DescFile
from protobuf.wkt.google.protobuf.descriptor_pb import FieldDescriptorProto

LINK = re.compile(r"\[[\w.]+]\(#([\w-]+)\)( stream)?")


@dataclass(slots=True)
class Contract:
    """What clients rely on, by qualified name: `tokens.v1.TokenMetadata.name`, `tokens.v1.TokensService/GetToken`."""

    shapes: dict[str, str] = field(default_factory=dict)
    comments: dict[str, str] = field(default_factory=dict)

    def add(self, name: str, shape: str, comment: str = "") -> None:
        assert name not in self.shapes, f"{name} stands twice"
        self.shapes[name] = shape
        self.comments[name] = comment


def flat(page: str) -> str:
    """A page as the documented one came to us: without tags, each run of white space one blank."""
    return " ".join(re.sub(r"</?[ap]\b[^>]*>", " ", page).split())


def read_page(page: str) -> Contract:
    contract = Contract()
    package = ""
    for section in re.split(r" (?=###? )", flat(page).replace(" Top ## ", " ## ")):
        level, name, rest = (*section.split(" ", 2), "")[:3]
        comment, _, table = rest.partition("|")
        if level == "##" and name.endswith(".proto"):
            package = name.rpartition("/")[0].replace("/", ".")
            contract.add(name, "file", comment.strip())
        elif level == "###":
            is_service = table.startswith(" Method Name ")
            owner = f"{package}.{name}"
            contract.add(owner, "service" if is_service else "message", comment.strip())
            for first, second, third, last in rows(table):
                if is_service:
                    contract.add(f"{owner}/{first}", f"{kind(second)} -> {kind(third)}", last)
                else:
                    contract.add(f"{owner}.{first}", f"{third} {kind(second)}".strip(), last)
    return contract


def rows(table: str) -> Iterator[list[str]]:
    """The rows of four cells of a flat table whose first bar is cut off, without head and rule."""
    cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", table)]
    for start in range(10, len(cells) - 1, 5):  # four cells, and what stands between the bars of two rows
        yield cells[start : start + 4]


def kind(cell: str) -> str:
    match = LINK.fullmatch(cell)
    assert match, f"no link to a type: {cell}"
    return f"{(match[2] or '').strip()} {match[1].replace('-', '.')}".strip()


def read_descriptors(files: Iterable[DescFile]) -> Contract:
    """Generated modules keep no comments: those of the answer are empty."""
    contract = Contract()
    for file in files:
        contract.add(file.name, "file")
        for message in file.messages:
            contract.add(message.type_name, "message")
            for proto in (member.proto for member in message.fields):
                label = "repeated " if proto.label is FieldDescriptorProto.Label.REPEATED else ""
                shape = proto.type_name.removeprefix(".") or proto.type.name.lower()
                contract.add(f"{message.type_name}.{proto.name}", label + shape)
        for service in file.services:
            contract.add(service.type_name, "service")
            for call in (method.proto for method in service.methods):
                request = "stream " * call.client_streaming + call.input_type.removeprefix(".")
                response = "stream " * call.server_streaming + call.output_type.removeprefix(".")
                contract.add(f"{service.type_name}/{call.name}", f"{request} -> {response}")
    return contract
