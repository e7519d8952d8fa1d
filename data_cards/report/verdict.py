"""Whether a data set may be used, and what speaks against it: a function of what was measured and answered.

What is known to be wrong makes it unfit. What nobody knows, or nobody answered, makes it a matter for review;
so does everything that is not approved, for a program approves nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from curation.writing.markdown import number
from curation.writing.words import Words
from data_cards.answers import Answers
from data_cards.questions import QUESTIONS

LIMIT = 0.04
"""Highest bound of the share of records in which personal data is left."""

NO_NAMES = "none"
"""How a detector's name begins that has no engine for names."""

State = Literal["fit", "unfit", "review"]

_REFUSED = re.compile(
    r"不同意|不予|不通过|未通过|未批准|驳回|退回|暂缓|不得|reject|refus|den(y|ied)|not approved",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Reason:
    """What speaks against a release.

    Attributes:
        code: stays the same from version to version.
        wrong: known to be wrong; else not known or not answered.
        zh, en: what is the matter, in one sentence.
    """

    code: str
    wrong: bool
    zh: str
    en: str


@dataclass(frozen=True)
class Verdict:
    """What the report says first.

    Attributes:
        reasons: those that are known to be wrong come first.
    """

    state: State
    reasons: tuple[Reason, ...]

    def name(self, words: Words) -> str:
        return {
            "fit": words.say("可以使用", "Fit for use"),
            "unfit": words.say("不可使用", "Not fit for use"),
            "review": words.say("需要复核", "Needs review"),
        }[self.state]


def verdict(metrics: Mapping[str, Any], answers: Answers) -> Verdict:
    """The verdict.

    Args:
        metrics: as in `metrics.json`.
    """
    found = [*_processing(metrics), *_residual(metrics), *_leakage(metrics), *_labels(metrics)]
    found += _people(metrics, answers)
    reasons = tuple(sorted(found, key=lambda reason: not reason.wrong))
    if any(reason.wrong for reason in reasons):
        return Verdict("unfit", reasons)
    return Verdict("review" if reasons else "fit", reasons)


def _processing(metrics: Mapping[str, Any]) -> Iterator[Reason]:
    ran = metrics["processing"]
    if ran is None:
        yield Reason(
            "processing_unknown",
            False,
            "不是 govtune 的处理结果，是否做过涉密筛查和去标识化无从得知。",
            "Not a run of govtune: whether it was screened and de-identified is not known.",
        )
        return
    if not ran["screened"]:
        yield Reason("not_screened", True, "未经涉密筛查。", "Not screened for secrecy marks.")
    if not ran["anonymised"]:
        yield Reason("not_anonymised", True, "未经去标识化处理。", "Not de-identified.")


def _residual(metrics: Mapping[str, Any]) -> Iterator[Reason]:
    residual = metrics["pii"]["residual"]
    rescan, audit, bound = residual["rescan"], residual["audit"], residual["document_upper95"]
    if rescan is None:
        yield Reason(
            "no_rescan",
            False,
            "处理后的内容没有再次扫描。",
            "What is published was not scanned again.",
        )
    elif rescan["records_with_findings"]:
        count = number(rescan["records_with_findings"])
        yield Reason(
            "rescan_finds",
            True,
            f"复扫在 {count} 条记录中仍发现个人信息。",
            f"Scanning again still finds personal data; records: {count}.",
        )
    if rescan is not None and rescan["detector"].partition("/")[0] == NO_NAMES:
        yield Reason(
            "names_not_looked_for",
            False,
            "处理和复扫都没有查找姓名（names: none）。",
            "Names were not looked for, nor in the second scan (names: none).",
        )
    if bound is None:
        yield Reason(
            "no_bound",
            False,
            "没有人工抽读的结果，残留个人信息的比例没有上界。",
            "No sample was read by people: what is left has no bound.",
        )
    elif bound > LIMIT:
        read = number(audit["records"]) if audit else number(None)
        yield Reason(
            "bound_too_high",
            True,
            f"残留个人信息的记录比例，95% 上界为 {bound:.1%}（抽读 {read} 条），高于 {LIMIT:.0%}。",
            f"The share of records with personal data left may be {bound:.1%} (95 % bound, {read} read), "
            f"above {LIMIT:.0%}.",
        )


def _leakage(metrics: Mapping[str, Any]) -> Iterator[Reason]:
    found = metrics["decontamination"]
    if found is None:
        return
    shared, same = found["shared_across_splits"] or 0, found["identical_across_splits"]
    if shared or same:
        yield Reason(
            "leakage",
            True,
            f"子集之间有泄漏：跨子集的相似组 {number(shared)} 个，相同的文本 {number(same)} 个。",
            f"Splits leak: clusters in more than one, {number(shared)}; identical texts, {number(same)}.",
        )


def _labels(metrics: Mapping[str, Any]) -> Iterator[Reason]:
    """Labels that people gave need no bound; those of a program do."""
    for scheme, counts in sorted(metrics["labels"].items()):
        by_program = sum(n for method, n in counts["methods"].items() if method not in ("input", "person"))
        if by_program and (counts["precision"] is None or counts["precision"]["lower95"] is None):
            yield Reason(
                "labels_unmeasured",
                False,
                f"标签体系 {scheme} 中由程序给出的标签没有经人工抽查，准确率没有下界。",
                f"Labels of {scheme} that a program gave were not sampled by people: no bound of precision.",
            )


def _people(metrics: Mapping[str, Any], answers: Answers) -> Iterator[Reason]:
    if not answers.answered("legal_basis"):
        yield Reason("no_legal_basis", False, "没有写明法律依据。", "No legal basis is stated.")
    ours = ("legal_basis", "approval")
    asked = [each for each in QUESTIONS if each.before_release and each.field not in ours]
    missing = [each for each in asked if not answers.answered(each.field)]
    if missing:
        count = len(missing)
        yield Reason(
            "card_unanswered",
            False,
            f"数据卡中公开前须填写的事项还有 {count} 项未填写：{'、'.join(each.zh for each in missing)}。",
            f"Questions of the card to be answered before release that are open, {count}: "
            f"{', '.join(each.en.lower() for each in missing)}.",
        )
    if answers.approval is None:
        yield Reason("not_approved", False, "尚未审核批准。", "Not approved yet.")
    elif _REFUSED.search(answers.approval.text("zh") + answers.approval.text("en")):
        yield Reason(
            "approval_refused",
            True,
            "审核结论似为不同意，见“由人填写的事项”。",
            "The approval reads like a refusal; see what people state.",
        )
