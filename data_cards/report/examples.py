"""Masked examples of the internal report: where something was replaced, and which records were dropped."""

from __future__ import annotations

from html import escape

from curation.writing.html import inline
from curation.writing.markdown import NONE
from curation.writing.words import Words
from data_cards.report.inside import Inside, Published
from data_cards.report.parts import chip, details, named, note, table


def dropped_examples(inside: Inside, words: Words) -> str:
    """A few records of each reason, by id and score; of a duplicate also the text that stands for it."""
    if not inside.dropped:
        return ""
    rows = [
        [
            named(words, "stage", stage),
            named(words, "reason", reason),
            f"<code>{escape(one.id)}</code>",
            NONE if one.score is None else f"{one.score:.3f}",
            _text(one.survivor) if one.survivor else NONE,
        ]
        for (stage, reason), examples in inside.dropped.items()
        for one in examples
    ]
    header = [("步骤", "Stage"), ("原因", "Reason"), ("记录编号", "Record id"), ("相似度或得分", "Score")]
    header.append(("代表它的已发布记录（去标识化后）", "Published record that stands for it, de-identified"))
    told = words.say(
        "被剔除记录的原文从不显示；查明细请用下方的记录查询或 `govtune explain`。",
        "The text of a dropped record is never shown; look a record up below, or with `govtune explain`.",
    )
    shown = note(told) + table([words.say(*pair) for pair in header], rows)
    return details(words.say("剔除示例", "Examples of dropped records"), shown)


def found_examples(inside: Inside, words: Words) -> str:
    """Published texts around a placeholder."""
    if not inside.found:
        return ""
    rows = [
        [chip(placeholder), _text(one)] for placeholder, examples in inside.found.items() for one in examples
    ]
    told = words.say(
        f"取自已发布的文本（按顺序前 {inside.looked_at:,} 条），数字已遮盖。",
        f"From published texts (the first {inside.looked_at:,} in order), digits masked.",
    )
    header = [words.say("占位符", "Placeholder"), words.say("记录与片段", "Record and place")]
    name = words.say("替换示例", "Examples of what was replaced")
    return details(name, note(told) + table(header, rows))


def _text(shown: Published) -> str:
    pieces = "".join(chip(piece.text) if piece.placeholder else escape(piece.text) for piece in shown.pieces)
    return f'{inline(f"`{shown.id}`")} <span class="snippet" lang="zh-CN">{pieces}</span>'
