"""Curves as SVG for a page: scales, a line for each series, and its name in its colour."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

CURVES = """
.curves{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,19rem),1fr));gap:1.5rem}
.curves svg{width:100%;height:auto}.curves svg text{font-size:12px}
.series{fill:none;stroke-width:2;stroke-linejoin:round}
.s0{stroke:rgb(var(--hue))}.s1{stroke:#d9822b}.s2{stroke:#2f9e6e}.s3{stroke:#9b5de5}.s4{stroke:#c2255c}
.curves .n0{fill:rgb(var(--hue))}.curves .n1{fill:#d9822b}.curves .n2{fill:#2f9e6e}.curves .n3{fill:#9b5de5}
.curves .n4{fill:#c2255c}.dot0{fill:rgb(var(--hue))}.dot1{fill:#d9822b}.dot2{fill:#2f9e6e}
.dot3{fill:#9b5de5}.dot4{fill:#c2255c}
"""

_COLOURS = 5
_WIDTH, _HEIGHT = 400, 240
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 12, 14, 30


@dataclass(frozen=True)
class Series:
    """Points in the order of their first number."""

    name: str
    points: Sequence[tuple[float, float]]


def chart(name: str, series: Sequence[Series], *, from_zero: bool = False) -> str:
    """A drawing; empty where there is nothing to draw.

    Args:
        from_zero: the scale begins at 0, not below the lowest point.
    """
    shown = [each for each in series if each.points]
    if not shown:
        return ""
    xs = [x for each in shown for x, _ in each.points]
    ys = [y for each in shown for _, y in each.points]
    down, up = _ticks(0.0 if from_zero else min(ys), max(ys)), _ticks(min(xs), max(xs))
    area = _Area(min(xs), max(xs), down[0], down[-1])
    grid = "".join(
        f'<line class="grid" x1="{_LEFT}" y1="{area.y(at)}" x2="{_WIDTH - _RIGHT}" y2="{area.y(at)}"/>'
        f'<text x="{_LEFT - 6}" y="{area.y(at) + 4:g}" text-anchor="end">{_said(at)}</text>'
        for at in down
    )
    grid += "".join(
        f'<text x="{area.x(at)}" y="{_HEIGHT - _BOTTOM + 18}" text-anchor="middle">{_said(at)}</text>'
        for at in up
        if min(xs) <= at <= max(xs)
    )
    lines = "".join(_line(each, number % _COLOURS, area) for number, each in enumerate(shown))
    names = (
        "".join(
            f'<tspan class="n{number % _COLOURS}" dx="{8 if number else 0}">— {escape(each.name)}</tspan>'
            for number, each in enumerate(shown)
        )
        if len(shown) > 1
        else ""
    )
    legend = f'<text x="{_WIDTH - _RIGHT}" y="{_TOP + 4}" text-anchor="end">{names}</text>' if names else ""
    return (
        f'<figure><figcaption>{escape(name)}</figcaption><svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-label="{escape(name)}">{grid}{lines}{legend}</svg></figure>'
    )


@dataclass(frozen=True)
class _Area:
    """Where a point is drawn."""

    first: float
    last: float
    low: float
    high: float

    def x(self, value: float) -> float:
        share = (value - self.first) / ((self.last - self.first) or 1)
        return round(_LEFT + share * (_WIDTH - _LEFT - _RIGHT), 1)

    def y(self, value: float) -> float:
        share = (value - self.low) / ((self.high - self.low) or 1)
        return round(_HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM), 1)


def _line(series: Series, colour: int, area: _Area) -> str:
    points = [(area.x(x), area.y(y)) for x, y in series.points]
    if len(points) == 1:
        return f'<circle class="dot{colour}" cx="{points[0][0]}" cy="{points[0][1]}" r="3"/>'
    return f'<polyline class="series s{colour}" points="{" ".join(f"{x},{y}" for x, y in points)}"/>'


def _ticks(low: float, high: float) -> list[float]:
    """Round numbers from at or below the lowest value to at or above the highest."""
    if high <= low:
        low, high = low - (abs(low) * 0.05 or 0.5), high + (abs(high) * 0.05 or 0.5)
    rough = (high - low) / 4
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(each * size for each in (1, 2, 5, 10) if each * size >= rough)
    first, last = math.floor(low / step), math.ceil(high / step)
    return [float(f"{number * step:.12g}") for number in range(first, last + 1)]


def _said(value: float) -> str:
    if value and abs(value) < 1e-4:
        return f"{value:.0e}".replace("e-0", "e-")
    return f"{value:,.4g}" if abs(value) < 1e4 else f"{value / 1000:,.4g}k"
