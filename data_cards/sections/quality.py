"""Quality by the national format, and what changed since the version before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from curation.writing.markdown import NONE, number
from data_cards.sections.view import View

DIMENSIONS = ("documentation", "data", "application")


def quality(view: View) -> list[str]:
    tc609 = view.metrics["tc609"]
    computed = sum(tc609[name]["computed"] for name in DIMENSIONS)
    metrics = [(code, each) for name in DIMENSIONS for code, each in sorted(tc609[name]["metrics"].items())]
    title = view.say("## 质量评测（TC609-5-2025-04）", "## Quality (TC609-5-2025-04)")
    if not metrics:
        return [
            title,
            "",
            view.say("质量评测：", "Quality: ") + view.unmeasured("tc609") + view.say("。", "."),
        ]
    rows = []
    for name in DIMENSIONS:
        dimension = tc609[name]
        whole = view.words.name("dimension", name)
        rows.append([f"**{whole}**", _score(dimension["score"]), ""])
        for code, each in sorted(dimension["metrics"].items()):
            group = "unmeasured" if each["score"] is None else "basis"
            basis = view.words.name(group, each["basis"])
            rows.append([f"{code} {view.words.name('tc609', code)}", _score(each["score"]), basis])
    lowest = _score(tc609["score"])
    looked_at = tc609.get("looked_at")
    drawn = view.say(
        f"02 各项在按摘要抽取的 {number(looked_at)} 条上测得。",
        f" Those of 02 are measured on {number(looked_at)} records drawn by their digest.",
    )
    return [
        title,
        "",
        *view.table(
            [("指标", "Metric"), ("得分", "Score"), ("依据，或未计算的原因", "Basis, or why there is none")],
            rows,
        ),
        "",
        view.say(
            f"{number(len(metrics))} 项指标中算出 {number(computed)} 项；三个维度中最低 {lowest} 分。"
            "未算出的指标不计入维度得分，因此得分只反映能够计算的部分，不能替代第三方评测。",
            f"Of {number(len(metrics))} metrics {number(computed)} could be computed; the lowest dimension "
            f"has {lowest} points. What could not be computed does not count, so a score speaks of the rest "
            "alone and replaces no assessment by a third party.",
        )
        + (drawn if looked_at is not None else ""),
    ]


def changes(view: View) -> list[str]:
    """What is different from the version before; nothing where none was named."""
    old, new = view.facts.previous, view.metrics
    if old is None:
        return []
    rows = []
    for kind, name, path in _COMPARED:
        before, after = _at(old, path), _at(new, path)
        if before is not None or after is not None:
            both = (_told(each, kind) for each in (before, after))
            rows.append([view.say(*name), *both, _change(before, after, kind)])
    header = [("项目", "What"), ("上一版本", "Before"), ("本版本", "Now"), ("增减", "Change")]
    lines = [
        view.say("## 与上一版本相比", "## Since the version before"),
        "",
        *view.table(header, rows),
    ]
    digests = [each["lock"]["sha256"] if each["lock"] else None for each in (old, new)]
    if digests[0]:
        told = view.say(
            "上一版本 `govtune.lock.json` 的 SHA-256：", "SHA-256 of `govtune.lock.json` before: "
        )
        lines += ["", f"{told}`{digests[0]}`"]
    return lines


_COMPARED = (
    ("count", ("记录", "Records"), ("published", "records")),
    ("count", ("字符", "Characters"), ("published", "characters")),
    ("count", ("剔除", "Dropped"), ("records", "dropped")),
    ("count", ("变体", "Variants"), ("duplicates", "variants")),
    ("count", ("识别出的个人信息", "Personal data found"), ("pii", "found")),
    (
        "share",
        ("残留记录占比上限", "Upper bound of records with some left"),
        ("pii", "residual", "document_upper95"),
    ),
    ("count", ("相近记录组", "Clusters"), ("clusters", "number")),
    (
        "count",
        ("跨子集的相同文本", "Equal texts across splits"),
        ("decontamination", "identical_across_splits"),
    ),
    ("score", ("质量评测最低维度得分", "Lowest dimension of quality"), ("tc609", "score")),
)


def _at(metrics: Mapping[str, Any], path: tuple[str, ...]) -> float | None:
    value: Any = metrics
    for key in path:
        value = value.get(key) if value else None
    number_: float | None = value
    return number_


def _told(value: float | None, kind: str) -> str:
    if value is None:
        return NONE
    return {"count": f"{value:,}", "share": f"{100 * value:.2f}%", "score": f"{value:.1f}"}[kind]


def _change(before: float | None, after: float | None, kind: str) -> str:
    """How much more or less; of a share, percentage points."""
    if before is None or after is None:
        return NONE
    more = after - before
    sign = "+" if more > 0 else ""
    return sign + _told(more, kind)


def _score(score: float | None) -> str:
    return NONE if score is None else f"{score:.1f}"
