"""Pieces of Markdown: tables, and numbers and words of the data in a form that cannot break them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

NONE = "–"
"""Shown where there is no value."""

_NUMERIC = re.compile(rf"[+-]?[\d.,]+%?|{NONE}")


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A Markdown table; columns of numbers stand on the right, the first column and words on the left."""
    rows = list(rows)
    columns = [[row[place] for row in rows] for place in range(1, len(header))]
    rules = ["---:" if all(map(_NUMERIC.fullmatch, column)) else "---" for column in columns]
    return [f"| {' | '.join(line)} |" for line in (header, ["---", *rules], *rows)]


def number(value: float | None) -> str:
    """A number with thousands separators; of a fraction four significant digits, or the whole number."""
    if value is None:
        return NONE
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,.4g}" if abs(value) < 10_000 else f"{value:,.0f}"


def share(part: int, whole: int) -> str:
    """A part of a whole in per cent."""
    return f"{100 * part / whole:.1f}%" if whole else NONE


def cell(value: str) -> str:
    """Words of people or of the data as harmless Markdown: one line, no markup, HTML or link."""
    return re.sub(r"([\\`*_\[\]<>&|!$~])", r"\\\1", " ".join(value.split()))


def code(value: object) -> str:
    """A code or a digest as it stands in the data, in recipes and in files."""
    plain = re.sub(r"[`|\s]+", " ", str(value))
    return f"`{plain}`" if plain else NONE
