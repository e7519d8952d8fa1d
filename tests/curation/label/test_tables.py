from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from curation.errors import InputError, UsageError
from curation.ingest.tables import Rows, write_rows
from curation.label import taxonomy
from curation.label.tables import import_table

LEVELS = ("一级分类", "二级分类", "三级分类")


def tree() -> list[tuple[str, ...]]:
    """517 paths on three levels; many leaves are called 其他."""
    return [
        (f"大类{number // 35}", f"中类{number // 5}", "其他" if number % 5 == 4 else f"小类{number}")
        for number in range(517)
    ]


def write(path: Path, paths: list[tuple[str, ...]], columns: tuple[str, ...] = LEVELS) -> Path:
    write_rows(path, Rows(columns, [dict(zip(columns, each, strict=True)) for each in paths]))
    return path


@pytest.mark.parametrize("name", ["tree.xlsx", "tree.csv", "tree.jsonl", "tree.parquet"])
def test_a_table_of_517_labels_becomes_a_taxonomy(name: str, tmp_path: Path) -> None:
    paths = tree()
    made = import_table(write(tmp_path / name, paths), tmp_path / "mine.yaml").taxonomy
    assert made == taxonomy.load(str(tmp_path / "mine.yaml"))
    assert made.name == "mine"
    assert [made.path(label.code) for label in made.leaves] == ["/".join(each) for each in paths]
    assert len(set(made.values)) == 517
    assert made.values[3:5] == ("小类3", "大类0/中类0/其他")
    assert len(taxonomy.load(str(tmp_path / "mine.yaml"), 1).values) == 15


def test_codes_are_positions_as_wide_as_their_level_needs(tmp_path: Path) -> None:
    rows = [("甲", f"子{number}", "") for number in range(101)] + [("乙", "丙", "丁")]
    made = import_table(write(tmp_path / "t.csv", rows), tmp_path / "t.yaml").taxonomy
    codes = [label.code for label in made.labels]
    assert codes[:3] == ["01", "01001", "01002"]
    assert codes[-3:] == ["02", "02001", "0200101"]


def test_empty_cells_below_a_merged_one_are_filled_and_a_row_may_end_early(tmp_path: Path) -> None:
    rows = [("甲", "乙", "丙"), ("", "", "丁"), ("", "戊", ""), ("己", "", "")]
    made = import_table(write(tmp_path / "t.xlsx", rows), tmp_path / "t.yaml").taxonomy
    assert [made.path(label.code) for label in made.leaves] == ["甲/乙/丙", "甲/乙/丁", "甲/戊", "己"]


@pytest.mark.parametrize(
    "columns", [("l1", "l2", "l3"), ("Level 1", "Level 2", "Level 3"), ("1级类目", "2级类目", "3级类目")]
)
def test_levels_are_known_by_their_headers(columns: tuple[str, ...], tmp_path: Path) -> None:
    made = import_table(write(tmp_path / "t.csv", tree(), columns), tmp_path / "t.yaml", level=1).taxonomy
    assert made.level == 1
    assert len(made.values) == 15


def test_levels_can_be_named(tmp_path: Path) -> None:
    table = write(tmp_path / "t.csv", [("甲", "乙", "丙"), ("丁", "戊", "己")], ("大", "备注", "小"))
    made = import_table(table, tmp_path / "t.yaml", columns=["大", "小"], name="office").taxonomy
    assert (made.name, made.values) == ("office", ("丙", "己"))


@pytest.mark.parametrize(
    ("rows", "row"),
    [
        ([("", "乙", "丙")], 2),
        ([("甲", "乙", "丙"), ("丁", "", "戊")], 3),
        ([("甲", "", ""), ("", "", "戊")], 3),
    ],
)
def test_a_label_without_the_one_above_it_is_a_fault_of_its_row(
    rows: list[tuple[str, ...]], row: int, tmp_path: Path
) -> None:
    with pytest.raises(InputError) as error:
        import_table(write(tmp_path / "t.csv", rows), tmp_path / "t.yaml")
    assert str(error.value) == f"t.csv, row {row}: a label without the one above it"
    assert not (tmp_path / "t.yaml").exists()


