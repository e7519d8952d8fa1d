"""Which bars each figure of a card has: functions of the facts to panels. What was not measured has none."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from curation.records import SPLITS
from curation.writing.markdown import share
from curation.writing.words import Words
from data_cards.facts import Facts
from data_cards.figures.drawing import Form, Panel, Part, Row
from data_cards.metrics import CLUSTER_EDGES, LENGTH_EDGES

SHOWN = 30
"""Rows of a panel; values beyond are shown together."""

YEARS = 16
"""Bars of the years; where there are more, a bar stands for several."""

_SPANS = (1, 2, 5, 10, 20, 50, 100)


def funnel(facts: Facts, words: Words) -> Iterator[Panel]:
    """What each stage took out, and what was left after it."""
    steps, records = facts.metrics["funnel"], facts.metrics["records"]
    if steps is None or records is None:
        return
    left = records["input"]
    rows = [Row(words.say("输入", "Input"), [Part("whole", left)], f"{left:,}")]
    for stage in in_order(facts):
        step = steps[stage]
        gone = sum(step["dropped"].values()) + step["expanded"]
        left += step["made"] - gone
        said = f"{left:,}" + (f"（−{gone:,}）" if words.lang == "zh" else f" (−{gone:,})") * bool(gone)
        rows.append(Row(plain(words.name("stage", stage)), [Part("whole", left), Part("hollow", gone)], said))
    legend: dict[Form, str] = {
        "whole": words.say("此步之后留下", "left after this stage"),
        "hollow": words.say("此步剔除或用于派生", "dropped or expanded by it"),
    }
    yield Panel(words.say("处理漏斗（记录数）", "Funnel, in records"), rows, legend)


def in_order(facts: Facts) -> list[str]:
    """Stages of the funnel as the recipe has them; those that it does not know come last."""
    steps = facts.metrics["funnel"]
    recipe = facts.lock["recipe"]["stages"] if facts.lock else []
    known = ["ingest", *(name for stage in recipe for name in stage)]
    return [name for name in known if name in steps] + sorted(set(steps) - set(known))


def personal_data(facts: Facts, words: Words) -> Iterator[Panel]:
    """What was found, by type: replaced, kept by policy, still found in what is published."""
    pii = facts.metrics["pii"]
    rescan = pii["residual"]["rescan"]
    found, still = pii["by_type"] or {}, (rescan["by_type"] if rescan else {})
    rows = []
    names = sorted(found.keys() | still.keys(), key=lambda kind: (-_of(found, kind, "found"), kind))
    for kind in names:
        replaced, kept = _of(found, kind, "replaced"), _of(found, kind, "kept")
        counts = [(words.say("替换", "replaced"), replaced), (words.say("保留", "kept"), kept)]
        counts.append((words.say("复扫仍有", "still found"), still.get(kind, 0)))
        said = " · ".join(f"{name} {count:,}" for name, count in counts if count)
        parts = [Part("whole", replaced), Part("hollow", kept), Part("warning", still.get(kind, 0))]
        rows.append(Row(plain(words.name("type", kind)), parts, said or "0"))
    legend: dict[Form, str] = {
        "whole": words.say("已替换", "replaced"),
        "hollow": words.say("按策略保留", "kept by policy"),
    }
    if any(still.values()):
        legend["warning"] = words.say("发布内容中复扫仍有", "still found in what is published")
    yield Panel(words.say("个人信息（处）", "Personal data, findings by type"), rows, legend)


def _of(found: Mapping[str, Any], kind: str, key: str) -> int:
    return int(found[kind][key]) if kind in found else 0


def duplicates(facts: Facts, words: Words) -> Iterator[Panel]:
    """What resembles other records, and how large the groups are that remain."""
    found, clusters = facts.metrics["duplicates"], facts.metrics["clusters"]
    if found is not None:
        forms: list[tuple[str, str, Form]] = [
            ("exact", words.say("完全重复（剔除）", "Exact, dropped"), "hollow"),
            ("near", words.say("近似重复（剔除）", "Near, dropped"), "hollow"),
            ("variants", words.say("变体（保留）", "Variants, kept"), "whole"),
        ]
        rows = [Row(name, [Part(form, found[key])], f"{found[key]:,}") for key, name, form in forms]
        yield Panel(words.say("重复与变体（记录数）", "Duplicates and variants, in records"), rows)
    if clusters is not None and clusters["sizes"]:
        classes = _classes(CLUSTER_EDGES, clusters["sizes"], words)
        yield Panel(words.say("保留记录的相似组，按组内条数", "Clusters of what was kept, by size"), classes)


def labels(facts: Facts, words: Words) -> Iterator[Panel]:
    """How records spread over the labels of each scheme."""
    for scheme, counts in sorted(facts.metrics["labels"].items()):
        rows = spread(counts, words)
        if counts["abstained"]:
            count = counts["abstained"]
            rows.append(Row(words.say("未作判断", "Abstained"), [Part("hollow", count)], f"{count:,}"))
        yield Panel(words.say(f"标签：{scheme}（记录数）", f"Labels: {scheme}, in records"), rows)


def spread(counts: Mapping[str, Any], words: Words) -> list[Row]:
    """Values by frequency, then those that stand together, then the records that have none."""
    ranked = sorted(counts["values"].items(), key=lambda item: (-item[1], item[0]))
    rows = [Row(value or "–", [Part("whole", count)], f"{count:,}") for value, count in ranked[:SHOWN]]
    values = counts["others"]["values"] + len(ranked[SHOWN:])
    records = counts["others"]["records"] + sum(count for _, count in ranked[SHOWN:])
    if values:
        name = words.say(f"其他 {values:,} 种", f"{values:,} others")
        rows.append(Row(name, [Part("hollow", records)], f"{records:,}"))
    if counts["missing"]:
        name = words.say("未注明", "Not stated")
        rows.append(Row(name, [Part("hollow", counts["missing"])], f"{counts['missing']:,}"))
    return rows


def lengths(facts: Facts, words: Words) -> Iterator[Panel]:
    """How long the texts of each field are."""
    for field, found in facts.metrics["lengths"].items():
        if found["texts"] and found["classes"]:
            name = plain(words.name("field", field))
            title = words.say(f"{name}：字符数（条）", f"{name}: texts by length in characters")
            yield Panel(title, _classes(LENGTH_EDGES, found["classes"], words))


def _classes(edges: Sequence[int], counts: Sequence[int], words: Words) -> list[Row]:
    """Classes from the first to the last that has anything in it."""
    there = [place for place, count in enumerate(counts) if count]
    rows = []
    for place in range(there[0], there[-1] + 1) if there else ():
        low = edges[place]
        high = edges[place + 1] - 1 if place + 1 < len(edges) else None
        if high is None:
            name = words.say(f"{low:,} 及以上", f"{low:,} or more")
        else:
            name = f"{low:,}" if low == high else f"{low:,}–{high:,}"
        rows.append(Row(name, [Part("whole", counts[place])], f"{counts[place]:,}"))
    return rows


def years(facts: Facts, words: Words) -> Iterator[Panel]:
    """Which years the records are of; a year between two others is there even if it has none."""
    by_year = {
        int(year): count for year, count in ((facts.metrics["time"] or {}).get("by_year") or {}).items()
    }
    if not by_year:
        return
    first, last = min(by_year), max(by_year)
    span = next((each for each in _SPANS if last // each - first // each < YEARS), _SPANS[-1])
    rows = []
    for start in range(first // span * span, last + 1, span):
        count = sum(by_year.get(year, 0) for year in range(start, start + span))
        name = f"{start}" if span == 1 else f"{start}–{start + span - 1}"
        rows.append(Row(name, [Part("whole", count)], f"{count:,}"))
    yield Panel(words.say("年份（记录数）", "Years, in records"), rows)


def splits(facts: Facts, words: Words) -> Iterator[Panel]:
    """How large the splits are."""
    found, all_of_them = facts.metrics["splits"], facts.metrics["published"]["records"]
    known = [name for name in SPLITS if name in found]
    rows = []
    for name in [*known, *sorted(set(found) - set(known))]:
        count = found[name]["records"]
        said = f"{count:,} · {share(count, all_of_them)}"
        rows.append(Row(plain(words.name("split", name)), [Part("whole", count)], said))
    yield Panel(words.say("子集（记录数）", "Splits, in records"), rows)


def plain(name: str) -> str:
    """A name that Markdown shows as code, as it is."""
    return name.strip("`")


Chart = Callable[[Facts, Words], Iterator[Panel]]

CHARTS: dict[str, tuple[tuple[str, str], Chart]] = {
    "funnel": (("处理漏斗：每一步留下和剔除的记录", "Funnel: what each stage left and dropped"), funnel),
    "personal_data": (
        ("个人信息：各类型的处理情况", "Personal data by type, and what was done"),
        personal_data,
    ),
    "duplicates": (("重复、变体与相似组", "Duplicates, variants and clusters"), duplicates),
    "labels": (("标签分布", "Labels"), labels),
    "lengths": (("文本长度分布", "Lengths of the texts"), lengths),
    "years": (("年份分布", "Years"), years),
    "splits": (("子集大小", "Splits"), splits),
}
"""Title and bars of each figure, in the order in which they are shown."""
