"""A plot of growth as SVG: wall seconds by units, a line for each column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 640, 360, 60, 40, 30
COLOURS = ("#1b6ac9", "#8a8a8a", "#c2571a")


def draw(title: str, lines: Mapping[str, Sequence[tuple[int, float]]]) -> str:
    """Return a plot of points (units, seconds) by name."""
    points = [point for each in lines.values() for point in each]
    most_units = max((units for units, _ in points), default=1)
    most_seconds = max((seconds for _, seconds in points), default=1.0) or 1.0

    def place(units: float, seconds: float) -> tuple[float, float]:
        across = LEFT + units / most_units * (WIDTH - LEFT - 20)
        return round(across, 1), round(HEIGHT - BOTTOM - seconds / most_seconds * (HEIGHT - BOTTOM - TOP), 1)

    right, top = place(most_units, most_seconds)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}"',
        ' font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        f'<text x="{LEFT}" y="18" font-size="14">{escape(title)}</text>',
        f'<path d="M{LEFT} {top} V{HEIGHT - BOTTOM} H{right}" fill="none" stroke="black"/>',
        f'<text x="{LEFT - 6}" y="{top + 4}" text-anchor="end">{most_seconds:.0f} s</text>',
        f'<text x="{right}" y="{HEIGHT - BOTTOM + 18}" text-anchor="end">{most_units:,} units</text>',
    ]
    for number, ((name, each), colour) in enumerate(zip(lines.items(), COLOURS, strict=False)):
        path = " L".join(f"{x} {y}" for x, y in (place(*point) for point in sorted(each)))
        parts.append(f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [
            f'<circle cx="{x}" cy="{y}" r="3" fill="{colour}"/>' for x, y in (place(*point) for point in sorted(each))
        ]
        parts.append(f'<text x="{LEFT + 12}" y="{TOP + 16 + 16 * number}" fill="{colour}">{escape(name)}</text>')
    return "\n".join([*parts, "</svg>", ""])
