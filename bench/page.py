"""docs/benchmarks.md, and other pages, of which each command writes its own part and leaves the rest as it is."""

from pathlib import Path

from bench.machine import DATA, ROOT

PAGE, CHART = "benchmarks.md", "growth.svg"


def write(part: str, text: str, *, whole: bool, name: str = PAGE) -> Path:
    """Put the text in place of the part; what a run gave that was not whole goes to bench/data/. The file."""
    if whole:
        page = ROOT / "docs" / name
        page.write_text(replaced(page.read_text(), part, text))
    else:
        page = DATA / f"{part.replace(' ', '-')}.md"
        page.write_text(f"{text}\n")
    return page


def draw(chart: str, *, whole: bool) -> None:
    """Put the picture of the growth beside the page."""
    ((ROOT / "docs" if whole else DATA) / CHART).write_text(chart)


def replaced(page: str, part: str, text: str) -> str:
    """The page with other text between the marks of the part. Raises ValueError where it has no such marks."""
    begin, end = f"<!-- begin {part} -->\n", f"<!-- end {part} -->\n"
    before, began, rest = page.partition(begin)
    _, ended, after = rest.partition(end)
    if not (began and ended):
        raise ValueError(f"no part for {part}")
    return f"{before}{begin}\n{text.strip()}\n\n{end}{after}"
