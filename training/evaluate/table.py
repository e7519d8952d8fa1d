"""An evaluation as a table of text: a line for each figure, a column for each model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_FIGURES = (
    ("n", "examples"),
    ("accuracy", "accuracy"),
    ("reward_accuracy", "gains more than the other"),
    ("macro_f1", "macro-F1"),
    ("precision", "precision of entities"),
    ("recall", "recall of entities"),
    ("f1", "F1 of entities"),
    ("refusal.precision", "hands over rightly"),
    ("refusal.recall", "silence noticed"),
    ("grounded", "quotes stand there"),
    ("chrf", "chrF to people's"),
    ("invented", "makes figures up"),
    ("loss", "loss, nats/token"),
    ("stops", "ends by itself"),
)
"""Where a figure is, and what it is called."""


def table(columns: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Lines of equal columns; a model that lacks a figure has a dash, a figure that all lack no line.

    Args:
        columns: the figures of each model by its name, as `Evaluation` holds them.
    """
    rows = [["", *columns]]
    for key, name in _FIGURES:
        cells = [_cell(figures, key) for figures in columns.values()]
        if any(cells):
            rows.append([name, *(cell or "-" for cell in cells)])
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]


def _cell(figures: Mapping[str, Any], key: str) -> str:
    value: Any = figures
    for part in key.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    if isinstance(value, Mapping):
        main = value["share"] if "share" in value else value["mean"]
        of = f" of {value['n']:,}" if "share" in value and value["n"] != figures["n"] else ""
        return _with_interval(main, value["interval"]) + of if main is not None else f"none{of}"
    if key == "accuracy" and value is not None:
        return _with_interval(value, figures["interval"])
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int) else f"{value:.3f}"


def _with_interval(value: float, interval: tuple[float, float]) -> str:
    low, high = interval
    return f"{value:.3f} [{low:.3f}, {high:.3f}]"
