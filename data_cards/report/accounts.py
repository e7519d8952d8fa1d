"""Sections of the report about where the data comes from, how to make it again, and who answers for it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from html import escape
from typing import Any

import yaml

from curation.files import canonical_json
from curation.writing.html import inline
from curation.writing.markdown import NONE, code
from curation.writing.words import Words
from data_cards.facts import Facts
from data_cards.figures.drawing import Drawing
from data_cards.questions import QUESTIONS
from data_cards.report.inside import Inside
from data_cards.report.parts import count, details, items, note, paragraph, section, table

FILES = 100
"""Data files that are listed."""


def lineage(facts: Facts, figures: Mapping[str, Drawing], inside: Inside | None, words: Words) -> str:
    title = words.say("来龙去脉", "Lineage")
    if facts.lock is None:
        told = words.say(
            "不是 govtune 的处理结果，没有处理台账。",
            "Not a run of govtune: there is no ledger of its records.",
        )
        return section("lineage", title, words, paragraph(told))
    inputs = facts.metrics["inputs"]
    if inside is None:
        told = words.say(
            "单条记录的来源文件、行号和各步处理只在内部报告（RUN.private/report.html）和 "
            "`govtune explain RUN 编号` 中查询；作业级血缘见 `lineage.jsonl`（OpenLineage）。",
            "Source file, row and stages of one record: in the internal report, RUN.private/report.html, or "
            "by `govtune explain RUN ID`. Lineage of the job: `lineage.jsonl` (OpenLineage).",
        )
        read = words.say(
            f"输入文件 {count(inputs['files'])} 个，{count(inputs['bytes'])} 字节；"
            "摘要在 `govtune.lock.json` 中。",
            f"Input files: {count(inputs['files'])}, {count(inputs['bytes'])} bytes; their digests are in "
            "`govtune.lock.json`.",
        )
        return section("lineage", title, words, paragraph(told), paragraph(read))
    return section("lineage", title, words, _lookup(inside, words))


def _lookup(inside: Inside, words: Words) -> str:
    """The box: without a script it says how else to ask."""
    held, ledger = len(inside.lives), inside.records
    told = words.say(
        f"输入记录编号，查看来源文件、工作表、行号、各步处理和去向。本页载有 {held:,} 条"
        f"（台账共 {ledger:,} 条，剔除的优先）；其余请执行 `govtune explain RUN 编号`。",
        f"Type the id of a record to see its file, sheet, row, stages and fate. This page holds {held:,} of "
        f"the ledger's {ledger:,}, dropped ones first; for others run `govtune explain RUN ID`.",
    )
    lang = words.lang
    example = str(inside.lives[0][0]) if inside.lives else ""
    return (
        paragraph(told)
        + f'<form class="lookup" data-lang="{lang}" hidden><label for="record-{lang}">'
        + f"{words.say('记录编号', 'Record id')}</label> "
        + f'<input id="record-{lang}" autocomplete="off" spellcheck="false" placeholder="{escape(example)}"> '
        + f'<button type="submit">{words.say("查询", "Look up")}</button></form>'
        + f'<div class="life" id="life-{lang}" role="status"></div>'
        + f"<noscript>{note(words.say('查询框需要 JavaScript。', 'The box needs JavaScript.'))}</noscript>"
    )


def reproduction(facts: Facts, figures: Mapping[str, Drawing], inside: Inside | None, words: Words) -> str:
    title = words.say("复现", "How to make it again")
    lock = facts.lock
    files = facts.metrics["files"]
    header = [
        words.say("数据文件", "Data file"),
        words.say("条数", "Records"),
        words.say("字节", "Bytes"),
        "SHA-256",
    ]
    rows = [
        [
            f"<code>{escape(name)}</code>",
            count(file["rows"]),
            count(file["bytes"]),
            f"<code>{escape(file['sha256'])}</code>",
        ]
        for name, file in sorted(files.items())[:FILES]
    ]
    more = len(files) - len(rows)
    rest = (
        words.say(f"其余 {more:,} 个见 `metrics.json`。", f"{more:,} more are in `metrics.json`.")
        if more
        else ""
    )
    if lock is None:
        told = words.say(
            "没有锁文件：只能核对数据文件的摘要。", "No lock: only the digests of the files can be compared."
        )
        return section("reproduction", title, words, paragraph(told), table(header, rows), note(rest))
    packages = words.join(f"{code(name)} {version}" for name, version in sorted(lock["packages"].items()))
    key = code(lock["key"]) if lock["key"] else words.say("无", "none")
    recipe = yaml.safe_dump(lock["recipe"], allow_unicode=True, sort_keys=False)
    return section(
        "reproduction",
        title,
        words,
        paragraph(
            words.say(
                "输入、配方、软件版本和密钥相同，则输出逐字节相同："
                "`govtune curate recipe.yaml 输入 --output RUN`。",
                "The same input, recipe, versions and key give the same bytes: "
                "`govtune curate recipe.yaml INPUT --output RUN`.",
            )
        ),
        items(
            [
                f"govtune {lock['govtune']}",
                words.say(f"密钥指纹：{key}", f"Fingerprint of the key: {key}"),
                words.say(f"软件包：{packages or NONE}", f"Packages: {packages or NONE}"),
            ]
        ),
        table(header, rows),
        note(rest),
        details(
            words.say("配方全文（含全部参数）", "The recipe with all parameters"),
            f'<pre tabindex="0"><code>{escape(recipe)}</code></pre>',
        ),
    )


def people(facts: Facts, figures: Mapping[str, Drawing], inside: Inside | None, words: Words) -> str:
    """What people state, and what they have not stated yet."""
    rows = []
    for question in QUESTIONS:
        if facts.answers.answered(question.field) or question.before_release:
            name = words.say(question.zh, question.en)
            rows.append([escape(name), _answer(facts, question.field, words)])
    header = [words.say("事项", "Matter"), words.say("说明", "Answer")]
    title = words.say("由人填写的事项", "What people state")
    return section("people", title, words, f'<div class="answers">{table(header, rows)}</div>')


def _answer(facts: Facts, field: str, words: Words) -> str:
    given = getattr(facts.answers, field)
    if not facts.answers.answered(field):
        return f'<strong class="open">{words.say("未填写", "not stated")}</strong>'
    if field == "legal_basis":
        return "<br>".join(
            f"{escape(source)}{words.say('：', ': ')}{escape(said.text(words.lang))}"
            if source != "*"
            else escape(said.text(words.lang))
            for source, said in given.items()
        )
    if field == "level":
        return inline(words.name("level", given))
    if hasattr(given, "lines"):
        return "<br>".join(map(escape, given.lines(words.lang)))
    return escape(count(given) if isinstance(given, int) else words.say(" 至 ", " to ").join(given))


def signing(facts: Facts, figures: Mapping[str, Drawing], inside: Inside | None, words: Words) -> str:
    """Where people sign, and the digests of what they sign for."""
    lock = facts.metrics["lock"]
    digests = [["govtune.lock.json", lock["sha256"]]] if lock else []
    digests.append(["metrics.json", metrics_digest(facts.metrics)])
    rows = [[f"<code>{name}</code>", f"<code>{digest}</code>"] for name, digest in digests]
    roles = [("审核人", "Reviewed by"), ("审批人", "Approved by"), ("日期", "Date"), ("结论", "Conclusion")]
    lines = "".join(f"<div><span>{words.say(*role)}</span><i></i></div>" for role in roles)
    told = words.say(
        "签字即对具有下列摘要的数据负责。以后用 `sha256sum metrics.json` 核对。",
        "Signatures stand for the data with this digest; `sha256sum metrics.json` tells later whether it is "
        "the same.",
    )
    if lock:
        told = words.say(
            "签字即对具有下列摘要的数据负责。以后用 `govtune card check RUN --digest 摘要` 核对是否就是这一份"
            "（用锁文件的摘要）。",
            "Signatures stand for the data with these digests. `govtune card check RUN --digest SHA256`, "
            "with that of the lock, tells later whether it is still the same.",
        )
    return section(
        "signing",
        words.say("审核签字", "Sign-off"),
        words,
        paragraph(told),
        table([words.say("文件", "File"), "SHA-256"], rows),
        f'<div class="sign">{lines}</div>',
    )


def metrics_digest(metrics: Mapping[str, Any]) -> str:
    """SHA-256 of `metrics.json` as it is written."""
    return hashlib.sha256(canonical_json(metrics).encode()).hexdigest()