def test_what_cannot_be_imported_is_refused_in_one_line(tmp_path: Path) -> None:
    table = write(tmp_path / "t.csv", [("甲", "乙", "丙"), ("丁", "戊", "己")], ("a", "b", "c"))
    output = tmp_path / "t.yaml"
    with pytest.raises(UsageError, match="no columns 一级分类"):
        import_table(table, output)
    with pytest.raises(UsageError, match="no column d; there are a, b, c"):
        import_table(table, output, columns=["a", "d"])
    with pytest.raises(UsageError, match="level 4: the tree has 2 levels"):
        import_table(table, output, columns=["a", "c"], level=4)
    one = write(tmp_path / "one.csv", [("甲", "乙", "丙")])
    with pytest.raises(UsageError, match="labels: fewer than two can be given"):
        import_table(one, output)
    output.write_text("mine", encoding="utf-8")
    with pytest.raises(UsageError, match="exists already"):
        import_table(table, output, columns=["a", "b"])
    assert output.read_text(encoding="utf-8") == "mine"


def test_the_command_imports_and_the_result_is_valid(govtune: Callable[..., Any], tmp_path: Path) -> None:
    table, mine = write(tmp_path / "t.xlsx", tree()), tmp_path / "mine.yaml"
    told = govtune("recipes", "import-taxonomy", table, "-o", mine, "--level", "1")
    assert told.code == 0
    assert "15 of them can be given" in told.out
    assert govtune("recipes", "validate", mine).code == 0
    assert govtune("recipes", "validate", "taxonomies/letters", "safety_risks").code == 0
    assert {"taxonomies/document_types", "taxonomies/safety_risks"} <= set(
        json.loads(govtune("recipes", "list", "--json").out)
    )


def test_validate_tells_each_fault_on_a_line_of_its_own(govtune: Callable[..., Any], tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    import_table(write(tmp_path / "t.csv", [("甲", "乙", "丙"), ("丁", "戊", "己")]), mine)
    text = mine.read_text(encoding="utf-8")
    mine.write_text(
        text.replace("parent: '01'", "parent: 'x'").replace("parent: '02'", "parent: 'y'"), "utf-8"
    )
    told = govtune("recipes", "validate", mine, "taxonomies/letters")
    assert told.code == 2
    assert told.err.splitlines() == [
        "govtune: mine.yaml: label 0101: unknown parent x",
        "govtune: mine.yaml: label 0201: unknown parent y",
    ]
    assert told.out == "taxonomies/letters: valid\n"


def test_the_real_tree_is_imported(shared: Path, tmp_path: Path) -> None:
    made = import_table(shared / "letters" / "label_tree.jsonl", tmp_path / "tree.yaml").taxonomy
    assert len(made.values) == len(set(made.values)) == 517
    assert max(map(len, made.lines.values())) == 3


def test_a_tree_goes_under_the_labels_of_a_shipped_taxonomy(tmp_path: Path) -> None:
    rows = [("交通运输", "公交地铁", "末班车太早"), ("交通运输", "水上客运", None), ("党务", "党费", None)]
    done = import_table(write(tmp_path / "t.csv", rows), tmp_path / "mine.yaml", extends="letters")
    base = taxonomy.load("letters")
    assert done.taxonomy.values == base.values and done.left_out == ("党务",)
    added = {label.name.zh: label.parent for label in done.taxonomy.labels[len(base.labels) :]}
    named = {label.name.zh: label.code for label in done.taxonomy.labels}
    assert added["水上客运"] == named["交通运输"] and added["末班车太早"] == named["公交地铁"]
    assert not {"交通运输", "党务"} & set(added)


def test_a_tree_that_cannot_be_loaded_leaves_no_file_behind(tmp_path: Path) -> None:
    table = write(tmp_path / "t.csv", [("甲", "乙", None)])
    with pytest.raises(UsageError):
        import_table(table, tmp_path / "mine.txt")
    assert not (tmp_path / "mine.txt").exists()
