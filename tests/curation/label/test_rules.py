from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.errors import UsageError
from curation.label import keywords, rules
from curation.label.taxonomy import Taxonomy


def taxonomy(*labels: dict[str, Any], **more: Any) -> Taxonomy:
    """Labels `a`, `b` ... where they have no name of their own."""
    return Taxonomy.model_validate(
        {
            "schema": "taxonomy/1",
            "name": "t",
            "title": {"zh": "试"},
            "labels": [
                {"code": code, "name": {"zh": label.get("called", code)}}
                | {key: value for key, value in label.items() if key != "called"}
                for code, label in zip("abcdefgh", labels, strict=False)
            ],
        }
        | more
    )


def votes(mine: Taxonomy, text: str, **columns: Any) -> list[int]:
    return keywords.votes(mine, [text], {name: [value] for name, value in columns.items()})[0].tolist()


def test_a_pattern_votes_once_for_its_label() -> None:
    mine = taxonomy({"patterns": [r"拖欠.{0,4}工资", r"欠薪"]}, {"keywords": ["公交"]})
    assert votes(mine, "拖欠三个月工资，又拖欠他的工资") == [1, 0]
    assert votes(mine, "欠薪，拖欠工资，公交") == [2, 1]
    assert votes(mine, "工资不拖欠") == [0, 0]


@pytest.mark.parametrize(
    ("condition", "value", "expected"),
    [
        ({"equals": "北区"}, "北区", 1),
        ({"equals": "北区"}, " 北区 ", 1),
        ({"equals": "北区"}, "北区二", 0),
        ({"equals": "12"}, 12, 1),
        ({"equals": "12"}, 12.0, 1),
        ({"equals": "北区"}, None, 0),
        ({"in": ["北区", "南区"]}, "南区", 1),
        ({"in": ["北区", "南区"]}, "东区", 0),
        ({"matches": "^北"}, "北区", 1),
        ({"matches": "^北"}, "东北", 0),
    ],
)
def test_a_condition_on_a_column_votes(condition: dict[str, Any], value: Any, expected: int) -> None:
    mine = taxonomy({"metadata": [{"field": "district", **condition}]}, {"keywords": ["公交"]})
    assert votes(mine, "公交", district=value) == [expected, 1]


def test_a_condition_on_a_column_that_is_not_there_abstains_and_is_told() -> None:
    mine = taxonomy({"metadata": [{"field": "district", "equals": "北区"}]}, {"keywords": ["公交"]})
    assert votes(mine, "公交") == [0, 1]
    assert rules.match(rules.of(mine), ["公交"]).missing == ("district",)


@pytest.mark.parametrize(
    "rule",
    [
        {"patterns": [{"regex": "校车", "against": True}]},
        {"metadata": [{"field": "kind", "equals": "咨询", "against": True}]},
    ],
)
def test_a_rule_against_a_label_takes_all_its_votes_and_no_others(rule: dict[str, Any]) -> None:
    mine = taxonomy({"keywords": ["公交", "站台"], **rule}, {"keywords": ["学校"]})
    assert votes(mine, "公交站台在学校", kind="投诉") == [2, 1]
    assert votes(mine, "公交站台在学校，有校车", kind="咨询") == [0, 1]


def test_what_is_cut_off_votes_above_and_a_keyword_said_twice_counts_once() -> None:
    labels: list[dict[str, Any]] = [
        {"keywords": ["物业"]},
        {"keywords": ["医院"]},
        {"parent": "a", "keywords": ["物业", "电梯"], "called": "x"},
        {"parent": "b", "patterns": ["挂.*号"], "called": "y"},
    ]
    assert votes(taxonomy(*labels, level=1), "物业不修电梯，医院挂不上号") == [2, 2]
    assert votes(taxonomy(*labels, level=2), "物业不修电梯，医院挂不上号") == [2, 1]


def test_names_below_the_cut_are_weak_keywords_unless_they_are_ambiguous() -> None:
    mine = taxonomy(
        {"called": "道路"},
        {"called": "医院", "keywords": ["门诊"]},
        {"called": "照明", "parent": "a"},
        {"called": "收费", "parent": "a"},
        {"called": "收费", "parent": "b"},
        {"called": "其他问题", "parent": "b"},
        {"called": "灯", "parent": "a"},
        {"called": "门诊", "parent": "a"},
        level=1,
    )
    names = {str(rule): rule.label for rule in rules.of(mine) if rule.kind == "names"}
    # 道路 has no rule of its own and is found by its name, 医院 has one; 门诊 is a keyword of another label.
    assert names == {"道路": 0, "照明": 0}


def test_a_text_on_which_an_expression_hangs_gets_no_vote_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "LIMIT", 0.05)
    mine = taxonomy({"patterns": [r"^(?:(?:a|aa)+)+$"]}, {"keywords": ["公交"]})
    all_rules = rules.of(mine)
    found = rules.match(all_rules, ["aaaa", "a" * 60 + "b", "公交"])
    assert list(zip(found.rows.tolist(), found.rules.tolist(), strict=True)) == [(0, 0), (2, 1)]
    assert found.slow == {0: 1}


def test_an_expression_that_hangs_on_many_texts_is_at_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "LIMIT", 0.01)
    monkeypatch.setattr(rules, "PATIENCE", 2)
    mine = taxonomy({"patterns": [r"^(?:(?:a|aa)+)+$"]}, {"keywords": ["公交"]})
    with pytest.raises(UsageError, match="label a: the regular expression") as error:
        keywords.votes(mine, ["a" * 60 + "b"] * 3)
    assert "aaaa" not in str(error.value)


TEXT = st.text("医院路生公交区 \n\0a\ud800😀<", max_size=12)
MINE = taxonomy(
    {"keywords": ["医院", "医生"], "patterns": ["路$"]},
    {"keywords": ["医院路", "公交"], "patterns": [{"regex": "a", "against": True}]},
    {"called": "社区", "keywords": ["区区"]},
)


@given(st.lists(TEXT, max_size=6))
def test_a_text_s_votes_do_not_depend_on_its_neighbours(texts: list[str]) -> None:
    assert keywords.votes(MINE, texts).tolist() == [votes(MINE, text) for text in texts]


@given(
    st.lists(st.text("abc", min_size=2, max_size=4), min_size=1, max_size=8, unique=True),
    st.text("abc", max_size=30),
)
def test_keywords_are_found_from_the_left_the_longest_first(words: list[str], text: str) -> None:
    mine = taxonomy({"keywords": words}, {"keywords": ["公交"]})
    expected, at = set(), 0
    while at < len(text):
        longest = max((word for word in words if text.startswith(word, at)), key=len, default="")
        expected |= {longest} - {""}
        at += len(longest) or 1
    all_rules = rules.of(mine)
    found = rules.match(all_rules, [text])
    assert {str(all_rules[rule]) for rule in found.rules} == expected
