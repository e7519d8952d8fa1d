"""A difference between two versions as text for the terminal: at most 40 lines, Chinese or English."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

from curation.lang import Lang
from data_cards.diff import Difference, Figure, Shift

_SHOWN = 4
"""Entries of a list that are shown; the number of the others is told."""


def lines(found: Difference, lang: Lang) -> list[str]:
    """The difference, most telling first."""

    def say(zh: str, en: str) -> str:
        return zh if lang == "zh" else en

    def some(entries: list[str]) -> Iterator[str]:
        yield from (f"  {entry}" for entry in entries[:_SHOWN])
        if len(entries) > _SHOWN:
            yield "  " + say(f"……另有 {len(entries) - _SHOWN} 项", f"... and {len(entries) - _SHOWN} more")

    records = found.records
    told = [
        say("记录", "records") + f": {records.old:,} -> {records.new:,}",
        "  "
        + say(
            f"新增 {records.added:,}，删除 {records.removed:,}，修改 {records.changed:,}，"
            f"未变 {records.same:,}",
            f"{records.added:,} added, {records.removed:,} removed, {records.changed:,} changed, "
            f"{records.same:,} the same",
        ),
    ]
    if not records.by_id:
        told.append("  " + say("没有编号，按内容比较", "no ids: compared by content"))
    for name, columns in (
        (say("新增的列", "columns added"), found.columns_added),
        (say("删除的列", "columns removed"), found.columns_removed),
    ):
        if columns:
            told.append(f"{name}: {', '.join(columns[:_SHOWN])}")
    if records.by_column:
        told.append(say("各列有改动的记录数", "changed records by column"))
        told += some([f"{name}: {times:,}" for name, times in _most(records.by_column.items())])
    if records.moves:
        told.append(say("改换数据划分", "moved between splits"))
        told += some([f"{was} -> {now}: {times:,}" for was, now, times in records.moves])
    for scheme, changes in found.labels.items():
        told.append(say(f"标签 {scheme} 的变化", f"labels changed, {scheme}"))
        frequent = sorted(changes, key=lambda change: (-change[2], change))
        told += some([f"{was} -> {now}: {times:,}" for was, now, times in frequent])
    differing = [shift for shift in found.shifts if shift.divergence]
    if differing:
        told.append(say("分布（詹森-香农散度，0 至 1）", "distributions (Jensen-Shannon divergence, 0 to 1)"))
        told += some([_shift(shift) for shift in differing])
    for name, figures in (
        (say("个人信息", "personal data"), found.personal_data),
        (say("其他数值", "other figures"), found.figures),
    ):
        if figures:
            told.append(name)
            ranked = sorted(figures, key=lambda figure: (figure.key.count("."), figure.key))
            told += some([_figure(figure) for figure in ranked])
    if len(told) <= 40:
        return told
    return [*told[:39], say("……全部内容见 --json", "... all of it with --json")]


def _most(counts: Iterable[tuple[str, int]]) -> list[tuple[str, int]]:
    return sorted(counts, key=lambda item: (-item[1], item[0]))


def _shift(shift: Shift) -> str:
    """The divergence, and the values whose share changed most."""
    values = shift.old.keys() | shift.new.keys()
    by_change = sorted(values, key=lambda value: (-abs(_change(shift, value)), value))
    said = (
        f"{value} {100 * shift.old.get(value, 0):.1f}% -> {100 * shift.new.get(value, 0):.1f}%"
        for value in by_change
    )
    return f"{shift.key}: {shift.divergence:.4f} ({'; '.join(islice(said, 2))})"


def _change(shift: Shift, value: str) -> float:
    return shift.new.get(value, 0) - shift.old.get(value, 0)


def _figure(figure: Figure) -> str:
    return f"{figure.key}: {_shown(figure.old)} -> {_shown(figure.new)}"


def _shown(value: float | str | bool | None) -> str:
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return "–" if value is None else str(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:.6g}"
