"""What an officer for data governance asks, answered from the text of the card alone.

Each question has a finder that knows the card's headings and nothing else. It has to return what the metrics
and the answers hold, in both languages, and nothing once its section is taken away.
"""

from __future__ import annotations

import copy
import dataclasses
import re
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import yaml

from curation.writing.markdown import cell
from data_cards.card import render
from data_cards.facts import Facts
from data_cards.measure.tc609 import GROUPS
from data_cards.terms import words

Lang = Any
Pair = tuple[str, str]
SUMMARY: Pair = ("概要", "Summary")
USES: Pair = ("建设目的与用途", "Motivation and uses")
ORIGIN: Pair = ("来源与采集", "Sources and collection")
DUPLICATES: Pair = ("重复与变体", "Duplicates and variants")
LEAKAGE: Pair = ("训练与测试的隔离", "Leakage between training and test")
LABELS: Pair = ("标签", "Labels")
PERSONAL: Pair = ("个人信息与安全", "Personal data and security")
QUALITY: Pair = ("质量评测（TC609-5-2025-04）", "Quality (TC609-5-2025-04)")
RELEASE: Pair = ("发布与使用", "Distribution")
CARE: Pair = ("管理与维护", "Maintenance")
AGAIN: Pair = ("复现", "How to make it again")


@dataclasses.dataclass(frozen=True)
class Question:
    """What is asked, where the card answers it, how the answer is found there, and what is true."""

    ask: str
    section: Pair
    find: Callable[[str, Lang], Any]
    true: Callable[[Facts, Lang], Any]


def point(zh: str, en: str) -> Callable[[str, Lang], str | None]:
    """Finds what stands behind a bold name at the head of a point."""

    def find(section: str, lang: Lang) -> str | None:
        name = re.escape(zh if lang == "zh" else en)
        found = re.search(rf"^- \*\*{name}\*\*[^：:]*(?:：|: )(.*)$", section, re.MULTILINE)
        return found[1] if found else None

    return find


def numbers(zh: str, en: str) -> Callable[[str, Lang], tuple[str, ...] | None]:
    """Finds the groups of a pattern."""

    def find(section: str, lang: Lang) -> tuple[str, ...] | None:
        found = re.search(zh if lang == "zh" else en, section)
        return found.groups() if found else None

    return find


def rows(zh: str, en: str) -> Callable[[str, Lang], dict[str, tuple[str, ...]] | None]:
    """Finds a table by the beginning of its first header; its rows by their first cell."""

    def find(section: str, lang: Lang) -> dict[str, tuple[str, ...]] | None:
        head = re.escape(zh if lang == "zh" else en)
        found = re.search(rf"^\| {head}.*\|\n\| ---.*\|\n((?:\|.*\|\n?)+)", section, re.MULTILINE)
        if not found:
            return None
        cells = [re.split(r"(?<!\\) \| ", line.strip()[2:-2]) for line in found[1].strip().split("\n")]
        return {first.strip(): tuple(each.strip() for each in rest) for first, *rest in cells}

    return find


def answer(field: str) -> Callable[[Facts, Lang], str]:
    return lambda facts, lang: getattr(facts.answers, field).text(lang)


def told(*path: str) -> Callable[[Facts, Lang], tuple[str, ...]]:
    """Numbers of the metrics, as a card writes them."""
    return lambda facts, lang: tuple(f"{at(facts.metrics, each):,}" for each in path)


def at(metrics: Mapping[str, Any], path: str) -> Any:
    value: Any = metrics
    for key in path.split("."):
        value = value[key]
    return value


def by_type(facts: Facts, lang: Lang) -> dict[str, tuple[str, ...]]:
    found = facts.metrics["pii"]["by_type"]
    named = {
        words(lang).term("type", kind): tuple(f"{counts[key]:,}" for key in ("found", "replaced", "kept"))
        for kind, counts in found.items()
    }
    pii = facts.metrics["pii"]
    total = {"zh": "合计", "en": "Total"}[lang]
    return {**named, total: tuple(f"{pii[key]:,}" for key in ("found", "replaced", "kept"))}


