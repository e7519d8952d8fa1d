"""The commands on files: what is read, what comes back, what is refused."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from random import Random
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import typer
from typer.testing import CliRunner

from curation.errors import InputError, UsageError
from curation.label import cli, taxonomy
from curation.label.files import label_file, label_fit_files

Letters = list[tuple[str, str]]


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
    return path


@pytest.fixture
def gold(letters: Letters, tmp_path: Path) -> Path:
    return write(tmp_path / "gold.jsonl", [{"text": text, "label": label} for text, label in letters])


@pytest.fixture
def fitted(gold: Path, tmp_path: Path) -> Path:
    label_fit_files(tmp_path / "model.npz", taxonomy_name="letters", gold=[gold])
    return tmp_path / "model.npz"


def test_the_summary_says_what_was_measured(gold: Path, letters: Letters, tmp_path: Path) -> None:
    pool = write(tmp_path / "pool.jsonl", [{"text": text} for text, _ in letters[:20]] + [{"text": ""}])
    more = write(tmp_path / "more.jsonl", [{"text": "无标签的信", "label": None}])
    done = label_fit_files(tmp_path / "m.npz", taxonomy_name="letters", gold=[gold, more], pool=[pool])
    assert done.gold["城乡建设"] == 50
    assert (sum(done.gold.values()), done.pool, done.empty) == (150, 21, 1)
    assert done.distinct == 150
    assert min(done.accuracy, done.macro_f1) > 0.9
    assert done.macro_f1_without_pool is not None
    assert done.keywords.coverage > 0.9
    assert 0 < done.keywords.decided < 1
    told = "\n".join(done.lines())
    assert "150  labelled, 21 without a label" in told
    assert "cross-validated: accuracy " in told
    assert "precision 0.95: 100% labelled" in told
    assert done.promised == 0.95


@pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".xlsx", ".parquet"])
def test_every_row_and_column_comes_back_with_labels_beside(
    fitted: Path, tmp_path: Path, suffix: str
) -> None:
    from curation.ingest.tables import Rows, read_rows, write_rows

    rows = [
        {"编号": "7", "留言主题": "公交车", "留言详情": "等不到公交车，司机不停"},
        {"编号": "8", "留言主题": "", "留言详情": ""},
    ]
    source, output = tmp_path / f"in{suffix}", tmp_path / f"out{suffix}"
    write_rows(source, Rows(("编号", "留言主题", "留言详情"), rows))
    done = label_file(source, output, model_file=fitted, precision=0.9)
    assert (done.rows, done.empty) == (2, 1)
    after = read_rows(output)
    assert after.columns == ("编号", "留言主题", "留言详情", "labels")
    assert [{name: row[name] for name in rows[0]} for row in after.rows] == rows
    labels = [
        row["labels"] if isinstance(row["labels"], list) else json.loads(row["labels"]) for row in after.rows
    ]
    assert labels[0][0]["value"] == "交通运输"
    assert labels[0][0].keys() == {"scheme", "value", "confidence", "method", "abstained"}
    assert (labels[1][0]["value"], labels[1][0]["abstained"]) == (None, True)


def test_typed_columns_of_parquet_keep_their_types(fitted: Path, tmp_path: Path) -> None:
    table = pa.table({"n": pa.array([1, None], pa.int16()), "text": ["公交车不来", "医院挂号"]})
    pq.write_table(table, tmp_path / "in.parquet")
    label_file(tmp_path / "in.parquet", tmp_path / "out.parquet", model_file=fitted)
    assert pq.read_table(tmp_path / "out.parquet").select(["n", "text"]).equals(table)


def test_a_lower_precision_labels_no_fewer_rows(shared: Path, tmp_path: Path) -> None:
    gold = shared / "letters" / "labelled.jsonl"
    label_fit_files(tmp_path / "m.npz", taxonomy_name="letters", gold=[gold])
    abstained = [
        label_file(gold, tmp_path / "o.jsonl", model_file=tmp_path / "m.npz", precision=each).abstained
        for each in (0.99, 0.9, 0.8)
    ]
    assert abstained[0] == 494
    assert abstained == sorted(abstained, reverse=True)


def test_a_model_that_can_promise_nothing_says_so(letters: Letters, tmp_path: Path) -> None:
    """Labels that mean nothing: every row abstains, with a line that tells why."""
    coin = Random(1)
    rows = [{"text": text, "label": coin.choice(["城乡建设", "交通运输"])} for text, _ in letters[:90]]
    gold = write(tmp_path / "gold.jsonl", rows)
    label_fit_files(tmp_path / "m.npz", taxonomy_name="letters", gold=[gold])
    done = label_file(gold, tmp_path / "o.jsonl", model_file=tmp_path / "m.npz")
    assert (done.abstained, done.threshold, done.labelled) == (90, None, {})
    assert "every label abstains" in done.lines()[-1]


@pytest.mark.parametrize(
    ("n", "wrong", "next_step"),
    [(150, 0, "--precision 0.95"), (33, 0, "--precision 0.9"), (90, 2, "label more texts")],
)
def test_the_next_command_asks_for_what_can_be_promised(
    letters: Letters, tmp_path: Path, n: int, wrong: int, next_step: str
) -> None:
    """Right labels, fewer of them, and labels of which every second is drawn by lot."""
    lot = Random(0)
    rows = [
        {"text": text, "label": lot.choice(letters)[1] if wrong and at % wrong else label}
        for at, (text, label) in enumerate(letters[:n])
    ]
    gold = write(tmp_path / "few.jsonl", rows)
    app = typer.Typer()
    app.command()(cli.label_fit)
    said = CliRunner().invoke(app, ["--gold", str(gold), "-o", str(tmp_path / "m.npz")]).stdout
    assert next_step in said.splitlines()[-1]


def test_an_unknown_label_is_named_by_its_place_and_not_shown(gold: Path, tmp_path: Path) -> None:
    rows = [orjson.loads(line) for line in gold.read_bytes().splitlines()]
    rows[2]["label"] = "城乡建没"
    with pytest.raises(InputError) as error:
        label_fit_files(tmp_path / "m.npz", taxonomy_name="letters", gold=[write(gold, rows)])
    assert str(error.value) == (
        "gold.jsonl, row 3, field label: not a label of letters; did you mean 城乡建设?"
    )
    assert not (tmp_path / "m.npz").exists()


def test_too_few_labels_are_named_in_one_line(letters: Letters, tmp_path: Path) -> None:
    def refusal(said: Letters) -> str:
        gold = write(tmp_path / "few.jsonl", [{"text": text, "label": label} for text, label in said])
        with pytest.raises(UsageError) as error:
            label_fit_files(tmp_path / "m.npz", taxonomy_name="letters", gold=[gold])
        return str(error.value).removeprefix("too few labels to fit a model: ")

    texts, values = [text for text, _ in letters[:28]], taxonomy.load("letters").values
    assert refusal(letters[:2] * 20) == "distinct labelled texts: 2, of at least 20"
    assert refusal([(text, values[at // 4]) for at, text in enumerate(texts)]) == (
        "distinct texts of the commonest label: 4, of at least 5"
    )
    assert refusal([(text, values[0]) for text in texts]) == (
        "labels with two distinct texts or more: 1, of at least 2"
    )


def test_wrong_use_is_one_line(gold: Path, fitted: Path, tmp_path: Path) -> None:
    bare = write(tmp_path / "bare.jsonl", [{"text": "路灯"}])
    textless = write(tmp_path / "textless.jsonl", [{"x": 1}])
    odd = write(tmp_path / "odd.jsonl", [{"text": ["路灯"]}])
    labelled = write(tmp_path / "labelled.jsonl", [{"text": "路灯", "labels": []}])
    output = tmp_path / "o.jsonl"
    with pytest.raises(UsageError, match="no column with labels; name it with --label-field"):
        label_fit_files(output, taxonomy_name="letters", gold=[bare])
    with pytest.raises(UsageError, match="no column topic; name it with --label-field"):
        label_fit_files(output, taxonomy_name="letters", gold=[gold], label_field="topic")
    with pytest.raises(UsageError, match="is an input itself"):
        label_fit_files(gold, taxonomy_name="letters", gold=[gold])
    with pytest.raises(UsageError, match="no column with a title or a text"):
        label_file(textless, output, model_file=fitted)
    with pytest.raises(InputError, match=r"odd\.jsonl, row 1, field text: neither a string nor a number"):
        label_file(odd, output, model_file=fitted)
    with pytest.raises(UsageError, match="has a column labels already"):
        label_file(labelled, output, model_file=fitted)
    with pytest.raises(UsageError, match="is an input itself"):
        label_file(gold, gold, model_file=fitted)
    with pytest.raises(UsageError, match="must lie between 0 and 1"):
        label_file(gold, output, model_file=fitted, precision=95)
    assert not output.exists()


def test_the_commands_tell_and_print_json(gold: Path, tmp_path: Path) -> None:
    app = typer.Typer()
    app.command("label-fit")(cli.label_fit)
    app.command()(cli.label)
    table = tmp_path / "gold.csv"
    with table.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["诉求内容", "分类名"])
        for line in gold.read_bytes().splitlines():
            writer.writerow(orjson.loads(line).values())
    model, output = str(tmp_path / "m.npz"), str(tmp_path / "o.jsonl")
    fit = ["label-fit", "--gold", str(table), "--label-field", "分类名", "-o", model]
    said = CliRunner().invoke(app, fit)
    assert said.exit_code == 0
    assert "150  labelled" in said.stdout
    told = CliRunner().invoke(app, [*fit, "--json"]).stdout
    assert json.loads(told)["operating_points"]["0.95"]["coverage"] == 1
    label = ["label", str(gold), "-o", output, "--model", model]
    assert "150 rows -> " in CliRunner().invoke(app, label).stdout
    assert json.loads(CliRunner().invoke(app, [*label, "--json"]).stdout)["rows"] == 150
