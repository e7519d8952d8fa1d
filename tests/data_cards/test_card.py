"""The card of a data set: what it says in both languages, and that it says nothing that is not known."""

from __future__ import annotations

import copy
import dataclasses
import functools
import json
import operator
import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import ValidationError

from curation.decontaminate import stage as decontaminate
from curation.errors import UsageError
from curation.ingest import problem
from curation.lang import Lang
from data_cards import card as cards
from data_cards.answers import Answers
from data_cards.card import render
from data_cards.facts import Facts
from data_cards.figures import drawings
from data_cards.metrics import Metrics
from data_cards.options import Options
from data_cards.outputs import build
from data_cards.terms import words

GOLDEN = Path(__file__).parent / "golden"
LANGUAGES: tuple[Lang, ...] = get_args(Lang)


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("name", ["run", "folder"])
def test_card_reads_as_agreed(request: pytest.FixtureRequest, name: str, lang: Any) -> None:
    facts = request.getfixturevalue(f"{name}_facts")
    assert render(facts, lang) == (GOLDEN / f"{name}.{lang}.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["run_facts", "folder_facts"])
def test_what_the_cards_are_made_of_are_metrics(request: pytest.FixtureRequest, name: str) -> None:
    metrics = request.getfixturevalue(name).metrics
    assert Metrics.model_validate(metrics).model_dump(by_alias=True) == metrics


@pytest.mark.parametrize("name", ["run_facts", "folder_facts"])
def test_both_languages_hold_the_same_numbers(request: pytest.FixtureRequest, name: str) -> None:
    facts = request.getfixturevalue(name)
    # People may say what they like in each language.
    facts = dataclasses.replace(facts, answers=Answers())
    numbers = [Counter(re.findall(r"\d+(?:[.,]\d+)*", render(facts, lang))) for lang in LANGUAGES]
    assert numbers[0] == numbers[1]
    assert sum(numbers[0].values()) > 100


def test_cards_lead_to_each_other(folders: Any) -> None:
    for lang, other in zip(LANGUAGES, reversed(LANGUAGES), strict=True):
        build(folders.run, folders.private, Options(lang=lang))
        beside = f"README.{cards.TAGS[other]}.md"
        assert f"]({beside})" in (folders.run / "README.md").read_text(encoding="utf-8")
        assert "](README.md)" in (folders.run / beside).read_text(encoding="utf-8")


def test_same_run_gives_the_same_bytes(folders: Any) -> None:
    build(folders.run, folders.private)
    before = [(folders.run / name).read_bytes() for name in ("README.md", "metrics.json")]
    build(folders.run, folders.private)
    assert [(folders.run / name).read_bytes() for name in ("README.md", "metrics.json")] == before


def test_figures_that_the_card_shows_are_those_that_are_drawn(run_facts: Facts) -> None:
    for lang in LANGUAGES:
        shown = re.findall(rf"\]\(figures/(\w+)\.{lang}\.svg\)", render(run_facts, lang))
        drawn = drawings(run_facts, lang)
        assert shown
        assert set(shown) <= set(drawn)


def test_card_of_chat_examples_says_what_is_in_them(folders: Any) -> None:
    folders.make_chat()
    build(folders.run, folders.private, Options(lang="en"))
    card = (folders.run / "README.md").read_text(encoding="utf-8")
    for line in (
        "- **Content**: 20 chat examples (Letter 18, Law 2), 705 characters, from 2023-11-30 to 2024-07-12.",
        "| User `user` | 20 | 9 | 22 | 23.25 | 37 | 37 |",
        "Chat examples: 20, messages in each: 3.",
    ):
        assert line in card.split("\n"), line
    assert "task_categories:\n- text-generation" in card


def test_card_says_when_nothing_was_de_identified(folders: Any) -> None:
    lock = folders.lock()
    lock["recipe"]["stages"] = [{"split": {}}]
    folders.write_lock(lock)
    build(folders.run, folders.private)
    card = (folders.run / "README.md").read_text(encoding="utf-8")
    assert "**不得公开**。本数据集未经涉密筛查、未经去标识化处理。" in card
    assert "涉密筛查**：未做" in card
    assert "de-identified" not in card


def test_no_approval_is_made_up(run_facts: Facts) -> None:
    unanswered = dataclasses.replace(run_facts, answers=Answers())
    assert "**尚未审批**" in render(unanswered, "zh")
    assert "责任单位的审批意见：数据处审核，2026 年 11 月 20 日，同意公开。" in render(run_facts, "zh")


def test_share_that_was_kept_stands_where_nothing_was_made_of_it(
    run_facts: Facts, changed: Callable[..., Facts]
) -> None:
    assert "20 kept, 9 dropped" in render(run_facts, "en")
    facts = changed(run_facts, "records", made=0, expanded=0)
    assert "保留 20 条（69.0%），剔除 9 条" in render(facts, "zh")
    assert "20 kept (69.0%), 9 dropped" in render(facts, "en")


@pytest.mark.parametrize(
    ("lang", "made", "kept", "note"),
    [
        ("zh", "在 3 条保留的或派生所用的记录中", "在 3 条保留的记录中", "包括未写入派生记录的字段"),
        (
            "en",
            "in 3 records kept or expanded, 5 found",
            "in 3 records kept, 5 found",
            "whether or not they went",
        ),
    ],
)
def test_card_says_of_which_records_personal_data_is_counted(
    run_facts: Facts, changed: Callable[..., Facts], lang: Any, made: str, kept: str, note: str
) -> None:
    card = render(run_facts, lang)
    assert made in card
    assert note in card
    card = render(changed(run_facts, "records", made=0, expanded=0), lang)
    assert kept in card
    assert note not in card


@pytest.mark.parametrize("field", list(Answers.model_fields))
def test_every_answer_stands_in_both_cards_and_a_missing_one_is_named(field: str) -> None:
    facts = _facts("run")
    given, told = {
        "level": ("important", {"zh": "重要数据", "en": "Important data"}),
        "target_records": (87_654, {"zh": "87,654", "en": "87,654"}),
        "target_period": (["1987", "1988-05"], {"zh": "1987 至 1988-05", "en": "1987 to 1988-05"}),
    }.get(field, ("甲乙丙丁", {"zh": "甲乙丙丁", "en": "甲乙丙丁"}))
    for lang in LANGUAGES:
        missing = {"zh": "未填写", "en": "not stated"}[lang]
        without = render(dataclasses.replace(facts, answers=Answers()), lang)
        answers = Answers.model_validate({field: given})
        answered = render(dataclasses.replace(facts, answers=answers), lang)
        assert told[lang] not in without
        assert told[lang] in answered
        assert answered.count(missing) < without.count(missing)


def test_answers_cannot_break_the_card(run_facts: Facts) -> None:
    hostile = "a|b\n# x <script>alert(1)</script> [x](http://x)"
    given = {"owner": hostile, "uses": ["# x", "- y"], "legal_basis": {"x|y": hostile}}
    answers = Answers.model_validate(given)
    card = render(dataclasses.replace(run_facts, answers=answers), "en")
    assert r"- **Owner**: a\|b # x \<script\>alert(1)\</script\> \[x\](http://x)" in card
    assert "  - \\# x\n  - \\- y\n" in card
    assert r"| x\|y | – | a\|b # x" in card


def test_values_of_the_data_cannot_break_the_card(folders: Any) -> None:
    table = folders.data("train")
    hostile = "a|b\n# x <script>alert(1)</script> [x](http://x) `y`"
    index = table.schema.get_field_index("source")
    folders.write_data("train", table.set_column(index, table.schema.field(index), [[hostile] * 16]))
    build(folders.run, folders.private)
    card = (folders.run / "README.md").read_text(encoding="utf-8")
    assert r"| a\|b # x \<script\>alert(1)\</script\> \[x\](http://x) \`y\` | 16 |" in card


def test_every_null_of_a_folder_is_told_with_its_reason(folder_facts: Facts) -> None:
    card = render(folder_facts, "zh")
    reasons = {key: code for key, code in folder_facts.metrics["unmeasured"].items() if key != "chat"}
    assert len(reasons) > 20
    for code in reasons.values():
        assert words("zh").name("unmeasured", code) in card
    assert "None" not in card
    assert "null" not in card


def test_many_sources_and_labels_do_not_make_a_wall(run_facts: Facts, changed: Callable[..., Facts]) -> None:
    values = {f"来源{place:03}": 200 - place for place in range(100)}
    others = {"values": 3, "records": 5}
    facts = changed(run_facts, "sources", values=values, others=others, missing=0)
    labels = {**facts.metrics["labels"]["letters"], "values": values, "others": others}
    facts = changed(facts, "labels", letters=labels)
    answers = Answers.model_validate({"legal_basis": {"来源099": "依据甲", "*": "依据乙"}})
    card = render(dataclasses.replace(facts, answers=answers), "zh")
    assert "| 来源019 | 181 | 依据乙 |" in card
    assert "| 来源099 | 101 | 依据甲 |" in card
    rest = sum(200 - place for place in range(20, 99)) + 5
    assert f"| 其他 82 个来源 | {rest:,} | 依据乙 |" in card
    assert f"| 其他 73 种 | {sum(200 - place for place in range(30, 100)) + 5:,} |" in card


def test_whatever_may_be_null_may_be_null(run_facts: Facts) -> None:
    """Every value that the schema lets be null is made null, one at a time."""
    nulls = 0
    for path in list(_paths(run_facts.metrics)):
        metrics = copy.deepcopy(dict(run_facts.metrics))
        inner = functools.reduce(operator.getitem, path[:-1], metrics)
        inner[path[-1]] = None
        try:
            Metrics.model_validate(metrics)
        except ValidationError:
            continue
        nulls += 1
        facts = dataclasses.replace(run_facts, metrics=metrics)
        assert "None" not in render(facts, "zh"), path
    assert nulls > 60


def test_without_a_version_before_no_change_is_told(run_facts: Facts) -> None:
    assert "| 记录 | 18 | 20 | +2 |" in render(run_facts, "zh")
    assert "上一版本" not in render(dataclasses.replace(run_facts, previous=None), "zh")


def test_no_name_stands_twice() -> None:
    from curation.strict import read_yaml

    groups = read_yaml(Path(cards.__file__).with_name("terms.yaml"))
    for group, codes in groups.items():
        for code, names in codes.items():
            assert set(names) == {"zh", "en"}, f"{group} {code}"


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_code_has_a_name(run_facts: Facts, folder_facts: Facts, lang: Any) -> None:
    said = words(lang)
    stages: tuple[str, ...] = (
        "other_kind",
        "review",
        "no_label",
        "unknown_label",
        "no_reply",
        "no_text",
        "no_title",
        "no_fields",
    )
    stages += ("empty_after_clean", "only_boilerplate", "semantic_duplicate", decontaminate.REASON)
    for reason in (*problem.PROBLEMS, *stages):
        assert said.term("reason", reason) != f"`{reason}`"
    for facts in (run_facts, folder_facts):
        for reason in facts.metrics["unmeasured"].values():
            assert said.name("unmeasured", reason) != f"`{reason}`"
        for name in ("documentation", "data", "application"):
            for code, each in facts.metrics["tc609"][name]["metrics"].items():
                group = "unmeasured" if each["score"] is None else "basis"
                assert said.name("tc609", code) != f"`{code}`"
                assert said.name(group, each["basis"]) != f"`{each['basis']}`"


def test_other_languages_are_refused(run_facts: Facts) -> None:
    with pytest.raises(UsageError, match="--lang fr"):
        render(run_facts, "fr")  # type: ignore[arg-type]


def test_run_loads_as_a_data_set_and_again_after_a_change(folders: Any, tmp_path: Path) -> None:
    from datasets import load_dataset

    for rows in (16, 11):
        folders.write_data("train", folders.data("train").slice(0, rows))
        build(folders.run, folders.private)
        loaded = load_dataset(str(folders.run), cache_dir=str(tmp_path / "cache"))
        sizes = {name: split.num_rows for name, split in loaded.items()}
        assert sizes == {"train": rows, "validation": 2, "test": 2}


def test_a_folder_of_save_to_disk_is_loaded_from_disk(
    folder_facts: Facts, changed: Callable[..., Facts]
) -> None:
    card = render(changed(folder_facts, "dataset", format="arrow"), "en")
    assert 'from datasets import load_from_disk\n\ndata = load_from_disk("path/of/this/folder")\n' in card
    assert "configs:" not in card


def _paths(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Of everything that is not null, without columns and files, which are all alike."""
    for key, inner in value.items() if isinstance(value, dict) else ():
        if inner is not None:
            yield (*path, key)
        if key not in ("columns", "files"):
            yield from _paths(inner, (*path, key))


@pytest.fixture
def changed() -> Callable[..., Facts]:
    """Facts with other values of one section of the metrics."""

    def change(facts: Facts, section: str, **values: Any) -> Facts:
        metrics = {**facts.metrics, section: {**facts.metrics[section], **values}}
        return dataclasses.replace(facts, metrics=metrics)

    return change


def _facts(name: str) -> Facts:
    held = json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))
    return Facts(held["metrics"], held["lock"])
