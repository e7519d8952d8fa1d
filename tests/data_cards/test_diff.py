"""What changed between two versions: by record, by distribution, by figure; never a text."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from curation import Run, versions
from curation.versions import Version, column_digests, differences
from data_cards.diff import diff, divergence
from data_cards.diff_text import lines
from data_cards.outputs import build

Rows = list[dict[str, Any]]


def version(rows: Rows, schema: pa.Schema | None = None, *, has_id: bool = True) -> Version:
    """Rows with a split, as a version."""
    schema = schema or pa.schema([("id", pa.string()), ("text", pa.string())])
    table = pa.Table.from_pylist(rows, schema=pa.schema([*schema, ("split", pa.string())]))
    splits = sorted(set(table["split"].to_pylist()))

    def tables(columns: Any, split: str) -> list[pa.Table]:
        mask = [each == split for each in table["split"].to_pylist()]
        return [table.filter(pa.array(mask)).select(list(columns))]

    return Version(tuple(schema.names), tuple(splits), tables, "id" if has_id else None)


def row(identity: str, text: str | None, split: str = "train") -> dict[str, Any]:
    return {"id": identity, "text": text, "split": split}


def test_records_are_added_removed_changed_and_moved() -> None:
    old = version([row("a", "甲"), row("b", "乙"), row("c", "丙"), row("d", "丁")])
    new = version([row("d", "丁", "test"), row("b", "己"), row("a", "甲"), row("e", "戊"), row("f", None)])
    found = differences(old, new).to_pylist()
    assert [(each["id"], each["change"], each["columns"]) for each in found] == [
        ("b", "changed", ["text"]),
        ("c", "removed", []),
        ("d", "changed", ["split"]),
        ("e", "added", []),
        ("f", "added", []),
    ]
    assert [(each["split_old"], each["split_new"]) for each in found][1:4] == [
        ("train", None), ("train", "test"), (None, "train")
    ]  # fmt: skip


def test_without_ids_records_are_told_apart_by_content() -> None:
    schema = pa.schema([("text", pa.string())])
    old = version([row("", each) for each in "甲乙乙丙"], schema, has_id=False)
    new = version([row("", each) for each in "丙乙甲丁"], schema, has_id=False)
    found = differences(old, new).to_pylist()
    assert sorted((each["change"], each["id"]) for each in found) == [("added", "#4"), ("removed", "#3")]


def test_ids_that_repeat_are_no_ids() -> None:
    old, new = version([row("a", "甲"), row("a", "乙")]), version([row("a", "乙"), row("a", "甲")])
    assert differences(old, new).num_rows == 0


values = st.none() | st.text(max_size=3)
table_rows = st.dictionaries(st.text("abc", min_size=1, max_size=2), values, min_size=1, max_size=8)


@given(table_rows, table_rows)
def test_what_is_told_is_what_differs(old: dict[str, str | None], new: dict[str, str | None]) -> None:
    sides = [version([row(*item) for item in each.items()]) for each in (old, new)]
    told = {each["id"]: each["change"] for each in differences(sides[0], sides[1]).to_pylist()}
    assert told == {
        name: "changed" if name in old and name in new else "added" if name in new else "removed"
        for name in {*old, *new}
        if name not in old or name not in new or old[name] != new[name]
    }


item = {"v": values, "n": st.none() | st.integers(-2, 2), "x": st.none() | st.sampled_from([0.5, 1.0])}
nested = st.lists(st.fixed_dictionaries(item), max_size=3)


@given(st.lists(st.none() | nested, min_size=1, max_size=8))
def test_equal_nested_values_have_equal_digests_and_others_have_not(said: list[Any]) -> None:
    kind = pa.list_(pa.struct([("v", pa.string()), ("n", pa.int64()), ("x", pa.float64())]))
    digests = column_digests(pa.array([None, *said, *said], kind))[1:]
    for one, left in enumerate([*said, *said]):
        for other, right in enumerate([*said, *said]):
            assert (digests[one] == digests[other]) == (left == right)


@given(arrays.arrays(np.int64, st.integers(1, 9), elements=st.integers(0, 50)), st.data())
def test_divergence_is_symmetric_and_between_0_and_1(counts: Any, data: Any) -> None:
    other = data.draw(arrays.arrays(np.int64, len(counts), elements=st.integers(0, 50)))
    p, q = ({str(at): float(n / (each.sum() or 1)) for at, n in enumerate(each)} for each in (counts, other))
    assert divergence(p, q) == pytest.approx(divergence(q, p))
    assert 0 <= divergence(p, q) <= 1
    assert divergence(p, p) == 0


def test_divergence_of_nothing_in_common_is_1() -> None:
    assert divergence({"a": 1.0}, {"b": 1.0}) == 1
    assert divergence({"a": 0.5, "b": 0.5}, {"a": 1.0}) == pytest.approx(0.311278)


@pytest.fixture
def two(folders: Any, tmp_path: Path) -> tuple[Path, Path]:
    """A run and its next version: a record less, a text and two labels changed, one moved."""
    old = tmp_path / "old"
    build(folders.run, folders.private)
    shutil.copytree(folders.run, old)
    shutil.copytree(folders.private, tmp_path / "old.private")
    rows = {split: folders.data(split).to_pylist() for split in ("train", "validation", "test")}
    schema = folders.data("train").schema
    rows["train"].pop(0)
    rows["train"][0]["text"] = "停水三天了，无人处理。"
    for place in (1, 2):
        rows["train"][place]["labels"][0]["value"] = "交通运输"
    rows["test"].append(rows["validation"].pop() | {"split": "test"})
    for split, each in rows.items():
        folders.write_data(split, pa.Table.from_pylist(each, schema=schema))
    ledger = folders.ledger().to_pylist()
    ledger[0] |= {"fate": "dropped", "stage": "screen", "reason": "secrecy_mark"}
    folders.write_ledger(pa.Table.from_pylist(ledger, schema=folders.ledger().schema))
    lock = folders.lock()
    lock["records"] |= {"kept": 19, "dropped": 10}
    folders.write_lock(lock)
    build(folders.run, folders.private)
    return old, folders.run


def test_two_runs(two: tuple[Path, Path]) -> None:
    found = diff(*two)
    records = found.records
    assert (records.old, records.new, records.added, records.removed, records.changed) == (20, 19, 0, 1, 4)
    assert records.by_column == {"labels": 2, "split": 1, "text": 1}
    assert records.moves == [("validation", "test", 1)]
    assert found.labels == {"letters": [("城乡建设", "交通运输", 2)]}
    shift = next(each for each in found.shifts if each.key == "splits")
    assert [shift.old["test"], shift.new["test"]] == pytest.approx([2 / 20, 3 / 19])
    assert {each.key: (each.old, each.new) for each in found.figures}["records.kept"] == (20, 19)
    assert {each.key for each in found.personal_data} >= {"pii.residual.rescan.records"}


def test_nothing_differs_from_itself(two: tuple[Path, Path]) -> None:
    found = diff(two[0], two[0])
    assert (found.records.added, found.records.removed, found.records.changed) == (0, 0, 0)
    assert found.figures == found.personal_data == []
    assert not any(shift.divergence for shift in found.shifts)


@pytest.mark.parametrize(
    "lang, said", [("zh", "新增 0，删除 1，修改 4，未变 15"), ("en", "0 added, 1 removed, 4 changed")]
)
def test_the_command_in_both_languages(
    two: tuple[Path, Path], govtune: Callable[..., Any], lang: str, said: str
) -> None:
    result = govtune("card", "diff", *two, "--lang", lang)
    assert result.code == 0
    assert said in result.out and len(result.out.splitlines()) <= 40
    assert "停水三天" not in result.out


def test_json_tells_it_all_but_no_text(two: tuple[Path, Path], govtune: Callable[..., Any]) -> None:
    out = govtune("card", "diff", *two, "--json").out
    assert json.loads(out)["records"]["removed"] == 1
    assert "停水三天" not in out


def test_a_published_copy_is_compared_with_a_folder_that_is_no_run(
    two: tuple[Path, Path], tmp_path: Path
) -> None:
    rows = [{"id": "k01", "text": "新的", "category": "甲"}, {"id": "z", "text": "别的", "category": "乙"}]
    plain = tmp_path / "plain"
    plain.mkdir()
    text = "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in rows)
    (plain / "train.jsonl").write_text(text, encoding="utf-8")
    shutil.rmtree(two[0].with_name("old.private"))
    found = diff(two[0], plain)
    assert (found.records.added, found.records.removed, found.records.changed) == (1, 19, 1)
    assert "category" in found.columns_added and "reply" in found.columns_removed


def test_two_folders_without_ids(tmp_path: Path) -> None:
    for name, texts in (("one", "甲乙丙"), ("two", "乙丙丁戊")):
        (tmp_path / name).mkdir()
        text = "".join(json.dumps({"text": each}, ensure_ascii=False) + "\n" for each in texts)
        (tmp_path / name / "train.jsonl").write_text(text, encoding="utf-8")
    found = diff(tmp_path / "one", tmp_path / "two")
    assert (found.records.added, found.records.removed, found.records.by_id) == (2, 1, False)
    assert any("没有编号" in line for line in lines(found, "zh"))


def test_runs_are_compared_for_notebooks(two: tuple[Path, Path]) -> None:
    found = versions.compare(Run(two[0]), Run(two[1]), ["text"])
    assert found.schema == versions.SCHEMA
    assert sorted(found["change"].to_pylist()) == ["changed", "removed"]
