"""Words, Markdown and the Hub's front matter, which data cards and model cards share."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.errors import UsageError
from curation.writing.hub import card_faults, faults, license_keys, lists, size_category
from curation.writing.markdown import cell, code, number, share, table
from curation.writing.words import Words

TERMS = {"reason": {"no_text": {"zh": "正文为空", "en": "No text"}}}


def test_unknown_codes_are_shown_as_they_are() -> None:
    words = Words("zh", TERMS)
    assert words.term("reason", "no_text") == "正文为空 `no_text`"
    assert words.name("reason", "no_text") == "正文为空"
    assert words.term("reason", "quite_new") == "`quite_new`"
    assert words.name("no_group", "no_text") == "`no_text`"


def test_a_language_says_its_own() -> None:
    assert [Words(lang).say("一", "one") for lang in ("zh", "en")] == ["一", "one"]
    assert [Words(lang).join("ab") for lang in ("zh", "en")] == ["a、b", "a, b"]
    assert [Words(lang).number(None) for lang in ("zh", "en")] == ["未测量", "not measured"]
    with pytest.raises(UsageError, match="--lang fr: valid are zh, en"):
        Words("fr")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (None, "–"),
        (0, "0"),
        (1_234_567, "1,234,567"),
        (23.25, "23.25"),
        (8.0, "8"),
        (0.0002, "0.0002"),
        (1_234.5, "1,234"),
        (1_234_567.8, "1,234,568"),
    ],
)
def test_numbers(value: float | None, told: str) -> None:
    assert number(value) == told


def test_shares() -> None:
    assert (share(1, 3), share(0, 0)) == ("33.3%", "–")


def test_columns_of_numbers_stand_on_the_right() -> None:
    rows = [["2024", "1,200", "3.5%", "-2", "12 lost"], ["b", "–", "–", "+3", ""]]
    assert table(["step", "left", "share", "more", "why"], rows)[1] == "| --- | ---: | ---: | ---: | --- |"


@given(st.text())
def test_no_text_breaks_a_cell(text: str) -> None:
    told = cell(text)
    assert "\n" not in told
    bare = told.replace("\\\\", "")
    for mark in "|<>[]`*_$~":
        assert bare.count(mark) == bare.count("\\" + mark)


@given(st.text())
def test_no_text_breaks_a_code(text: str) -> None:
    told = code(text)
    assert told == "–" or (told.count("`") == 2 and "|" not in told and "\n" not in told)


@pytest.mark.parametrize(
    ("records", "category"),
    [
        (0, "n<1K"),
        (999, "n<1K"),
        (1_000, "1K<n<10K"),
        (123_456, "100K<n<1M"),
        (10_000_000, "10M<n<100M"),
        (10**9, "1B<n<10B"),
        (10**13, "n>1T"),
    ],
)
def test_size_category_is_the_hub_s_bucket(records: int, category: str) -> None:
    assert size_category(records) == category


@pytest.mark.parametrize(
    ("front", "fault"),
    [
        ({"license": "mitt"}, "license: the Hub does not know mitt; did you mean mit?"),
        ({"license": "other"}, "license: other, so license_name must say which"),
        ({"license": 3}, "license: must be text (in quotes where YAML takes it for something else)"),
        ({"language": [False]}, "language: must be text (in quotes where YAML takes it for something else)"),
        ({"language": "xx"}, "language: the Hub does not know xx; ISO 639-1 codes are valid, such as zh"),
        ({"size_categories": ["huge"]}, "size_categories: the Hub does not know huge"),
        (
            {"task_categories": ["text-clasification"]},
            "task_categories: the Hub does not know text-clasification; did you mean text-classification?",
        ),
        (
            {"task_categories": ["text-generation"], "task_ids": ["extractive-qa"]},
            "task_ids: extractive-qa is no subtask of text-generation",
        ),
        ({"annotations_creators": ["people"]}, "annotations_creators: the Hub does not know people"),
        ({"pipeline_tag": "chat"}, "pipeline_tag: the Hub does not know chat"),
        ({"pretty_name": ""}, "pretty_name: must be text"),
        ({"tags": [1]}, "tags: must be text, or a list of texts"),
        ({"configs": {}}, "configs: must be a list of {config_name, data_files: [{split, path}]}"),
        (
            {"configs": [{"config_name": "a", "data_files": [{"split": "train"}]}]},
            "configs: each of data_files needs split and path",
        ),
        (
            {"model-index": [{"name": "a"}]},
            "model-index: must be a list of {name, results: [{task, dataset, metrics}]}",
        ),
        (
            {
                "model-index": [
                    {
                        "name": "a",
                        "results": [
                            {
                                "task": {"type": "text-generation"},
                                "dataset": {"type": "b", "name": "b"},
                                "metrics": [{"type": "f1"}],
                            }
                        ],
                    }
                ]
            },
            "model-index: each of metrics needs type and value",
        ),
    ],
)
def test_a_fault_of_the_front_matter_is_one_line(front: Any, fault: str) -> None:
    assert list(faults(front)) == [fault]


def test_a_good_front_matter_has_no_fault() -> None:
    front = {
        "language": ["zh", "no"],
        "license": ["mit", "other"],
        "license_name": "政务数据开放协议",
        "size_categories": ["1K<n<10K"],
        "task_categories": ["text-classification"],
        "task_ids": ["topic-classification"],
        "annotations_creators": ["expert-generated"],
        "configs": [{"config_name": "default", "data_files": [{"split": "train", "path": "a.jsonl"}]}],
        "something_else": {"the Hub": "does not know"},
    }
    assert list(faults(front)) == []


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("# A card", "no front matter between two lines of ---"),
        ("---\na: [\n---\n", "the front matter is not valid YAML"),
        ("---\n- a\n---\n", "the front matter is not a mapping"),
        ("---\nlicense: mitt\n---\n", "license: the Hub does not know mitt; did you mean mit?"),
    ],
)
def test_faults_of_a_whole_card(text: str, fault: str) -> None:
    assert card_faults(text) == [fault]


def test_licences_outside_the_list_are_named() -> None:
    assert license_keys(["MIT"], missing=False) == {"license": "mit"}
    assert license_keys([], missing=False) == {"license": "unknown"}
    keys = license_keys(["甲协议", "mit", "乙协议"], missing=True)
    assert keys == {"license": ["mit", "other", "unknown"], "license_name": "乙协议, 甲协议"}
    assert list(faults(keys)) == []


def test_the_lists_are_those_of_what_is_installed() -> None:
    import datasets.utils.resources as shipped

    held = {
        name: json.loads(resources.files(shipped).joinpath(f"{name}.json").read_text(encoding="utf-8"))
        for name in ("creators", "languages", "multilingualities", "size_categories")
    }
    known = lists()
    assert set(known["languages"]) == {each for each in held["languages"] if len(each) == 2}
    assert known["size_categories"] == held["size_categories"]
    assert set(known["annotations_creators"]) == set(held["creators"]["annotations"])
    assert set(known["language_creators"]) == set(held["creators"]["language"])
    assert set(known["multilinguality"]) == set(held["multilingualities"])


def test_every_task_of_the_installed_hub_library_is_known() -> None:
    import huggingface_hub.inference._generated.types as types

    files = {path.stem for path in Path(types.__path__[0]).glob("*.py")} - {
        "__init__",
        "base",
        "chat_completion",
    }
    assert len(files) > 20
    assert {name.replace("_", "-") for name in files} <= set(lists()["tasks"])
