"""What the figures of an evaluation are called, and the evaluation as a table of text: a line for each
figure, a column for each model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

FIGURES = {
    "n": ("样本数", "examples"),
    "accuracy": ("正确率", "accuracy"),
    "reward_accuracy": ("首选回答比另一回答升幅更大的比例", "gains more than the other"),
    "macro_f1": ("宏平均 F1", "macro-F1"),
    "precision": ("实体精确率", "precision of entities"),
    "recall": ("实体召回率", "recall of entities"),
    "f1": ("实体 F1", "F1 of entities"),
    "refusal.precision": ("转人工的正确率", "hands over rightly"),
    "refusal.recall": ("指南未写明时转人工的比例", "silence noticed"),
    "grounded": ("引文确在指南中的比例", "quotes stand there"),
    "chrf": ("与人工答复的 chrF", "chrF to people's"),
    "invented": ("编造数字、日期或文号的比例", "makes figures up"),
    "loss": ("每词元损失（奈特）", "loss, nats/token"),
    "stops": ("自行结束的比例", "ends by itself"),
}
"""What a figure is called, Chinese and English, by where it is."""


def table(columns: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Lines of equal columns; a model that lacks a figure has a dash, a figure that all lack no line.

    Args:
        columns: the figures of each model by its name, as `Evaluation` holds them.
    """
    rows = [["", *columns]]
    for key, (_, name) in FIGURES.items():
        cells = [_cell(figures, key) for figures in columns.values()]
        if any(cells):
            rows.append([name, *(cell or "-" for cell in cells)])
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]


def figure_at(figures: Mapping[str, Any], key: str) -> Any:
    """A figure by where it is; None where the model has none."""
    value: Any = figures
    for part in key.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _cell(figures: Mapping[str, Any], key: str) -> str:
    value = figure_at(figures, key)
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
