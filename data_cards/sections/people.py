"""What only people can say: why the data set is there, what it may be used for, who looks after it."""

from __future__ import annotations

from curation.writing.markdown import number
from data_cards.questions import QUESTIONS
from data_cards.sections.view import View

_ELSEWHERE = (
    *("tc609", "columns.", "lengths.", "chat", "processing.", "time.", "tokens."),
    *("pii.by_type", "pii.records_", "pii.replaced", "pii.kept", "pii.found_in_"),
)
"""Keys that the sections on quality and composition tell, or that go with one that is told."""


def motivation(view: View) -> list[str]:
    return [
        view.say("## 建设目的与用途", "## Motivation and uses"),
        "",
        *view.stated("purpose", "uses", "forbidden_uses", "cases", "evaluation", "baseline"),
        *_target(view),
    ]


def _target(view: View) -> list[str]:
    """How much there should be of it, and of which years."""
    records, period = view.answers.target_records, view.answers.target_period
    told = {
        "target_records": number(records) if records else view.not_stated,
        "target_period": view.say(" 至 ", " to ").join(period) if period else view.not_stated,
    }
    return [f"- **{view.named(field)}**{view.colon}{said}" for field, said in told.items()]


def limits(view: View) -> list[str]:
    """What people know of, and all that could not be measured, by reason."""
    lines = [view.say("## 局限", "## Limits"), "", *view.stated("limits")]
    by_reason: dict[str, dict[str, None]] = {}
    for key, code in sorted(view.metrics["unmeasured"].items()):
        part = key.rpartition(".")[2]
        if not key.startswith(_ELSEWHERE):
            by_reason.setdefault(code, {})[view.words.name("metric", part)] = None
    if by_reason:
        told = view.say("未能测量的内容，按原因列出：", "What could not be measured, by reason:")
        lines += ["", told, ""]
    for code, named in sorted(by_reason.items()):
        lines.append(f"- {view.words.name('unmeasured', code)}{view.colon}{view.words.join(named)}")
    return lines


def maintenance(view: View) -> list[str]:
    return [
        view.say("## 管理与维护", "## Maintenance"),
        "",
        *view.stated("maintenance", "retention", "disposal", "support", "approval"),
    ]


def for_people(view: View) -> list[str]:
    """The questions that nobody has answered yet."""
    title = view.say("## 尚须由人说明的事项", "## Still for people to state")
    open_ = [each for each in QUESTIONS if not view.answers.answered(each.field)]
    before = [view.say(each.zh, each.en) for each in open_ if each.before_release]
    after = [view.say(each.zh, each.en) for each in open_ if not each.before_release]
    if not open_:
        all_there = view.say("`card.yaml` 各项均已填写。", "Every question of `card.yaml` is answered.")
        return [title, "", all_there]
    lines = [
        title,
        "",
        view.say(
            "以下事项程序无从得知，由责任单位填入 `card.yaml` 后重新生成本卡"
            "（`govtune card init` 给出空白表）：",
            "A program cannot know these. Those responsible answer them in `card.yaml` (`govtune card init` "
            "writes an empty one), and the card is built again:",
        ),
        "",
    ]
    if before:
        lines.append(view.say("- 公开前须填写：", "- Needed before release: ") + view.words.join(before))
    if after:
        lines.append(view.say("- 其他：", "- Further: ") + view.words.join(after))
    return lines
