"""Sections of the report about what is in the data: quality, distributions, the version before, leakage."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from curation.writing.html import inline
from curation.writing.markdown import NONE, share
from curation.writing.words import Words
from data_cards.facts import Facts
from data_cards.figures.charts import plain, spread
from data_cards.figures.drawing import Drawing, Form, Panel, Part, Row
from data_cards.report.inside import Inside
from data_cards.report.parts import count, figure, heading, named, note, paragraph, section, table, why_not

COMPARED = 10
"""Values of a distribution that are shown beside those of the version before: the most changed."""


def quality(facts: Facts, figures: Mapping[str, Drawing], inside: Inside | None, words: Words) -> str:
    found = facts.metrics["tc609"]
    score = count(found["score"])
    parts = [
        paragraph(
            words.say(
                f"按 TC609-5-2025-04 的指标计算，总分取三个维度中最低的一个：{score}。算不出的指标不记分，"
                "也不当作满分，原因列在表中。",
                "By the metrics of TC609-5-2025-04; the score is the lowest of the three dimensions: "
                f"{score}. What cannot be computed has no score, and the table says why.",
            )
        )
    ]
    header = [
        words.say("指标", "Metric"),
        words.say("得分", "Score"),
        words.say("依据或原因", "By which rule, or why not"),
    ]
    for key in ("documentation", "data", "application"):
        dimension = found[key]
        name, score = plain(words.name("dimension", key)), count(dimension["score"])
        parts.append(heading(words.say(f"{name}：{score}", f"{name}: {score}")))
        rows = [
            [
                f"<code>{escape(code)}</code> {_name(words, code)}",
                count(metric["score"]),
                named(words, "unmeasured" if metric["score"] is None else "basis", metric["basis"]),
            ]
            for code, metric in sorted(dimension["metrics"].items())
        ]
        nothing = words.say("没有算出的指标。", "No metric was computed.")
        parts.append(table(header, rows) if rows else note(nothing))
    return section(
        "quality", words.say("质量（TC609-5-2025-04）", "Quality (TC609-5-2025-04)"), words, *parts
    )


def _name(words: Words, code: str) -> str:
    name = plain(words.name("tc609", code))
    return "" if name == code else escape(name)


def distributions(facts: Facts, figures: Mapping[str, Drawing], inside: Inside | None, words: Words) -> str:
    drawn = [figure(figures.get(name)) for name in ("splits", "lengths", "years")]
    for name, counts in _spreads(facts.metrics, words):
        if counts["values"] or counts["others"]["values"]:
            panel = Panel(name, spread(counts, words))
            drawn.append(figure(Drawing(f"spread{len(drawn)}", name, [panel], words.lang)))
    before = _before(facts, words)
    title = words.say("分布", "Distributions")
    return section("distributions", title, words, f'<div class="figures">{"".join(drawn)}</div>', before)


def _spreads(metrics: Mapping[str, Any], words: Words) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Distributions by name: of values that are shared by several records, never of single ones."""
    if kinds := metrics["kinds"]:
        named = {plain(words.name("kind", kind)): number for kind, number in kinds.items()}
        yield words.say("记录类型", "Kinds"), _as_distribution(named)
    for key, zh, en in (
        ("document_types", "公文种类", "Types of documents"),
        ("regions", "地区", "Regions"),
        ("issuers", "发文或答复机关", "Issuing bodies"),
        ("sources", "来源", "Sources"),
        ("licenses", "许可", "Licences"),
    ):
        if metrics[key]:
            yield words.say(zh, en), metrics[key]
    for name, counts in sorted(metrics["fields"].items()):
        yield words.say(f"分类字段：{name}", f"Category field: {name}"), counts


def _as_distribution(values: Mapping[str, int]) -> dict[str, Any]:
    return {"values": dict(values), "others": {"values": 0, "records": 0}, "missing": 0}


def _before(facts: Facts, words: Words) -> str:
    """What changed since the version before, value by value."""
    name = heading(words.say("与上一版相比", "Beside the version before"))
    if facts.previous is None:
        told = words.say(
            "没有指定上一版（`govtune card build --previous`）。",
            "No version before was named (`govtune card build --previous`).",
        )
        return name + note(told)
    now, then = facts.metrics, facts.previous
    header = [words.say("项目", "Figure"), words.say("上一版", "Before"), words.say("本版", "Now")]
    rows = [[escape(key), old, new] for key, old, new in _changes(then, now, words)]
    legend: dict[Form, str] = {"whole": words.say("本版", "now"), "hollow": words.say("上一版", "before")}
    earlier = dict(_compared(then, words))
    drawn: list[str] = []
    same: list[str] = []
    for title, values in _compared(now, words):
        if values == earlier.get(title):
            same.append(title)
        elif pairs := _pairs(earlier.get(title, {}), values, words):
            key = f"before{len(drawn)}"
            drawn.append(figure(Drawing(key, title, [Panel(title, pairs, legend)], words.lang)))
    told = words.say(f"没有变化：{words.join(same)}。", f"Not changed: {words.join(same)}.")
    return (
        name
        + table(header, rows)
        + f'<div class="figures">{"".join(drawn)}</div>'
        + (note(told) if same else "")
    )


