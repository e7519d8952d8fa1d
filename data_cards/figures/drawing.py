"""Bars as SVG: panels one below the other, each a few named rows, drawn in a column that a telephone shows
whole. What a bar is made of is told by its form and in words, never by its colour alone.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Literal

from curation.lang import Lang
from curation.writing.page import TAGS

Form = Literal["whole", "hollow", "warning"]
"""How a part of a bar looks: filled; only its edge, dashed; filled in the colour of a warning."""

WIDTH = 400
FAMILY = 'system-ui,"PingFang SC","Microsoft YaHei","Noto Sans CJK SC","Source Han Sans SC",sans-serif'

LIGHT = f"""
.figure text{{font:13px {FAMILY};fill:#1d2433}}.figure .head{{font-weight:600;font-size:15px}}
.figure .soft{{fill:#4d586a}}.figure .paper{{fill:#fff}}.figure .rule{{fill:#e6eaf0}}
.figure .whole{{fill:#0072b2}}.figure .warning{{fill:#d55e00}}
.figure .hollow{{fill:none;stroke:#0072b2;stroke-width:1.5;stroke-dasharray:3 2}}
"""
"""Blue and vermilion are of Okabe and Ito's palette, which the colour-blind can tell apart."""

DARK = """
.figure text{fill:#e4e8f0}.figure .soft{fill:#a9b4c6}.figure .paper{fill:#151a22}.figure .rule{fill:#2a323e}
.figure .whole{fill:#56b4e9}.figure .hollow{stroke:#56b4e9}.figure .warning{fill:#e69f00}
"""

STYLE = f"{LIGHT}@media screen and (prefers-color-scheme:dark){{{DARK}}}"

_EDGE, _GAP = 12, 8
_BAR, _ROW, _TALL = 14, 24, 44
_SIZE = 13


@dataclass(frozen=True)
class Part:
    """A part of a bar, and how long it is."""

    form: Form
    value: float


@dataclass(frozen=True)
class Row:
    """A bar, its name on the left and what it says on the right."""

    name: str
    parts: Sequence[Part]
    said: str

    @property
    def value(self) -> float:
        return sum(part.value for part in self.parts)


@dataclass(frozen=True)
class Panel:
    """Bars on one scale.

    Attributes:
        legend: what the forms mean; none where there is only one.
    """

    name: str
    rows: Sequence[Row]
    legend: dict[Form, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Drawing:
    """A figure.

    Attributes:
        key: its name in paths.
        title: what it shows, in a few words.
    """

    key: str
    title: str
    panels: Sequence[Panel]
    lang: Lang

    @property
    def told(self) -> str:
        """The same data as a sentence, for those who do not see it."""
        stop, comma, colon = ("。", "；", "：") if self.lang == "zh" else (". ", "; ", ": ")
        panels = []
        for panel in self.panels:
            rows = comma.join(f"{row.name} {row.said}" for row in panel.rows)
            panels.append(f"{panel.name}{colon}{rows}" if panel.name != self.title else rows)
        return _printable(stop.join(panels) + stop.rstrip())

    def file(self) -> str:
        """A file of its own, by day and by night."""
        return self._svg(f"<style>{STYLE}</style>") + "\n"

    def inline(self) -> str:
        """A part of a page that has `STYLE`."""
        return self._svg("")

    def _svg(self, style: str) -> str:
        body, height = _panels(self)
        name = f"{self.key}-{self.lang}"
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="figure" width="{WIDTH}" height="{height}" '
            f'viewBox="0 0 {WIDTH} {height}" role="img" aria-labelledby="{name}-title {name}-told" '
            f'lang="{TAGS[self.lang]}"><title id="{name}-title">{_text(self.title)}</title>'
            f'<desc id="{name}-told">{escape(self.told)}</desc>{style}'
            f'<rect class="paper" width="{WIDTH}" height="{height}"/>{body}</svg>'
        )


def _panels(drawing: Drawing) -> tuple[str, int]:
    """All panels, and the height they take."""
    parts = []
    top = _EDGE
    for panel in drawing.panels:
        top += 16
        parts.append(f'<text class="head" x="{_EDGE}" y="{top}">{_text(cut(panel.name, WIDTH - 40))}</text>')
        top += _GAP
        if panel.legend:
            drawn, top = _legend(panel.legend, top)
            parts.append(drawn)
        drawn, top = _rows(panel, top)
        parts.append(drawn)
        top += _EDGE
    return "".join(parts), top


def _legend(legend: dict[Form, str], top: int) -> tuple[str, int]:
    """What the forms mean, as many in a line as fit."""
    drawn = ""
    left = _EDGE
    for form, name in legend.items():
        wide = 24 + width(name) + 14
        if left > _EDGE and left + wide > WIDTH - _EDGE:
            left, top = _EDGE, top + 20
        drawn += f'<rect class="{form}" x="{left + 1}" y="{top + 4}" width="16" height="10"/>'
        drawn += f'<text class="soft" x="{left + 23}" y="{top + 14}">{_text(name)}</text>'
        left += wide
    return drawn, top + 24


def _rows(panel: Panel, top: int) -> tuple[str, int]:
    """Names beside the bars where all of them are short, else above."""
    most = max((row.value for row in panel.rows), default=0) or 1
    names = max((width(row.name) for row in panel.rows), default=0)
    said = max((width(row.said) for row in panel.rows), default=0)
    beside = names <= 112 and said <= 112
    left = _EDGE + names + _GAP if beside else _EDGE
    right = WIDTH - _EDGE - (said + _GAP if beside else 0)
    drawn = ""
    for row in panel.rows:
        y = top + (0 if beside else 20)
        line = top + 15
        room = names if beside else WIDTH - 2 * _EDGE - width(row.said) - _GAP
        drawn += f'<text x="{_EDGE}" y="{line}">{_text(cut(row.name, room))}</text>'
        drawn += f'<text x="{WIDTH - _EDGE}" y="{line}" text-anchor="end">{_text(row.said)}</text>'
        drawn += f'<rect class="rule" x="{left}" y="{y + 4}" width="{right - left}" height="{_BAR}"/>'
        drawn += _bar(row, left, (right - left) / most, y + 4)
        top += _ROW if beside else _TALL
    return drawn, top


def _bar(row: Row, left: float, scale: float, y: float) -> str:
    drawn = ""
    for part in row.parts:
        if part.value:
            long = max(1.0, part.value * scale)  # what is there is seen, however little
            inset = 0.75 if part.form == "hollow" else 0
            drawn += (
                f'<rect class="{part.form}" x="{left + inset:.1f}" y="{y + inset:g}" '
                f'width="{max(0.5, long - 2 * inset):.1f}" height="{_BAR - 2 * inset:g}"/>'
            )
            left += long
    return drawn


def width(text: str) -> int:
    """How wide a text is at most, in units of the drawing: fonts differ."""
    wide = sum(unicodedata.east_asian_width(character) in "WFA" for character in text)
    return round(wide * _SIZE + (len(text) - wide) * _SIZE * 0.6)


def cut(text: str, room: float) -> str:
    """The text, or what of it fits with a mark that it goes on."""
    if width(text) <= room:
        return text
    while text and width(text) + _SIZE > room:
        text = text[:-1]
    return text.rstrip() + "…"


def _text(text: str) -> str:
    return escape(_printable(text))


def _printable(text: str) -> str:
    """XML holds no control characters, surrogates or the two that are none."""
    return "".join(
        character if character.isprintable() and character not in "\ufffe\uffff" else "\ufffd"
        for character in " ".join(text.split())
    )
