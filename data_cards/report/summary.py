"""The first section of the report: the verdict, why, and the figures one asks for first."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from curation.writing.markdown import share
from curation.writing.words import Words
from data_cards.facts import Facts
from data_cards.figures.drawing import Drawing
from data_cards.report.inside import Inside
from data_cards.report.parts import count, note, percent
from data_cards.report.verdict import Reason, verdict

_SIGNS = {"fit": "✔", "unfit": "✘", "review": "!"}


def summary(facts: Facts, figures: Mapping[str, Drawing], inside: Inside | None, words: Words) -> str:
    said = verdict(facts.metrics, facts.answers)
    wrong = [reason for reason in said.reasons if reason.wrong]
    unknown = [reason for reason in said.reasons if not reason.wrong]
    question = words.say("能不能用？", "May it be used?")
    banner = (
        f'<div class="verdict {said.state}"><span aria-hidden="true">{_SIGNS[said.state]}</span>'
        f"<div><small>{question}</small><strong>{escape(said.name(words))}</strong></div></div>"
    )
    told = words.say(
        "结论由程序按测量结果和填写情况得出，不代替审批。",
        "A program concludes this from what was measured and answered; it replaces no approval.",
    )
    return (
        f'<section id="summary-{words.lang}" aria-label="{words.say("结论", "Verdict")}">{banner}'
        + _reasons(words.say("不合格之处", "What is wrong"), wrong, words)
        + _reasons(words.say("尚不清楚或未填写", "Not known or not answered"), unknown, words)
        + note(told)
        + _figures(facts, words)
        + "</section>"
    )


def _reasons(name: str, reasons: list[Reason], words: Words) -> str:
    if not reasons:
        return ""
    lines = "".join(
        f'<li data-code="{reason.code}">{escape(words.say(reason.zh, reason.en))}</li>' for reason in reasons
    )
    return f'<h2 class="reasons">{escape(name)} ({len(reasons)})</h2><ul class="reasons">{lines}</ul>'


def _figures(facts: Facts, words: Words) -> str:
    metrics = facts.metrics
    records, residual = metrics["records"], metrics["pii"]["residual"]
    shown = [(count(metrics["published"]["records"]), words.say("发布的记录", "records published"))]
    if records:
        part = share(records["kept"], records["kept"] + records["dropped"])
        shown.append(
            (
                part,
                words.say(
                    f"保留（读入 {count(records['input'])} 条）", f"kept, of {count(records['input'])} read"
                ),
            )
        )
    shown += [
        (
            count(metrics["pii"]["replaced"]),
            words.say("处个人信息已替换", "pieces of personal data replaced"),
        ),
        (
            percent(residual["document_upper95"]),
            words.say("残留记录比例上界（95%）", "records with some left, 95 % bound"),
        ),
        (count(metrics["tc609"]["score"]), words.say("TC609 得分", "TC609 score")),
    ]
    boxes = "".join(f"<div><b>{escape(value)}</b>{escape(name)}</div>" for value, name in shown)
    return f'<div class="big">{boxes}</div>'
