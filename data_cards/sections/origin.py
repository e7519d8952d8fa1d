"""Where the data came from, and on which legal basis and licence."""

from __future__ import annotations

from curation.writing.markdown import NONE, cell, number
from data_cards.answers import OTHERS
from data_cards.sections.view import View, by_frequency

MOST_SOURCES = 20
"""How many sources stand by themselves; `metrics.json` has all of them."""


def origin(view: View) -> list[str]:
    metrics = view.metrics
    lines = [
        view.say("## 来源与采集", "## Sources and collection"),
        "",
        *view.stated("collection", "consent"),
    ]
    inputs = metrics["inputs"]
    if inputs:
        lines.append(
            view.say(
                f"- **输入文件**：{number(inputs['files'])} 个，共 {number(inputs['bytes'])} 字节。"
                "文件名和行号仅记入不公开的处理台账。",
                f"- **Input files**: {number(inputs['files'])}, bytes: {number(inputs['bytes'])}. "
                "File names and rows are in the private ledger only.",
            )
        )
    else:
        why = view.unmeasured("inputs")
        lines.append(view.say(f"- **输入文件**：{why}。", f"- **Input files**: {why}."))
    if metrics["generated"] is not None:
        lines.append(
            view.say(
                f"- **由程序写成的文本**：{number(metrics['generated'])} 条（含由程序依据办事指南写出回答的"
                "样例；标签由谁给出另计）。",
                f"- **Text that a program composed**: {number(metrics['generated'])} records (examples whose "
                "answer it composed from a service guide among them; who gave a label is counted apart).",
            )
        )
    else:
        why = view.unmeasured("generated")
        lines.append(
            view.say(f"- **由程序写成的文本**：{why}。", f"- **Text that a program composed**: {why}.")
        )
    return [*lines, "", *_sources(view), "", *_licenses(view)]


def _sources(view: View) -> list[str]:
    """The most frequent sources with their legal basis, and all that people gave one of their own."""
    sources, basis = view.metrics["sources"], view.answers.legal_basis
    counted = by_frequency(sources["values"]) if sources else []
    apart = [each for place, each in enumerate(counted) if place < MOST_SOURCES or each[0] in basis]
    rows = [[cell(source), number(count), _basis(view, source)] for source, count in apart]
    known = {OTHERS, *(source for source, _ in counted)}
    rows += [[cell(name), NONE, _basis(view, name)] for name in basis if name not in known]
    if sources is None:
        rows.append([view.unmeasured("sources"), NONE, _basis(view, OTHERS)])
        return _table(view, rows)
    values = sources["others"]["values"] + len(counted) - len(apart)
    if values:
        named = sum(count for _, count in counted) - sum(count for _, count in apart)
        records = sources["others"]["records"] + named
        others = view.say(f"其他 {number(values)} 个来源", f"Others: {number(values)}")
        rows.append([others, number(records), _basis(view, OTHERS)])
    if sources["missing"] or not rows:
        unnamed = view.say("未注明来源", "No source given")
        rows.append([unnamed, number(sources["missing"]), _basis(view, OTHERS)])
    return _table(view, rows)


def _table(view: View, rows: list[list[str]]) -> list[str]:
    return view.table([("来源", "Source"), ("条数", "Records"), ("法律依据", "Legal basis")], rows)


def _basis(view: View, source: str) -> str:
    said = view.answers.basis_of(source)
    return cell(said.text(view.words.lang)) if said else view.not_stated


def _licenses(view: View) -> list[str]:
    licenses = view.metrics["licenses"]
    if licenses is None or not (licenses["values"] or licenses["others"]["values"]):
        why = view.unmeasured("licenses") if licenses is None else view.say("未注明", "none given")
        return [view.say(f"各记录的许可：{why}。", f"Licences of the records: {why}.")]
    return view.spread(view.say("记录的许可", "Licence of the record"), licenses)
