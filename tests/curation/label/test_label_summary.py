from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
import yaml
from typer.testing import CliRunner

from curation.errors import InputError, UsageError
from curation.ingest.tables import Rows, write_rows
from curation.label import taxonomy
from curation.label.summary import FunctionSummary, summarise_file
from curation.label.summary_cli import label_summary
from curation.label.tables import import_table

COLUMNS = ("标题", "诉求内容", "诉求分类", "area")
ROWS = [
    ("公交晚点", "司机不停站", "交通", "北区"),
    ("公交", "学校门口没有站", "交通", "北区"),
    ("学校", "食堂不好", "教育", "南区"),
    ("学校", "校车晚点", "教育", "南区"),
    ("问", "什么时候", "", "北区"),
    ("公交", "学校", "卫生", "南区"),
]
TAXONOMY: dict[str, Any] = {
    "schema": "taxonomy/1",
    "name": "t",
    "title": {"zh": "试"},
    "labels": [
        {"code": "1", "name": {"zh": "交通"}, "keywords": ["公交", "司机", "校车"]},
        {
            "code": "2",
            "name": {"zh": "教育"},
            "keywords": ["学校", "食堂", "军训"],
            "metadata": [{"field": "area", "equals": "南区"}],
        },
    ],
}
FUNCTIONS = """
from curation.label import labelling_function

@labelling_function(name="[late]", label="交通")
def late(record):
    return "晚点" in record["title"] + record["text"]
"""


@pytest.fixture
def files(tmp_path: Path) -> Path:
    write_rows(tmp_path / "in.csv", Rows(COLUMNS, [dict(zip(COLUMNS, row, strict=True)) for row in ROWS]))
    (tmp_path / "t.yaml").write_text(yaml.safe_dump(TAXONOMY, allow_unicode=True), encoding="utf-8")
    (tmp_path / "f.py").write_text(FUNCTIONS, encoding="utf-8")
    return tmp_path


def summary(files: Path, **options: Any) -> FunctionSummary:
    options = {"taxonomy_name": str(files / "t.yaml"), "functions_file": files / "f.py"} | options
    return summarise_file(files / "in.csv", **options)


def test_each_function_has_its_coverage_overlap_conflict_and_accuracy(files: Path) -> None:
    told = summary(files)
    rows = {(row.name, row.kind): row for row in told.functions}
    assert list(rows) == [("交通", "keywords"), ("教育", "keywords"), ("教育", "metadata"), ("[late]", None)]
    buses = rows["交通", "keywords"]  # says rows 1, 2, 4 and 6
    assert (buses.coverage, buses.overlap, buses.conflict) == pytest.approx((4 / 6, 4 / 6, 3 / 6))
    assert buses.accuracy is not None
    assert (buses.accuracy.right, buses.accuracy.judged) == (2, 3)  # 卫生 is no label of this taxonomy
    assert (buses.accuracy.low, buses.accuracy.high) == pytest.approx((0.0943, 0.9916), abs=1e-4)
    area = rows["教育", "metadata"].accuracy
    assert area is not None and (area.right, area.judged) == (2, 2)
    late = rows["[late]", None]
    assert late.labels == ("交通",)
    assert (late.coverage, late.overlap) == pytest.approx((2 / 6, 2 / 6))
    assert (told.records, told.known, told.foreign, told.silent) == (6, 4, 1, 0)
    assert (told.coverage, told.overlap, told.conflict) == pytest.approx((5 / 6, 5 / 6, 3 / 6))


def test_the_models_hear_each_rule_whatever_the_table_shows(files: Path) -> None:
    grouped, each = summary(files), summary(files, each_rule=True)
    assert grouped.models == each.models
    assert [model.name for model in each.models] == ["majority", "Dawid-Skene"]
    majority = each.models[0]
    # Row 2: one keyword against one; row 4: 晚点 and 校车 against 学校 and the area; row 6: 公交 against two.
    assert majority.decided == pytest.approx(3 / 6)
    assert majority.accuracy is not None and majority.accuracy.judged == 2
    assert [row.name for row in each.functions] == [
        "交通 公交", "交通 司机", "交通 校车", "教育 学校", "教育 食堂", "教育 area = 南区", "[late]",
    ]  # fmt: skip
    assert each.silent == 1  # 军训


def test_without_known_labels_there_is_no_accuracy_but_an_estimate(files: Path) -> None:
    write_rows(files / "in.csv", Rows(("text",), [{"text": row[1]} for row in ROWS]))
    told = summary(files)
    assert told.known == told.foreign == 0
    assert told.missing == ("area",)
    assert all(row.accuracy is None for row in (*told.functions, *told.models))
    assert all(row.estimate is not None and 0 <= row.estimate <= 1 for row in told.functions)


def test_the_right_labels_may_stand_in_any_column(files: Path) -> None:
    told = summary(files, label_field="area")
    assert (told.known, told.foreign) == (0, 6)
    with pytest.raises(UsageError, match=r"in\.csv: no column topic"):
        summary(files, label_field="topic")


def test_what_cannot_be_summarised_is_told_in_one_line(files: Path) -> None:
    (files / "f.py").write_text(FUNCTIONS.replace('"晚点" in', "1 / 0 +"), encoding="utf-8")
    with pytest.raises(InputError, match=r"in\.csv, row 2: labelling function \[late\] failed: Zero"):
        summary(files)
    write_rows(files / "in.csv", Rows(COLUMNS, []))
    with pytest.raises(UsageError, match=r"in\.csv: no rows"):
        summary(files, functions_file=None)
    write_rows(files / "in.csv", Rows(("n",), [{"n": "1"}]))
    with pytest.raises(UsageError, match="no column with a title or a text"):
        summary(files, functions_file=None)


def run(*arguments: object) -> str:
    app = typer.Typer()
    app.command()(label_summary)
    done = CliRunner().invoke(app, [str(each) for each in arguments], catch_exceptions=False)
    assert done.exit_code == 0
    return done.stdout


def test_the_table_is_plain_text_when_piped_and_json_on_demand(files: Path) -> None:
    options = (files / "in.csv", "--taxonomy", files / "t.yaml", "--functions", files / "f.py")
    lines = run(*options, "--lang", "en").splitlines()
    assert lines[0].split()[:5] == ["function", "kind", "coverage", "overlap", "conflict"]
    assert lines[1].split()[:5] == ["交通", "keywords", "66.7%", "66.7%", "50.0%"]
    assert any(line.startswith("[late]  ") for line in lines)  # brackets are no markup
    assert "1 have a label that the taxonomy has not, and judge nothing" in lines
    assert not any("\x1b" in line or line != line.rstrip() for line in lines)
    chinese = run(*options, "--each-keyword")
    assert chinese.startswith("标注函数")
    assert "教育 area = 南区" in chinese
    told = json.loads(run(*options, "--json"))
    assert told["functions"][0]["accuracy"]["judged"] == 3
    assert told["models"][1]["name"] == "Dawid-Skene"


@pytest.mark.parametrize("name", ["letters", "tree"])
def test_real_letters_are_mostly_understood(name: str, shared: Path, tmp_path: Path) -> None:
    if name == "tree":
        name = str(tmp_path / "tree.yaml")
        import_table(shared / "letters" / "label_tree.jsonl", Path(name), level=1)
    told = summarise_file(shared / "letters" / "labelled.jsonl", taxonomy_name=name)
    assert told.foreign == 0
    assert told.coverage > 0.5
    for model in told.models:
        assert model.accuracy is not None and model.accuracy.low > 0.65
    assert np.isfinite([row.estimate for row in told.functions]).all()
    assert taxonomy.load(name).level == 1