def sources(facts: Facts, lang: Lang) -> dict[str, tuple[str, ...]]:
    held, answers = facts.metrics["sources"], facts.answers
    known = {
        source: (f"{count:,}", _basis(answers, source, lang)) for source, count in held["values"].items()
    }
    unnamed = {"zh": "未注明来源", "en": "No source given"}[lang]
    return {**known, unnamed: (f"{held['missing']:,}", _basis(answers, "*", lang))}


def _basis(answers: Any, source: str, lang: Lang) -> str:
    text: str = cell(answers.basis_of(source).text(lang))
    return text


def copies(facts: Facts, lang: Lang) -> dict[str, tuple[str, ...]]:
    found = facts.metrics["duplicates"]
    names = {"exact": ("完全重复", "Exact duplicate"), "near": ("近似重复", "Near duplicate")}
    names["variants"] = ("变体", "Variant")
    fates = {"exact": ("剔除", "dropped"), "near": ("剔除", "dropped"), "variants": ("保留", "kept")}
    place = 0 if lang == "zh" else 1
    return {name[place]: (f"{found[key]:,}", fates[key][place]) for key, name in names.items()}


def labels(facts: Facts, lang: Lang) -> dict[str, tuple[str, ...]]:
    held = facts.metrics["labels"]["letters"]
    abstained = {"zh": "未作判断", "en": "Abstained"}[lang]
    counts = {**held["values"], abstained: held["abstained"]}
    return {name: (f"{count:,}",) for name, count in counts.items()}


def reliability(facts: Facts, lang: Lang) -> tuple[str, ...]:
    held = facts.metrics["labels"]["letters"]
    precision = held["precision"]
    alpha = f"{held['agreement']['alpha']:.3f}"
    return (
        alpha,
        f"{precision['labelled']:,}",
        f"{precision['right']:,}",
        f"{100 * precision['lower95']:.1f}%",
    )


def quality(facts: Facts, lang: Lang) -> dict[str, tuple[str, str]]:
    """Score by metric; where there is none, the reason."""
    said = words(lang)
    expected = {}
    for name in ("documentation", "data", "application"):
        dimension = facts.metrics["tc609"][name]
        expected[f"**{said.name('dimension', name)}**"] = (f"{dimension['score']:.1f}", "")
        for code, each in dimension["metrics"].items():
            score = "–" if each["score"] is None else f"{each['score']:.1f}"
            reason = said.name("unmeasured" if each["score"] is None else "basis", each["basis"])
            expected[f"{code} {said.name('tc609', code)}"] = (score, reason)
    return expected


def recipe(section: str, lang: Lang) -> Any:
    found = re.search(r"```yaml\n(.*?)\n```", section, re.DOTALL)
    return yaml.safe_load(found[1]) if found else None


def bound(facts: Facts, lang: Lang) -> tuple[str, ...]:
    residual = facts.metrics["pii"]["residual"]
    audit, upper = residual["audit"], residual["document_upper95"]
    return f"{audit['records']:,}", f"{audit['with_findings']:,}", f"{100 * upper:.2f}%"


def dates(facts: Facts, lang: Lang) -> tuple[str, ...]:
    return facts.metrics["time"]["first"], facts.metrics["time"]["last"]


def screened(facts: Facts, lang: Lang) -> tuple[str, ...]:
    return (f"{sum(facts.metrics['funnel']['screen']['dropped'].values()):,}",)


def approval(facts: Facts, lang: Lang) -> tuple[str, ...]:
    return (facts.answers.approval.text(lang) if facts.answers.approval else "",)


def methods(facts: Facts, lang: Lang) -> tuple[str, ...]:
    held = facts.metrics["labels"]["letters"]["methods"]
    ranked = sorted(held.items(), key=lambda item: (-item[1], item[0]))
    return (words(lang).join(f"{words(lang).name('method', name)} {count:,}" for name, count in ranked),)


