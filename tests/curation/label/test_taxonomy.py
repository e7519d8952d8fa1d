from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from curation import shipped
from curation.errors import UsageError
from curation.label import taxonomy
from curation.samples import banks

MINIMAL: dict[str, Any] = {
    "schema": "taxonomy/1",
    "name": "mine",
    "title": {"zh": "试用", "en": "Trial"},
    "labels": [
        {
            "code": code,
            "name": {"zh": zh, "en": en},
            "definition": {"zh": "定义", "en": "definition"},
            "keywords": keywords,
        }
        for code, zh, en, keywords in (("a", "道路", "Road", ["路灯"]), ("b", "医院", "Hospital", ["挂号"]))
    ],
}


def write(path: Path, change: Callable[[dict[str, Any]], None]) -> str:
    data = copy.deepcopy(MINIMAL)
    change(data)
    path.write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8")
    return str(path)


@pytest.mark.parametrize("name", shipped.names("taxonomies"))
def test_shipped_taxonomies_say_what_every_label_means(name: str) -> None:
    loaded = taxonomy.load(name)
    assert loaded.name == name
    for label in loaded.leaves:
        assert len(label.keywords) >= 8
        assert label.examples


def test_the_letters_taxonomy_has_the_categories_of_the_samples() -> None:
    assert taxonomy.load("letters").values == tuple(banks.load("topics"))


def test_only_leaves_are_given_as_labels() -> None:
    scenarios = taxonomy.load("scenarios")
    assert len(scenarios.labels) == 17
    assert len(scenarios.values) == 13
    assert "智能分办" in scenarios.values
    assert "机关办公" not in scenarios.values


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: data["labels"][1].update(code="a"), "code a stands twice"),
        (lambda data: data["labels"][1]["name"].update(zh="道路"), "name 道路 stands twice"),
        (lambda data: data["labels"][1]["name"].update(en="Road"), "name Road stands twice"),
        (
            lambda data: data["labels"][1].update(keywords=["路灯"]),
            "keyword 路灯 stands under 道路 and 医院",
        ),
        (lambda data: data["labels"][1].update(keywords=["路 灯"]), "labels.1.keywords.0: "),
        (lambda data: data["labels"][1].update(parent="c"), "label b: unknown parent c"),
        (lambda data: data["labels"][1].update(parent="b"), "label b stands above itself"),
        (lambda data: data["labels"][1].update(keyword=[]), "unknown key; did you mean keywords?"),
        (lambda data: data.update(schema="taxonomy/2"), "schema: input should be 'taxonomy/1'"),
        (lambda data: data.update(name="input"), "input is the scheme"),
        (lambda data: data["labels"].pop(), "labels: "),
    ],
)
def test_a_fault_is_one_line_that_names_its_place(
    tmp_path: Path, change: Callable[[dict[str, Any]], None], message: str
) -> None:
    with pytest.raises(UsageError) as error:
        taxonomy.load(write(tmp_path / "mine.yaml", change))
    assert str(error.value).startswith("mine.yaml: ")
    assert message in str(error.value)
    assert "\n" not in str(error.value)
