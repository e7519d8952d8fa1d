from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from curation import shipped
from curation.errors import UsageError
from curation.label import keywords, taxonomy
from curation.label.taxonomy import Label
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
    assert all(label.name.en and (label.definition and label.definition.en) for label in loaded.labels)
    for label in loaded.leaves:
        assert label.keywords
        assert label.examples or loaded.name == "safety_risks"


def test_the_letters_taxonomy_has_the_categories_of_the_samples() -> None:
    assert taxonomy.load("letters").values == tuple(banks.load("topics"))


def test_letters_have_a_second_level_that_can_be_given_too() -> None:
    letters = taxonomy.load("letters", level=2)
    assert len(letters.leaves) >= 60
    assert all(len(letters.lines[label.code]) == 2 for label in letters.leaves)
    assert all(label.keywords for label in letters.leaves)
    assert {label.parent for label in letters.leaves} == {
        label.code for label in taxonomy.load("letters").leaves
    }


@pytest.mark.parametrize(("name", "count"), [("document_types", 15), ("safety_risks", 31)])
def test_official_lists_are_complete(name: str, count: int) -> None:
    assert len(taxonomy.load(name).values) == count


@pytest.mark.parametrize("label", taxonomy.load("document_types").leaves, ids=lambda label: label.code)
def test_a_document_s_type_is_told_by_its_title(label: Label) -> None:
    types = taxonomy.load("document_types")
    told = keywords.winner(keywords.votes(types, [f"{title}\n{title}\n正文" for title in label.examples]))
    assert [types.leaves[at] for at in told.label] == [label] * len(label.examples)


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


TREE: dict[str, Any] = {
    "schema": "taxonomy/1",
    "name": "tree",
    "title": {"zh": "树"},
    "labels": [
        {"code": code, "name": {"zh": name}, **({"parent": code[:-1]} if code[1:] else {})}
        for code, name in {
            "1": "道路", "11": "路灯", "12": "其他", "2": "医院", "21": "挂号", "211": "网上挂号",
            "22": "其他",
        }.items()
    ],
}  # fmt: skip


def save(path: Path, data: dict[str, Any]) -> str:
    path.write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8")
    return str(path)


@pytest.mark.parametrize(
    ("level", "values"),
    [
        (None, ("路灯", "道路/其他", "网上挂号", "医院/其他")),
        (1, ("道路", "医院")),
        (2, ("路灯", "道路/其他", "挂号", "医院/其他")),
        (3, ("路灯", "道路/其他", "网上挂号", "医院/其他")),
    ],
)
def test_the_level_says_which_labels_are_given_and_equal_names_become_paths(
    level: int | None, values: tuple[str, ...], tmp_path: Path
) -> None:
    path = save(tmp_path / "tree.yaml", TREE)
    assert taxonomy.load(path, level).values == values
    if level:
        assert taxonomy.load(save(tmp_path / "own.yaml", TREE | {"level": level})).values == values


def test_what_is_cut_off_votes_for_the_label_above(tmp_path: Path) -> None:
    tree = taxonomy.load(save(tmp_path / "tree.yaml", TREE), 1)
    assert [[label.code for label in voters] for voters in tree.voters] == [
        ["1", "11", "12"],
        ["2", "21", "211", "22"],
    ]


def test_a_name_without_a_translation_is_told_in_chinese(tmp_path: Path) -> None:
    mine = taxonomy.load(write(tmp_path / "mine.yaml", lambda data: data["labels"][0]["name"].pop("en")))
    assert [label.name.in_("en") for label in mine.leaves] == ["道路", "Hospital"]
    assert [label.name.in_("zh") for label in mine.leaves] == ["道路", "医院"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"level": 4}, "level 4: the tree has 3 levels"),
        ({"level": 0}, "level: "),
        ({"labels": []}, "labels: fewer than two can be given"),
        ({"labels": TREE["labels"][:2]}, "labels: fewer than two can be given"),
        (
            {"labels": [*TREE["labels"], {"code": "3", "name": {"zh": "道路/其他"}}]},
            "name 道路/其他 stands twice",
        ),
        (
            {"labels": [*TREE["labels"], {"code": "13", "parent": "1", "name": {"zh": "路灯"}}]},
            "name 路灯 stands",
        ),
    ],
)
def test_a_tree_s_fault_is_one_line(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as error:
        taxonomy.load(save(tmp_path / "tree.yaml", TREE | changes))
    assert str(error.value).startswith(f"tree.yaml: {message}")


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"patterns": ["(路"]}, "labels.0.patterns.0.regex: not a regular expression: "),
        ({"patterns": ["路?"]}, "labels.0.patterns.0.regex: matches a text without a character"),
        ({"patterns": [{"regex": "路", "agains": True}]}, "agains: unknown key; did you mean against?"),
        ({"metadata": [{"field": "area"}]}, "labels.0.metadata.0: give one of equals, in, matches"),
        ({"metadata": [{"field": "area", "equals": "a", "in": ["b"]}]}, "give one of equals, in, matches"),
        ({"metadata": [{"field": "area", "matches": "[a"}]}, "labels.0.metadata.0.matches: not a regular"),
    ],
)
def test_a_faulty_rule_is_refused(rule: dict[str, Any], message: str, tmp_path: Path) -> None:
    (fault,) = taxonomy.faults(Path(write(tmp_path / "m.yaml", lambda data: data["labels"][0].update(rule))))
    assert message in fault


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    def change(data: dict[str, Any]) -> None:
        data["labels"][0].update(parent="z", code="x")
        data["labels"][1].update(parent="y", code="x")

    path = Path(write(tmp_path / "m.yaml", change))
    assert taxonomy.faults(path) == ["code x stands twice", "label x: unknown parent y"]
    with pytest.raises(
        UsageError, match=r"m\.yaml: code x stands twice \(1 more: govtune recipes validate\)"
    ):
        taxonomy.load(str(path))


