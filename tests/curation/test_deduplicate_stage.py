"""The stage: fates, variants and clusters of records."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import numpy as np
import pyarrow as pa
import pytest
from pydantic import ValidationError

from curation import records, stage
from curation.deduplicate import Deduplicate, DeduplicateParams
from curation.deduplicate.keep import Policy, moments, preferences
from curation.deduplicate.stage import record_texts

LETTER = "人民路与建设路交叉口的路灯已经损坏多日，夜间出行不便，请有关部门尽快安排人员维修，谢谢。"


def run(columns: dict[str, list[str | None]], **params: object) -> list[dict[str, object]]:
    table = records.table(columns)
    deduplicate = Deduplicate(DeduplicateParams(**params))  # type: ignore[arg-type]
    half = table.num_rows // 2
    keys = pa.concat_tables([deduplicate.keys(table.slice(0, half)), deduplicate.keys(table.slice(half))])
    ids = table["id"].to_pylist()

    def fetch(wanted: Sequence[str], names: Sequence[str]) -> pa.Table:
        return table.take([ids.index(each) for each in wanted]).select(["id", *names])

    after = stage.run_exchange(deduplicate, table, deduplicate.decide(keys, fetch))
    rows: list[dict[str, object]] = after.select(["id", *records.FATE.names, "cluster"]).to_pylist()
    return rows


def test_each_dropped_record_has_reason_reference_and_score() -> None:
    rows = run({"id": ["a", "b", "c", "d"], "text": [LETTER, LETTER, LETTER + "谢", "公园何时开放？"]})
    assert [row["fate"] for row in rows] == ["dropped", "dropped", None, None]
    assert [row["reason"] for row in rows] == ["near_duplicate", "near_duplicate", None, None]
    assert [row["ref_id"] for row in rows] == ["c", "c", None, None]
    assert [row["relation"] for row in rows] == ["duplicate_of", "duplicate_of", None, None]
    assert [row["cluster"] for row in rows] == ["c", "c", "c", "d"]
    grams = len(LETTER) - 4
    assert rows[0]["score"] == pytest.approx(grams / (grams + 1))


def test_variant_is_kept_and_names_the_other() -> None:
    rows = run({"id": ["a", "b"], "text": [LETTER + "第3次来信", LETTER + "第4次来信"]}, threshold=0.7)
    assert [row["fate"] for row in rows] == [None, None]
    assert [row["relation"] for row in rows] == [None, "variant_of"]
    assert rows[1]["ref_id"] == "a"
    assert rows[0]["cluster"] == rows[1]["cluster"] == "a"


def test_exact_method_leaves_near_duplicates() -> None:
    rows = run({"id": ["a", "b", "c"], "text": [LETTER, LETTER + "谢", LETTER]}, method="exact")
    assert [row["reason"] for row in rows] == [None, None, "exact_duplicate"]
    assert rows[2]["score"] == 1.0


def test_all_text_fields_are_compared() -> None:
    columns: dict[str, list[str | None]] = {
        "id": ["a", "b", "c"],
        "title": ["路灯", "路灯", None],
        "text": [LETTER, LETTER, LETTER],
        "reply": [
            "已于昨日派人到现场维修完毕，感谢来信。",
            "经核实该处路灯属小区物业管理，已转物业处理。",
            None,
        ],
    }
    assert [row["fate"] for row in run(columns)] == [None, None, None]
    assert record_texts(records.table({"id": ["a"], "title": ["题"], "text": [""], "reply": ["复"]})) == [
        "题\n复"
    ]


def test_newest_survives_where_asked() -> None:
    columns: dict[str, list[str | None]] = {
        "id": ["a", "b", "c"],
        "text": [LETTER] * 3,
        "original_time": ["2023-9-1", "2023年10月2日 8:00", None],
    }
    assert [row["fate"] for row in run(columns, keep=["newest"])] == ["dropped", None, "dropped"]


@pytest.mark.parametrize(
    ("keep", "order"),
    [
        (["longest"], [1, 2, 3, 0]),
        (["longest", "newest"], [2, 3, 1, 0]),
        (["newest"], [0, 2, 3, 1]),
        (["first"], [0, 1, 2, 3]),
        (["quality", "first"], [2, 0, 1, 3]),
        (["source_priority", "longest"], [3, 0, 1, 2]),
    ],
)
def test_policies_are_asked_in_turn(keep: list[Policy], order: list[int]) -> None:
    summary = pa.table(
        {
            "length": [5, 9, 9, 9],
            "moment": moments(["2024-01-01", "2023-01-01", "20230201", "2023-01-02 10:00:00"]),
            "quality": [0.5, 0.5, 0.9, None],
            "source": ["市政府", None, "论坛", "国务院"],
        }
    )
    asked = preferences(keep, summary, ["国务院", "市政府"])
    assert np.lexsort(asked[::-1]).tolist() == order


def test_what_the_policies_leave_open_does_not_hang_on_the_order() -> None:
    texts: list[str | None] = [LETTER, LETTER[:-1] + "！", LETTER, LETTER[:-1] + "？"]
    ids: list[str | None] = ["d", "c", "b", "a"]
    plain = {row["id"]: row for row in run({"id": ids, "text": texts}, threshold=0.7)}
    moved = {row["id"]: row for row in run({"id": ids[::-1], "text": texts[::-1]}, threshold=0.7)}
    assert plain == moved
    assert [row["fate"] for row in plain.values()].count(None) == 1


def test_the_quality_among_the_metrics_decides_where_asked() -> None:
    columns = {
        "id": ["a", "b", "c"],
        "text": [LETTER] * 3,
        "quality": [None, [{"metric": "quality", "value": 0.7}], [{"metric": "other", "value": 0.9}]],
    }
    assert [row["fate"] for row in run(columns, keep=["quality"])] == ["dropped", None, "dropped"]  # type: ignore[arg-type]


def test_source_priority_needs_its_list() -> None:
    columns: dict[str, list[str | None]] = {
        "id": ["a", "b"],
        "text": [LETTER] * 2,
        "source": ["论坛", "国务院"],
    }
    assert [
        row["fate"] for row in run(columns, keep=["source_priority"], source_priority=["国务院", "论坛"])
    ] == ["dropped", None]
    with pytest.raises(ValidationError, match="need each other"):
        DeduplicateParams(keep=["source_priority"])


def test_normalisations_are_named() -> None:
    texts: list[str | None] = [LETTER, " ".join(LETTER), LETTER.replace("，", ",")]
    columns: dict[str, list[str | None]] = {"id": ["a", "b", "c"], "text": texts}
    assert [row["fate"] for row in run(columns, method="exact")] == [None, None, None]
    fates = [row["fate"] for row in run(columns, method="exact", normalise=["nfkc", "whitespace"])]
    assert fates.count("dropped") == 2


def test_a_record_without_any_text_is_alone() -> None:
    rows = run({"id": ["a", "b", "c"], "text": [None, LETTER, None]})
    assert [row["fate"] for row in rows] == [None, None, None]


def test_no_record_is_no_trouble() -> None:
    assert run({"id": [], "text": []}) == []
    assert run({"id": [], "text": []}, method="exact") == []


@pytest.mark.parametrize("threshold", [0.8, 1.0])
def test_thousands_of_records(threshold: float) -> None:
    random = Random(2)
    texts: list[str | None] = [
        "".join(random.choices("请问社保医保户口公积金怎么办理", k=60)) for _ in range(1500)
    ]
    ids: list[str | None] = [str(number) for number in range(3000)]
    rows = run({"id": ids, "text": texts + texts}, threshold=threshold)
    assert [row["fate"] for row in rows] == [None] * 1500 + ["dropped"] * 1500


@pytest.mark.parametrize(
    "params",
    [{"threshold": 7}, {"threshold": 0}, {"veto": ["colour"]}, {"keep": []}, {"method": "fuzzy"}, {"x": 1}],
)
def test_impossible_options_are_refused(params: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        DeduplicateParams(**params)  # type: ignore[arg-type]
