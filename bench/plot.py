"""One small chart as SVG: logarithmic sizes to the right, relative speed upwards. Few lines, and no library to keep."""

from collections.abc import Mapping, Sequence
from math import log10

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 760, 360, 56, 180, 24, 44
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#8a6d00")
"""Told apart by people who do not see all colours (Okabe and Ito), on white and on black."""
GREY = "#808080"
HIGHEST = 1.5


def chart(title: str, sizes: Sequence[int], lines: Mapping[str, Sequence[float]]) -> str:
    """A line for each name, with a value for each size; 1 is the level that all begin at."""
    first, last = log10(sizes[0]), log10(sizes[-1])

    def across(size: int) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (log10(size) - first) / (last - first)

    def up(value: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * min(value, HIGHEST) / HIGHEST

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'font-family="sans-serif" font-size="13" fill="{GREY}">',
        f"<title>{title}</title>",
    ]
    for level in (0, 0.5, 1.0, 1.5):
        y = up(level)
        parts.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="{GREY}" stroke-opacity="0.35"/>')
        parts.append(_text(LEFT - 8, y + 4, f"{level:.1f}", "end"))
    parts += [_text(across(size), HEIGHT - BOTTOM + 20, f"{size:,}", "middle") for size in sizes]
    ends = _apart([up(values[-1]) for values in lines.values()])
    for (name, values), colour, end in zip(lines.items(), COLOURS, ends, strict=False):
        points = " ".join(f"{across(size):.1f},{up(value):.1f}" for size, value in zip(sizes, values, strict=True))
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2.5"/>')
        parts.append(_text(WIDTH - RIGHT + 10, end + 4, f"{name} {values[-1]:.2f}", "start", colour))
    return "\n".join([*parts, "</svg>", ""])


def _apart(heights: Sequence[float], least: float = 17) -> list[float]:
    """The same heights moved so that labels there do not cover one another; the order stays."""
    moved, above = list(heights), float("-inf")
    for number in sorted(range(len(heights)), key=lambda each: heights[each]):
        moved[number] = above = max(heights[number], above + least)
    return moved


def _text(x: float, y: float, text: str, anchor: str, colour: str = GREY) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{text}</text>'