def _changes(then: Mapping[str, Any], now: Mapping[str, Any], words: Words) -> Iterator[tuple[str, str, str]]:
    """A few figures of both versions."""
    for key, zh, en in (
        ("records", "发布的记录", "Records published"),
        ("characters", "字符", "Characters"),
    ):
        yield words.say(zh, en), count(then["published"][key]), count(now["published"][key])
    for name in ("found", "replaced"):
        told = words.say(
            *{"found": ("个人信息识别", "Personal data found"), "replaced": ("个人信息替换", "Replaced")}[
                name
            ]
        )
        yield told, count(then["pii"][name]), count(now["pii"][name])
    bounds = [each["pii"]["residual"]["document_upper95"] for each in (then, now)]
    told = words.say("残留上界（95%）", "Bound of what is left (95 %)")
    old, new = (NONE if bound is None else f"{bound:.2%}" for bound in bounds)
    yield told, old, new
    yield "TC609", count(then["tc609"]["score"]), count(now["tc609"]["score"])


def _compared(metrics: Mapping[str, Any], words: Words) -> Iterator[tuple[str, dict[str, int]]]:
    """Distributions that are looked at beside each other, as records by value."""
    for scheme, counts in sorted(metrics["labels"].items()):
        yield words.say(f"标签：{scheme}", f"Labels: {scheme}"), counts["values"]
    yield (
        words.say("子集", "Splits"),
        {plain(words.name("split", name)): split["records"] for name, split in metrics["splits"].items()},
    )
    yield words.say("年份", "Years"), (metrics["time"] or {}).get("by_year") or {}
    for name, counts in _spreads(metrics, words):
        yield name, counts["values"]


def _pairs(then: Mapping[str, int], now: Mapping[str, int], words: Words) -> list[Row]:
    """Two bars for each value, in shares of all that have one; the most changed values first."""
    old, new = sum(then.values()), sum(now.values())
    if not old or not new:
        return []
    shares = {
        value: (then.get(value, 0) / old, now.get(value, 0) / new) for value in then.keys() | now.keys()
    }
    ranked = sorted(shares, key=lambda value: (-abs(shares[value][1] - shares[value][0]), value))
    rows = []
    for value in ranked[:COMPARED]:
        before, after = shares[value]
        rows.append(
            Row(
                value or NONE,
                [Part("whole", after)],
                f"{now.get(value, 0):,} · {share(now.get(value, 0), new)}",
            )
        )
        name = words.say("上一版", "before")
        rows.append(
            Row(name, [Part("hollow", before)], f"{then.get(value, 0):,} · {share(then.get(value, 0), old)}")
        )
    return rows


def leakage(facts: Facts, figures: Mapping[str, Drawing], inside: Inside | None, words: Words) -> str:
    title = words.say("泄漏", "Leakage")
    found = facts.metrics["decontamination"]
    if found is None:
        return section("leakage", title, words, paragraph(why_not(facts.metrics, "decontamination", words)))
    rows = [
        [
            words.say("跨子集的相似组", "Clusters in more than one split"),
            count(found["shared_across_splits"]),
        ],
        [
            words.say("跨子集的相同文本", "Identical texts in more than one split"),
            count(found["identical_across_splits"]),
        ],
    ]
    against = found["against_evaluation"]
    if against is not None:
        total = sum(against.values())
        rows.append(
            [words.say("与评测文本重合而剔除", "Dropped for overlap with evaluation texts"), count(total)]
        )
        rows += [
            [f"　{inline(words.name('reason', reason))}", count(number)]
            for reason, number in sorted(against.items())
        ]
    header = [words.say("项目", "Figure"), words.say("数量", "Number")]
    told = why_not(facts.metrics, "decontamination.against_evaluation", words)
    missing = words.say(f"与评测文本的重合：{told}", f"Overlap with evaluation texts: {told}")
    return section("leakage", title, words, table(header, rows), "" if against is not None else note(missing))
