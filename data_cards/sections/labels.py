"""The labels: how they are spread, who gave them, and how far they can be relied on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from curation.writing.markdown import NONE, cell, code, number, share
from data_cards.sections.view import View, by_frequency

MOST_VALUES, MOST_CONFUSED = 30, 5
"""How many values of a scheme, and pairs that were taken for each other, stand in the card by themselves."""


def labels(view: View) -> list[str]:
    lines = [view.say("## 标签", "## Labels")]
    schemes = view.metrics["labels"]
    if not schemes:
        why = view.unmeasured("labels")
        return [*lines, "", view.say(f"标签：{why}。", f"Labels: {why}.")]
    lines += ["", *view.stated("annotation", "annotators")]
    for scheme, counts in sorted(schemes.items()):
        name = view.say(f"标签体系 {code(scheme)}", f"Label scheme {code(scheme)}")
        lines += ["", *view.spread(name, counts, MOST_VALUES)]
        if counts["abstained"]:
            lines.append(f"| {view.say('未作判断', 'Abstained')} | {number(counts['abstained'])} |")
        lines += ["", *_reliability(view, scheme, counts), *_confusion(view, counts["confusion"])]
    return [*lines, *view.figure("labels")]


def _reliability(view: View, scheme: str, counts: Mapping[str, Any]) -> list[str]:
    published, labelled = view.metrics["published"]["records"], counts["records"]
    methods = by_frequency(counts["methods"])
    named = view.words.join(f"{view.words.name('method', method)} {number(n)}" for method, n in methods)
    part = share(labelled, published)
    lines = [
        view.say(
            f"- 有标签的记录：{number(labelled)} 条（{part}）；标签来源：{named or NONE}。",
            f"- Records with a label: {number(labelled)} ({part}); labels {named or NONE}.",
        )
    ]
    even = counts["entropy"]
    if even is not None:
        lines.append(
            view.say(
                f"- 分布均匀程度（0 为只有一类，1 为完全均匀）：{even:.3f}。",
                f"- How even the values are (0: a single one, 1: all alike): {even:.3f}.",
            )
        )
    return [
        *lines,
        _agreement(view, scheme, counts["agreement"]),
        _precision(view, scheme, counts["precision"]),
    ]


def _agreement(view: View, scheme: str, found: Mapping[str, Any] | None) -> str:
    title = view.say("- 标注一致性：", "- Agreement of people: ")
    key = f"labels.{scheme}.agreement"
    if found is None:
        return title + view.unmeasured(key) + view.say("。", ".")
    alpha, observed = found["alpha"], found["observed"]
    alpha = view.unmeasured(f"{key}.alpha") if alpha is None else f"{alpha:.3f}"
    observed = view.unmeasured(f"{key}.observed") if observed is None else f"{100 * observed:.1f}%"
    people, records = number(found["people"]), number(found["records"])
    return title + view.say(
        f"Krippendorff α = {alpha}，答案相同的占 {observed}（{people} 人，重复标注 {records} 条）。",
        f"Krippendorff's alpha = {alpha}, equal answers {observed} ({people} people, {records} records that "
        "more than one labelled).",
    )


def _precision(view: View, scheme: str, found: Mapping[str, Any] | None) -> str:
    title = view.say("- 标签准确率：", "- Precision of the labels: ")
    if found is None:
        return title + view.unmeasured(f"labels.{scheme}.precision") + view.say("。", ".")
    labelled, right = number(found["labelled"]), number(found["right"])
    lower = NONE if found["lower95"] is None else f"{100 * found['lower95']:.1f}%"
    part = share(found["right"], found["labelled"])
    return title + view.say(
        f"人工抽查 {labelled} 条，正确 {right} 条（{part}）；95% 置信下限 {lower}。",
        f"of {labelled} that people read, {right} are right ({part}); lower bound at 95 %: {lower}.",
    )


def _confusion(view: View, confusion: Mapping[str, Mapping[str, int]] | None) -> list[str]:
    """The pairs that are mixed up most, of what people read."""
    pairs = {
        (given, right): count
        for given, people in (confusion or {}).items()
        for right, count in people.items()
        if given != right and count
    }
    ranked = sorted(pairs.items(), key=lambda item: (-item[1], item[0]))[:MOST_CONFUSED]
    header = [("程序给出", "Given"), ("人工判定", "By people"), ("条数", "Records")]
    rows = [[cell(given), cell(right), number(count)] for (given, right), count in ranked]
    return ["", *view.table(header, rows)] if rows else []
