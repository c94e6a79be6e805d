"""A line chart as SVG text: crisp at any size, and no library to draw it."""

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Final

_WIDTH, _HEIGHT = 720, 320
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 16, 64, 44  # margins, pixels
_COLOURS: Final = ("#1f77b4", "#d9601a", "#2a8f4d", "#8a4fbf", "#b8860b", "#c2316b")

Points = Sequence[tuple[float, float]]


def line_chart(title: str, lines: Mapping[str, Points], *, x_label: str) -> str:
    """SVG of named lines over one pair of axes; each line has at least one point, all of them finite."""
    xs, ys = ([point[axis] for points in lines.values() for point in points] for axis in (0, 1))
    x_ticks, y_ticks = _ticks(min(xs), max(xs)), _ticks(min(ys), max(ys))

    def place(x: float, y: float) -> tuple[float, float]:
        right, down = _share(x, x_ticks), 1 - _share(y, y_ticks)
        return _LEFT + right * (_WIDTH - _LEFT - _RIGHT), _TOP + down * (_HEIGHT - _TOP - _BOTTOM)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>',
        _text(_LEFT, 22, title, size=15),
        _text((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 8, x_label, anchor="middle"),
    ]
    for tick in y_ticks:
        x, y = place(x_ticks[0], tick)
        parts += [_line(x, y, _WIDTH - _RIGHT, y), _text(x - 8, y + 4, f"{tick:g}", anchor="end")]
    for tick in x_ticks:
        x, y = place(tick, y_ticks[0])
        parts += [_line(x, _TOP, x, y), _text(x, y + 18, f"{tick:g}", anchor="middle")]
    legend_left = float(_LEFT)
    for index, (name, points) in enumerate(lines.items()):
        colour = _COLOURS[index % len(_COLOURS)]
        parts += [_text(legend_left, 46, name, fill=colour), _polyline([place(*point) for point in points], colour)]
        legend_left += 24 + 7 * len(name)
    return "\n".join([*parts, "</svg>", ""])


def _ticks(lowest: float, highest: float) -> list[float]:
    """Round numbers, four to eight of them, that reach from `lowest` or below to `highest` or above."""
    span = highest - lowest or abs(highest) or 1.0
    power = 10 ** math.floor(math.log10(span / 4))
    step = power * max(factor for factor in (1, 2, 2.5, 5) if power * factor <= span / 4)
    first, last = math.floor(lowest / step), math.ceil(highest / step)
    return [round(number * step, 12) for number in range(first, max(last, first + 1) + 1)]


def _share(value: float, ticks: Sequence[float]) -> float:
    return (value - ticks[0]) / (ticks[-1] - ticks[0])


def _line(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="#ddd"/>'


def _polyline(places: Points, colour: str) -> str:
    """A line, and its points where they are few enough to be told apart."""
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    dots = places if len(places) <= 40 else ()
    drawn = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="{colour}"/>' for x, y in dots)
    return f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.8"/>{drawn}'


def _text(x: float, y: float, text: str, *, anchor: str = "start", size: int = 12, fill: str = "#333") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" fill="{fill}">{escape(text)}</text>'
    )