QUESTIONS = (
    Question("Who owns it?", SUMMARY, point("责任单位", "Owner"), answer("owner")),
    Question("Whom do I ask?", SUMMARY, point("联系方式", "Contact"), answer("contact")),
    Question(
        "May it be published?",
        SUMMARY,
        numbers(r"责任单位的审批意见：(.*?)。程序", r"those responsible decided: (.*?)\. A program"),
        approval,
    ),
    Question(
        "How many records?",
        SUMMARY,
        numbers(r"\*\*内容\*\*：文本 ([\d,]+) 条", r"\*\*Content\*\*: ([\d,]+) texts"),
        told("published.records"),
    ),
    Question(
        "From when to when?",
        SUMMARY,
        numbers(r"时间跨度 (\S+) 至 (\S+?)。", r", from (\S+) to (\S+?)\.\n"),
        dates,
    ),
    Question(
        "Was it screened for secrets?",
        SUMMARY,
        numbers(r"内部资料标志筛查，剔除 ([\d,]+) 条", r"internal use, dropped: ([\d,]+)\."),
        screened,
    ),
    Question(
        "What must it not be used for?",
        USES,
        point("禁止用途", "Uses that are forbidden"),
        answer("forbidden_uses"),
    ),
    Question("From which sources, on which legal basis?", ORIGIN, rows("来源", "Source"), sources),
    Question(
        "How was it collected?", ORIGIN, point("采集方法", "How it was collected"), answer("collection")
    ),
    Question("Were people told?", ORIGIN, point("告知与同意", "Notice and consent"), answer("consent")),
    Question(
        "How many duplicates were there?",
        DUPLICATES,
        rows("与另一条的关系", "Relation to another record"),
        copies,
    ),
    Question(
        "Does the test set leak into training?",
        LEAKAGE,
        numbers(
            r"相近记录组：([\d,]+)\n- 跨子集的相同文本：([\d,]+)",
            r"more than one split: ([\d,]+)\n- Equal texts in more than one split: ([\d,]+)",
        ),
        told("decontamination.shared_across_splits", "decontamination.identical_across_splits"),
    ),
    Question("Which labels are there?", LABELS, rows("标签体系 `letters`", "Label scheme `letters`"), labels),
    Question(
        "How were the labels made?", LABELS, numbers(r"标签来源：(.*)。", r"\(.*?%\); labels (.*)\."), methods
    ),
    Question(
        "How far can labels be relied on?",
        LABELS,
        numbers(
            r"α = ([\d.]+)[\s\S]*人工抽查 ([\d,]+) 条，正确 ([\d,]+) 条.*置信下限 ([\d.]+%)",
            r"alpha = ([\d.]+)[\s\S]*of ([\d,]+) that people read, ([\d,]+) are right.*at 95 %: ([\d.]+%)",
        ),
        reliability,
    ),
    Question("Which personal data was found, replaced, kept?", PERSONAL, rows("类型", "Type"), by_type),
    Question(
        "What is left, and how sure is that?",
        PERSONAL,
        numbers(
            r"随机抽读 ([\d,]+) 条，发现有残留的 ([\d,]+) 条；残留记录占比的 95% 置信上限 ([\d.]+%)",
            r"of ([\d,]+) records drawn at random, ([\d,]+) hold some; .* at 95 %: ([\d.]+%)",
        ),
        bound,
    ),
    Question(
        "Of which level is it?",
        PERSONAL,
        point("数据级别", "Level of the data"),
        lambda facts, lang: words(lang).name("level", facts.answers.level or ""),
    ),
    Question("What is its quality, and what was not computed?", QUALITY, rows("指标", "Metric"), quality),
    Question("Under which licence?", RELEASE, point("整体许可", "Licence of the whole"), answer("license")),
    Question("Which version is it?", RELEASE, point("版本号", "Version"), answer("version")),
    Question("Who checked it?", CARE, point("审核与审批", "Review and approval"), answer("approval")),
    Question("How long is it kept?", CARE, point("保存期限", "Retention"), answer("retention")),
    Question(
        "By which digest do I know it?",
        AGAIN,
        numbers(r"的 SHA-256：`(\w+)`", r"input and data files: `(\w+)`"),
        lambda facts, lang: (facts.metrics["lock"]["sha256"],),
    ),
    Question("How is it made again?", AGAIN, recipe, lambda facts, lang: facts.lock and facts.lock["recipe"]),
)


