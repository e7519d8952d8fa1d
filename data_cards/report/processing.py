"""Sections of the report about what was done to the records: funnel, personal data, duplicates, labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

from curation.writing.html import inline, matrix
from curation.writing.words import Words
from data_cards.facts import Facts
from data_cards.figures.charts import in_order, plain
from data_cards.figures.drawing import Drawing
from data_cards.report.examples import dropped_examples, found_examples
from data_cards.report.inside import Inside
from data_cards.report.parts import (
    beside,
    count,
    figure,
    heading,
    named,
    note,
    paragraph,
    percent,
    section,
    table,
    why_not,
)

Figures = Mapping[str, Drawing]

MATRIX = 30
"""Labels of a confusion table."""


def funnel(facts: Facts, figures: Figures, inside: Inside | None, words: Words) -> str:
    title = words.say("处理漏斗", "Funnel")
    steps = facts.metrics["funnel"]
    if steps is None:
        return section("funnel", title, words, paragraph(why_not(facts.metrics, "funnel", words)))
    rows = [
        [named(words, "stage", stage), named(words, "reason", reason), count(number)]
        for stage in in_order(facts)
        for reason, number in sorted(steps[stage]["dropped"].items(), key=lambda item: (-item[1], item[0]))
    ]
    header = [words.say("步骤", "Stage"), words.say("剔除原因", "Why dropped"), words.say("条数", "Records")]
    told = words.say(
        "每条读入的记录要么保留，要么在某一步被剔除或用于派生，去向都记入处理台账。",
        "Every record that was read is kept, or was dropped or expanded at some stage; the ledger knows.",
    )
    return section(
        "funnel",
        title,
        words,
        paragraph(told),
        beside(
            figure(figures.get("funnel")),
            table(header, rows) if rows else paragraph(words.say("没有剔除记录。", "No record was dropped.")),
        ),
        dropped_examples(inside, words) if inside else "",
    )


def personal_data(facts: Facts, figures: Figures, inside: Inside | None, words: Words) -> str:
    pii = facts.metrics["pii"]
    parts = []
    if pii["found"] is None:
        parts.append(paragraph(why_not(facts.metrics, "pii.found", words)))
    else:
        touched, changed = count(pii["records_with_findings"]), count(pii["records_changed"])
        parts.append(
            paragraph(
                words.say(
                    f"在 {touched} 条记录中识别 {count(pii['found'])} 处，替换 {count(pii['replaced'])} 处，"
                    f"按策略保留 {count(pii['kept'])} 处；内容因此改变的记录 {changed} 条。",
                    f"Found {count(pii['found'])} in {touched} records: {count(pii['replaced'])} replaced, "
                    f"{count(pii['kept'])} kept by policy; {changed} records changed by it.",
                )
            )
        )
    parts.append(beside(figure(figures.get("personal_data")), _types(pii, words)))
    parts += _residual(facts.metrics, words)
    if inside:
        parts.append(found_examples(inside, words))
    parts.append(
        note(
            words.say(
                "去标识化不等于匿名化：未识别出不等于不存在，间接信息相互结合仍可能指向特定个人。",
                "De-identified is not anonymous: nothing found does not mean nothing there, and indirect "
                "details together may still point to a person.",
            )
        )
    )
    return section("personal", words.say("个人信息", "Personal data"), words, *parts)


def _types(pii: Mapping[str, Any], words: Words) -> str:
    """Found, replaced, kept and left, by type; a type looks as it does in the texts."""
    rescan = pii["residual"]["rescan"]
    left = rescan["by_type"] if rescan else {}
    found = pii["by_type"] or {}
    rows = []
    for kind in sorted(
        found.keys() | left.keys(), key=lambda kind: (-found.get(kind, {}).get("found", 0), kind)
    ):
        counts = [
            count(found[kind][key]) if kind in found else count(None) for key in ("found", "replaced", "kept")
        ]
        name = (
            f'<mark class="chip">{escape(plain(words.name("type", kind)))}</mark> <code>{escape(kind)}</code>'
        )
        decided = rescan and kind not in rescan["undecided"]
        rows.append([name, *counts, count(left.get(kind, 0) if decided else None)])
    header = [("类型", "Type"), ("识别", "Found"), ("替换", "Replaced"), ("按策略保留", "Kept by policy")]
    header.append(("复扫仍有", "Found again"))
    return table([words.say(*pair) for pair in header], rows) if rows else ""


def _residual(metrics: Mapping[str, Any], words: Words) -> Iterable[str]:
    """What is left: what a program finds again, and what people found in a sample."""
    residual = metrics["pii"]["residual"]
    rescan, audit = residual["rescan"], residual["audit"]
    yield heading(words.say("残留", "What is left"))
    if rescan is None:
        told = why_not(metrics, "pii.residual.rescan", words)
        yield paragraph(words.say(f"复扫：{told}", f"Second scan: {told}"))
    else:
        looked, of, again = (count(rescan[key]) for key in ("records", "of", "records_with_findings"))
        yield paragraph(
            words.say(
                f"复扫（{rescan['detector']}）：{of} 条中查看 {looked} 条，{again} 条仍有发现"
                f"（{percent(rescan['share'])}，95% 上界 {percent(rescan['upper95'])}）。"
                "识别器先前漏掉的，复扫也会漏掉。",
                f"Second scan ({rescan['detector']}): of {of} records {looked} were looked at, {again} still "
                f"show something ({percent(rescan['share'])}, 95 % bound {percent(rescan['upper95'])}). "
                "What the recognisers missed before, they miss again.",
            )
        )
        if types := words.join(words.name("type", kind) for kind in rescan["undecided"]):
            yield note(
                words.say(
                    f"复扫无法判断的类型（虚构值与真实值形式相同）：{types}。",
                    f"Types of which it says nothing, since invented values look like real ones: {types}.",
                )
            )
    if audit is None:
        told = why_not(metrics, "pii.residual.audit", words)
        yield paragraph(words.say(f"人工抽读：{told}", f"Read by people: {told}"))
    else:
        yield paragraph(
            words.say(
                f"人工抽读：{count(audit['records'])} 条中 {count(audit['with_findings'])} 条有残留；"
                f"有残留的记录比例，95% 上界 {percent(residual['document_upper95'])}（Clopper–Pearson）。",
                f"Read by people: of {count(audit['records'])} records {count(audit['with_findings'])} held "
                f"some; at most {percent(residual['document_upper95'])} of all records do (95 % bound, "
                "Clopper–Pearson).",
            )
        )


def duplicates(facts: Facts, figures: Figures, inside: Inside | None, words: Words) -> str:
    title = words.say("重复与变体", "Duplicates and variants")
    found, clusters = facts.metrics["duplicates"], facts.metrics["clusters"]
    parts = []
    if found is None:
        parts.append(paragraph(why_not(facts.metrics, "duplicates", words)))
    else:
        parts.append(
            paragraph(
                words.say(
                    f"完全重复 {count(found['exact'])} 条、近似重复 {count(found['near'])} 条，已剔除；"
                    f"变体 {count(found['variants'])} 条（数字、日期或文号不同），保留。"
                    f"有重复的原件 {count(found['groups'])} 条，"
                    f"最多的一组 {count(found['largest_group'])} 条。",
                    f"Dropped: {count(found['exact'])} exact and {count(found['near'])} near duplicates. "
                    f"Kept: {count(found['variants'])} variants, which differ in numbers, dates or document "
                    f"numbers. {count(found['groups'])} originals had duplicates, the largest group has "
                    f"{count(found['largest_group'])} records.",
                )
            )
        )
    if clusters is not None:
        parts.append(
            paragraph(
                words.say(
                    f"保留的记录归为 {count(clusters['number'])} 个相似组，"
                    f"最大的 {count(clusters['largest'])} 条。",
                    f"What was kept forms {count(clusters['number'])} clusters, the largest of "
                    f"{count(clusters['largest'])} records.",
                )
            )
        )
    return section("duplicates", title, words, *parts, figure(figures.get("duplicates")))


def labels(facts: Facts, figures: Figures, inside: Inside | None, words: Words) -> str:
    title = words.say("标签", "Labels")
    schemes = facts.metrics["labels"]
    if not schemes:
        told = why_not(facts.metrics, "labels", words) if "labels" in facts.metrics["unmeasured"] else ""
        told = told or words.say("没有标签。", "There are no labels.")
        return section("labels", title, words, paragraph(told))
    parts = [figure(figures.get("labels"))]
    for scheme, counts in sorted(schemes.items()):
        parts += [heading(scheme), *_scheme(f"labels.{scheme}", counts, facts.metrics, words)]
    return section("labels", title, words, *parts)


def _scheme(key: str, counts: Mapping[str, Any], metrics: Mapping[str, Any], words: Words) -> Iterable[str]:
    agreement, precision = counts["agreement"], counts["precision"]
    methods = sorted(counts["methods"].items(), key=lambda item: (-item[1], item[0]))
    rows = [
        [words.say("有标签的记录", "Records with a label"), count(counts["records"])],
        [words.say("未作判断", "Abstained"), count(counts["abstained"])],
        *([inline(words.name("method", method)), count(number)] for method, number in methods),
        [words.say("均衡度（熵，1 为均匀）", "Evenness (entropy; 1 is even)"), count(counts["entropy"])],
    ]
    if agreement:
        rows += [
            [words.say("多人标注的记录", "Labelled by two people or more"), count(agreement["records"])],
            [words.say("一致性 α（Krippendorff）", "Agreement, Krippendorff's α"), count(agreement["alpha"])],
        ]
    if precision:
        right = f"{count(precision['right'])} / {count(precision['labelled'])}"
        rows += [
            [words.say("人工抽查确认", "Confirmed in a sample"), right],
            [words.say("准确率 95% 下界", "Precision, 95 % bound"), percent(precision["lower95"])],
        ]
    yield table([words.say("项目", "Figure"), words.say("数值", "Value")], rows)
    for held, name, zh, en in (
        (agreement, "agreement", "一致性", "Agreement"),
        (precision, "precision", "准确率", "Precision"),
    ):
        if not held:
            told = why_not(metrics, f"{key}.{name}", words)
            yield note(words.say(f"{zh}：{told}", f"{en}: {told}"))
    if counts["confusion"]:
        yield _confusion(counts["confusion"], words)


def _confusion(counts: Mapping[str, Mapping[str, int]], words: Words) -> str:
    """What a program said and what people said; of many labels those that stand for most records."""
    told = words.say(
        "规则或分类器给出的标签（行）与人给出的标签（列）：",
        "Labels of rules or the classifier (rows) and of people (columns):",
    )
    total: Counter[str] = Counter()
    for given, row in counts.items():
        total[given] += sum(row.values())
        total.update(row)
    shown = sorted(sorted(total, key=lambda name: (-total[name], name))[:MATRIX])
    rows = [(name, [counts.get(name, {}).get(other, 0) for other in shown]) for name in shown]
    left = len(total) - len(shown)
    more = words.say(f"另有 {left:,} 类记录较少，未列出。", f"Not shown: {left:,} labels of fewer records.")
    return paragraph(told) + matrix(shown, rows) + (note(more) if left else "")
