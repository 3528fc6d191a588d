"""Tables of the documents, as tests read them."""

from collections.abc import Iterator


def rows(text: str, header: str) -> Iterator[list[str]]:
    """The cells of all rows below this header, also where several tables have it."""
    for table in text.split(f"{header}\n")[1:]:
        for line in table.splitlines()[1:]:
            if not line.startswith("|"):
                break
            yield [cell.strip() for cell in line.strip().removeprefix("|").removesuffix("|").split("|")]