DOCUMENTATION: Mapping[str, Pair] = {
    "size": ("- **内容**：文本 20 条", "- **Content**: 20 texts"),
    "format": ("数据文件 3 个（parquet 格式）", "Data files: 3 (parquet)"),
    "structure": ("| 文件 | 记录 | 字节 |", "| File | Records | Bytes |"),
    "access": ("- **访问渠道**：", "- **Access**: "),
    "support": ("- **技术支持**：", "- **Technical support**: "),
    "modality": ("| 文本长度（字符） |", "| Lengths in characters |"),
    "distribution": ("## 数据分布", "## Distributions"),
    "labels": ("| 标签体系 `letters` |", "| Label scheme `letters` |"),
    "example": ("- **样本示例**：", "- **Example of a record**: "),
    "limits": ("- **已知局限**：", "- **Known limits**: "),
    "sources": ("| 来源 | 条数 | 法律依据 |", "| Source | Records | Legal basis |"),
    "collection": ("- **采集方法**：", "- **How it was collected**: "),
    "processing": ("## 加工处理", "## Processing"),
    "annotation": ("- **标注规范**：", "- **Guideline for labels**: "),
    "version": ("- **版本号**：", "- **Version**: "),
    "license": ("- **整体许可**：", "- **Licence of the whole**: "),
    "uses": ("- **适用场景**：", "- **Intended uses**:"),
    "evaluation": ("- **评估方法**：", "- **How models are evaluated**: "),
    "baseline": ("- **基准结果**：", "- **Baseline results**: "),
    "cases": ("- **典型应用案例**：", "- **Typical cases**: "),
}
"""Where the card says each item of the documentation group (0101 to 0104) of TC609-5-2025-04."""


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_documentation_group_of_the_national_format_is_in_the_card(run_facts: Facts, lang: Lang) -> None:
    items = {item for group in GROUPS.values() for item in group}
    assert set(DOCUMENTATION) == items
    card = render(run_facts, lang)
    for item, places in DOCUMENTATION.items():
        assert places[0 if lang == "zh" else 1] in card, item


@pytest.fixture(scope="module", params=["as measured", "with other numbers"])
def facts(request: pytest.FixtureRequest, run_facts: Facts) -> Facts:
    """A finder that returned what it was written with would fail with the other numbers."""
    if request.param == "as measured":
        return run_facts
    return dataclasses.replace(run_facts, metrics=_other(copy.deepcopy(dict(run_facts.metrics))))


@pytest.fixture(scope="module")
def cards(facts: Facts) -> dict[Lang, str]:
    return {lang: render(facts, lang) for lang in ("zh", "en")}


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.ask)
def test_the_card_alone_answers(question: Question, lang: Lang, facts: Facts, cards: dict[Lang, str]) -> None:
    found = _ask(question, cards[lang], lang)
    assert found
    assert found == question.true(facts, lang)


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.ask)
def test_without_its_section_nothing_is_found(question: Question, lang: Lang, cards: dict[Lang, str]) -> None:
    title = question.section[0 if lang == "zh" else 1]
    without = re.sub(rf"(?ms)^## {re.escape(title)}\n.*?(?=^## |\Z)", "", cards[lang])
    assert without != cards[lang]
    assert not _ask(question, without, lang)


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_what_nobody_answered_is_found_to_be_missing(folder_facts: Facts, lang: Lang) -> None:
    card = render(folder_facts, lang)
    missing = {"zh": "未填写", "en": "not stated"}[lang]
    asked = [question for question in QUESTIONS if isinstance(_ask(question, card, lang), str)]
    assert len(asked) >= 10
    assert {_ask(question, card, lang) for question in asked} == {missing}


def _ask(question: Question, card: str, lang: Lang) -> Any:
    title = re.escape(question.section[0 if lang == "zh" else 1])
    found = re.search(rf"(?ms)^## {title}\n(.*?)(?=^## |\Z)", card)
    return question.find(found[1], lang) if found else None


def _other(value: Any) -> Any:
    """The same metrics with other numbers; counts grow, scores and shares shrink."""
    if isinstance(value, dict):
        return {key: _other(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_other(each) for each in value]
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, int):
        return value and value + 1_234
    return value * 0.9