def test_a_keyword_may_stand_again_under_the_label_above_but_nowhere_else(tmp_path: Path) -> None:
    def with_keyword(*codes: str) -> Path:
        labels = [
            label | ({"keywords": ["灯杆"]} if label["code"] in codes else {}) for label in TREE["labels"]
        ]
        return Path(save(tmp_path / "tree.yaml", TREE | {"labels": labels}))

    assert not taxonomy.faults(with_keyword("1", "11"))
    assert taxonomy.faults(with_keyword("11", "12")) == [
        "keyword 灯杆 stands under 路灯 and 其他; it can vote for one label only"
    ]


def extension(path: Path, base: str, *labels: dict[str, Any], **more: Any) -> str:
    own = {"schema": "taxonomy/1", "name": path.stem, "title": {"zh": "本市场景"}, "extends": base}
    return save(path, own | {"labels": list(labels)} | more)


LOCAL = {"code": "1.local", "parent": "1", "name": {"zh": "窗口叫号", "en": "Queueing"}, "keywords": ["叫号"]}


def test_a_local_office_adds_scenarios_of_its_own_to_those_that_ship(tmp_path: Path) -> None:
    path = extension(tmp_path / "city.yaml", "scenarios", LOCAL)
    city = taxonomy.load(path)
    assert city.name == "city"
    assert city.values == (*taxonomy.load("scenarios").values, "窗口叫号")
    assert taxonomy.files(path) == (tmp_path / "city.yaml", shipped.find("taxonomies", "scenarios"))
    below = extension(
        tmp_path / "county.yaml",
        "city.yaml",
        LOCAL | {"code": "1.county", "name": {"zh": "预约"}, "keywords": ["预约"]},
    )
    assert taxonomy.load(below).values == (*city.values, "预约")
    refined = extension(tmp_path / "fine.yaml", "scenarios", LOCAL | {"parent": "1.1"})
    assert taxonomy.load(refined).values == taxonomy.load("scenarios").values  # cut at the level of the base


@pytest.mark.parametrize(
    ("labels", "base", "message"),
    [
        ([LOCAL | {"parent": None}], "scenarios", "label 1.local: has no parent"),
        ([LOCAL | {"parent": "9"}], "scenarios", "label 1.local: unknown parent 9"),
        ([LOCAL | {"code": "1.1"}], "scenarios", "code 1.1 stands twice"),
        (
            [LOCAL | {"keywords": ["智能问答"]}],
            "scenarios",
            "keyword 智能问答 stands under 智能问答 and 窗口叫号",
        ),
        ([LOCAL | {"keyword": []}], "scenarios", "labels.0.keyword: unknown key; did you mean keywords?"),
        ([LOCAL], "scenario", "extends: scenario: neither a YAML file nor shipped; did you mean scenarios?"),
        ([LOCAL], "city.yaml", "extends itself"),
    ],
)
def test_a_faulty_extension_is_refused_in_one_line(
    labels: list[dict[str, Any]], base: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError) as error:
        taxonomy.load(extension(tmp_path / "city.yaml", base, *labels))
    assert str(error.value).startswith("city.yaml: ")
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_the_digest_follows_what_is_said_wherever_it_stands(tmp_path: Path) -> None:
    base = Path(save(tmp_path / "base.yaml", TREE))
    path = extension(tmp_path / "mine.yaml", "base.yaml", LOCAL)
    before = taxonomy.load(path).digest
    base.write_text("# a comment\n" + base.read_text(encoding="utf-8"), encoding="utf-8")
    assert taxonomy.load(path).digest == before
    assert taxonomy.load(path, 1).digest != before
    base.write_text(base.read_text(encoding="utf-8").replace("路灯", "灯杆"), encoding="utf-8")
    assert taxonomy.load(path).digest != before
