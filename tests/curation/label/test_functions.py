from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.errors import InputError, UsageError
from curation.label import ABSTAIN, functions, keywords, labelling_function, taxonomy
from curation.label.functions import LabellingFunction
from curation.label.taxonomy import Taxonomy

LETTERS = taxonomy.load("letters")
BUS = LETTERS.values.index("交通运输")


def asked(
    call: Callable[[functions.Record], object], *records: dict[str, Any], label: str | None = None
) -> Any:
    """What one function says of records."""
    made = labelling_function(label=label)(call)
    return functions.apply([made], LETTERS, records, file="f.csv", numbers=range(2, 99)).matrix[:, 0].tolist()


def test_a_function_returns_a_label_or_abstains() -> None:
    said = asked(lambda record: "交通运输" if record["n"] > 1 else ABSTAIN, {"n": 1}, {"n": 2})
    assert said == [-1, BUS]


def test_a_function_declared_for_a_label_answers_yes_or_no() -> None:
    records = [{"text": "公交晚点"}, {"text": "物业"}]
    assert asked(lambda record: "公交" in record["text"], *records, label="交通运输") == [BUS, -1]
    assert asked(lambda record: record["text"].count("公交"), *records, label="交通运输") == [BUS, -1]
    assert asked(lambda record: None, *records, label="交通运输") == [-1, -1]
    assert asked(lambda record: "交通运输", *records, label="交通运输") == [BUS, BUS]


def test_the_decorator_keeps_the_name_or_takes_another() -> None:
    @labelling_function(label="交通运输")
    def bus(record: functions.Record) -> bool:
        return "公交" in record["text"]

    assert isinstance(bus, LabellingFunction)
    assert (bus.name, bus.label) == ("bus", "交通运输")
    assert labelling_function(name="lorry")(bus.call).name == "lorry"


@pytest.mark.parametrize(
    ("call", "label", "message"),
    [
        (lambda record: record["missing"], None, "failed: KeyError in test_functions.py, line "),
        (lambda record: int(record["text"]), None, "failed: ValueError in test_functions.py, line "),
        (lambda record: record["text"], None, "returned what is no label of letters; valid are 城乡建设, "),
        (lambda record: "交通运输局", None, "returned what is no label of letters; did you mean 交通运输?"),
        (lambda record: True, None, "returned a value of type bool, which is no label of letters"),
        (lambda record: "卫生计生", "交通运输", "returned another label than 交通运输"),
    ],
)
def test_a_faulty_answer_names_function_file_and_row_but_never_the_text(
    call: Callable[[functions.Record], object], label: str | None, message: str
) -> None:
    with pytest.raises(InputError) as error:
        asked(call, {"text": "李四的秘密"}, label=label)
    assert str(error.value).startswith("f.csv, row 2: labelling function <lambda> " + message)
    assert "李四" not in str(error.value)


def write(path: Path, *lines: str) -> Path:
    head = "from curation.label import ABSTAIN, labelling_function"
    path.write_text("\n".join((head, *lines)), encoding="utf-8")
    return path


MINE = ("@labelling_function(label='交通运输')", "def bus(record): return '公交' in record['text']")


def test_a_file_s_functions_come_in_their_order(tmp_path: Path) -> None:
    path = write(
        tmp_path / "f.py",
        "import math",
        "def helper(record): return math.inf",
        *MINE,
        "@labelling_function(name='long letters')",
        "def long(record): return '城乡建设' if len(record['text']) > helper(record) else ABSTAIN",
        "again = bus",
    )
    assert [each.name for each in functions.load_functions(path, LETTERS)] == ["bus", "long letters"]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ((), "f.py: no function marked with @labelling_function(...)"),
        (("def f(:",), "f.py, line 2: not valid Python: "),
        (("1 / 0",), "f.py: cannot be run: ZeroDivisionError in f.py, line 2"),
        (
            ("@labelling_function", "def f(record): return None"),
            "f.py: cannot be run: TypeError in f.py, line 2",
        ),
        ((*MINE, "one = labelling_function(name='bus')(len)"), "f.py: labelling function bus stands twice"),
        (
            ("@labelling_function(label='交通')", "def f(record): return True"),
            "f.py: labelling function f: no label 交通 in letters; did you mean 交通运输?",
        ),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_in_one_line(
    lines: tuple[str, ...], message: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError) as error:
        functions.load_functions(write(tmp_path / "f.py", *lines), LETTERS)
    assert str(error.value).startswith(message)
    with pytest.raises(UsageError, match="no such file"):
        functions.load_functions(tmp_path / "none.py", LETTERS)


def rules(*labels: dict[str, Any]) -> Taxonomy:
    given = [
        {"code": code, "name": {"zh": code}, **label} for code, label in zip("abc", labels, strict=False)
    ]
    return Taxonomy.model_validate(
        {"schema": "taxonomy/1", "name": "t", "title": {"zh": "试"}, "labels": given}
    )


def test_a_label_s_rules_of_one_kind_are_one_function_or_each_its_own() -> None:
    mine = rules(
        {"keywords": ["公交", "地铁"], "patterns": [{"regex": "校车", "against": True}]},
        {"keywords": ["学校"], "metadata": [{"field": "kind", "equals": "咨询"}]},
    )
    records = [
        {"text": "公交和地铁", "kind": "投诉"},
        {"title": "地铁", "text": None, "kind": "咨询"},
        {"text": "学校的公交不是校车", "kind": "投诉"},
        {"text": "", "kind": "投诉"},
    ]
    grouped = functions.apply(functions.from_taxonomy(mine), mine, records)
    assert grouped.names == ("a keywords", "b keywords", "b metadata")
    assert grouped.matrix.tolist() == [[0, -1, -1], [0, -1, 1], [-1, 1, -1], [-1, -1, -1]]
    each = functions.apply(functions.from_taxonomy(mine, each_rule=True), mine, records)
    assert each.names == ("a keywords 公交", "a keywords 地铁", "b keywords 学校", "b metadata kind = 咨询")
    assert each.matrix.tolist() == [[0, 0, -1, -1], [-1, 0, -1, 1], [-1, -1, 1, -1], [-1, -1, -1, -1]]


def test_people_s_functions_and_rules_are_asked_in_the_order_they_are_given() -> None:
    mine = rules({"keywords": ["公交"]}, {"keywords": ["学校"]})
    own = labelling_function(name="own")(lambda record: "b")
    first, second = functions.from_taxonomy(mine)
    told = functions.apply([second, own, first], mine, [{"text": "公交"}])
    assert told.names == ("b keywords", "own", "a keywords")
    assert told.matrix.tolist() == [[-1, 1, 0]]


def test_without_functions_or_records_nobody_votes() -> None:
    assert functions.apply([], LETTERS, [{"text": "公交"}]).matrix.shape == (1, 0)
    assert functions.apply(functions.from_taxonomy(LETTERS), LETTERS, []).matrix.shape[0] == 0


@given(st.lists(st.text("医院路公交站学校\ud800\0 <", max_size=10), max_size=5))
def test_single_rules_vote_as_often_as_the_counts_say(texts: list[str]) -> None:
    each = functions.from_taxonomy(LETTERS, each_rule=True)
    matrix = functions.apply(each, LETTERS, [{"text": text} for text in texts]).matrix
    counts = keywords.votes(LETTERS, texts)
    for label in range(len(LETTERS.values)):
        assert (matrix == label).sum(axis=1).tolist() == counts[:, label].tolist()
