"""What people's reading proves, and what is said where nobody read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest
from typer.testing import CliRunner

from curation.decisions import Decision, Machine, Shown
from curation.errors import UsageError
from curation.ingest import tables
from curation.pipeline import curate
from curation.recipe import load
from curation.run import Run
from data_cards.answers import Answers
from data_cards.audit import AUDIT
from data_cards.cli import app
from data_cards.dataset import of_run
from data_cards.measure import measure
from data_cards.options import Options
from data_cards.outputs import build

RIGHT, WRONG = "城乡建设", "交通运输"


def metrics_of(folders: Any) -> dict[str, Any]:
    return measure(of_run(Run(folders.run)), Options(), Answers())


def call(*arguments: object) -> Any:
    return CliRunner().invoke(app, list(map(str, arguments)))


def grow(folders: Any, records: int) -> None:
    """So many records in the train split."""
    table = pa.concat_tables([folders.data("train")] * (records // 16 + 1)).slice(0, records)
    ids = pa.array([f"r{row:04}" for row in range(records)])
    folders.write_data("train", table.set_column(0, "id", ids))


def fill(sheet: Path, missed: dict[int, str] | None = None) -> None:
    """Read all of a sheet; `missed` says what is seen, by place."""
    rows = tables.read_rows(sheet, ["read_by"])
    for place, row in enumerate(rows.rows):
        row |= {"read_by": "甲", "missed": (missed or {}).get(place, "")}
    tables.write_rows(sheet, rows)


@pytest.mark.parametrize(("missed", "found", "upper"), [({}, 0, 0.00994), ({7: "PERSON"}, 1, 0.01571)])
def test_a_sample_that_people_read_bounds_what_is_left(
    folders: Any, tmp_path: Path, missed: dict[int, str], found: int, upper: float
) -> None:
    grow(folders, 400)
    sheet = tmp_path / "sample.xlsx"
    assert call("sample", folders.run, "-o", sheet).exit_code == 0
    assert len(tables.read_rows(sheet, ["read_by"]).rows) == 300
    fill(sheet, missed)
    done = call("build", folders.run, "--audit", sheet)
    assert done.exit_code == 0, done.output
    residual = json.loads((folders.run / "metrics.json").read_bytes())["pii"]["residual"]
    assert residual["audit"] == {"records": 300, "with_findings": found}
    assert residual["document_upper95"] == pytest.approx(upper, abs=5e-6)
    assert "小区门口" not in (folders.private / AUDIT).read_text(encoding="utf-8")


def test_what_readers_saw_cannot_be_changed_behind_the_card(folders: Any, tmp_path: Path) -> None:
    sheet = tmp_path / "sample.csv"
    call("sample", folders.run, "-o", sheet)
    fill(sheet, {0: "PERSON"})
    call("build", folders.run, "--audit", sheet)
    metrics = json.loads((folders.run / "metrics.json").read_bytes())
    assert metrics["pii"]["residual"]["audit"] == {"records": 20, "with_findings": 1}
    assert call("check", folders.run).exit_code == 0
    kept = folders.private / AUDIT
    kept.write_text(kept.read_text(encoding="utf-8").replace("PERSON", ""), encoding="utf-8")
    assert call("check", folders.run).exit_code == 1


def test_a_sheet_of_other_data_is_refused(folders: Any, tmp_path: Path) -> None:
    sheet = tmp_path / "sample.csv"
    call("sample", folders.run, "-o", sheet)
    fill(sheet)
    grow(folders, 30)
    refused = call("build", folders.run, "--audit", sheet)
    assert "a sample of other data" in str(refused.exception)
    assert not (folders.private / AUDIT).exists()


def test_a_sheet_with_other_records_is_refused(folders: Any, tmp_path: Path) -> None:
    grow(folders, 60)
    sheet = tmp_path / "sample.csv"
    call("sample", folders.run, "-o", sheet, "-n", 5)
    fill(sheet)
    rows = tables.read_rows(sheet, ["read_by"])
    free = next(str(row) for row in range(1, 65) if str(row) not in {one["row"] for one in rows.rows})
    rows.rows[2]["row"] = free
    tables.write_rows(sheet, rows)
    refused = call("build", folders.run, "--audit", sheet)
    assert "other records than govtune card sample draws" in str(refused.exception)


def test_a_sheet_that_nobody_read_is_refused(folders: Any, tmp_path: Path) -> None:
    sheet = tmp_path / "sample.csv"
    call("sample", folders.run, "-o", sheet)
    refused = call("build", folders.run, "--audit", sheet)
    assert "nobody has read this record yet" in str(refused.exception)


def test_a_new_version_needs_a_new_reading(folders: Any, tmp_path: Path) -> None:
    sheet = tmp_path / "sample.csv"
    call("sample", folders.run, "-o", sheet)
    fill(sheet)
    call("build", folders.run, "--audit", sheet)
    grow(folders, 30)
    metrics = metrics_of(folders)
    assert metrics["pii"]["residual"]["document_upper95"] is None
    assert metrics["unmeasured"]["pii.residual.audit"] == "other_version"


RECIPE = """
schema: curation/1
name: small
kind: letter
stages:
  - anonymise: {names: none, residual: none}
"""


def make(folder: Path, texts: list[str], key: bytes | None = None) -> Path:
    """A run, made by curating these letters, with its card."""
    (folder / "recipe.yaml").write_text(RECIPE, encoding="utf-8")
    lines = "".join(json.dumps({"诉求内容": text}, ensure_ascii=False) + "\n" for text in texts)
    (folder / "letters.jsonl").write_text(lines, encoding="utf-8")
    recipe = load(str(folder / "recipe.yaml"))

    def card(run: Path, private: Path) -> None:
        build(run, private)

    curate(recipe, [folder / "letters.jsonl"], folder / "run", key=key, card=card)
    return folder / "run"


def test_where_there_are_surrogates_readers_see_masked_originals(tmp_path: Path) -> None:
    run = make(tmp_path, ["我叫王丽娟，电话13912345678，路灯坏了。"], key=b"0123456789abcdef")
    published = pa.parquet.read_table(Run(run).data[0])["text"].to_pylist()[0]
    assert "[" not in published
    assert "13912345678" not in published
    sheet = tmp_path / "sample.csv"
    assert call("sample", run, "-o", sheet).exit_code == 0
    rows = tables.read_rows(sheet, ["read_by"]).rows
    assert rows[0]["text: text"] == "我叫[姓名]，电话[手机号]，路灯坏了。"
    fill(sheet)
    assert call("build", run, "--audit", sheet).exit_code == 0
    residual = json.loads((run / "metrics.json").read_bytes())["pii"]["residual"]
    assert (residual["document_upper95"], residual["rescan"]["undecided"][0]) == (0.95, "PERSON")


def test_surrogates_without_an_original_are_not_for_readers(folders: Any, tmp_path: Path) -> None:
    folders.write_lock(folders.lock() | {"key": "f" * 16})
    refused = call("sample", folders.run, "-o", tmp_path / "sample.csv")
    assert isinstance(refused.exception, UsageError)
    assert not (tmp_path / "sample.csv").exists()


def test_curating_again_keeps_what_people_read_as_long_as_the_data_are_the_same(tmp_path: Path) -> None:
    texts = ["路灯坏了半个月。", "河边垃圾没有人清。"]
    run = make(tmp_path, texts)
    sheet = tmp_path / "sample.csv"
    call("sample", run, "-o", sheet)
    fill(sheet)
    call("build", run, "--audit", sheet)
    make(tmp_path, texts)
    residual = json.loads((run / "metrics.json").read_bytes())["pii"]["residual"]
    assert residual["audit"] == {"records": 2, "with_findings": 0}
    make(tmp_path, [*texts, "学校门前堵车。"])
    metrics = json.loads((run / "metrics.json").read_bytes())
    assert metrics["unmeasured"]["pii.residual.document_upper95"] == "other_version"


def test_a_published_copy_says_what_people_said_and_is_scanned_again(folders: Any, tmp_path: Path) -> None:
    sheet = tmp_path / "sample.csv"
    call("sample", folders.run, "-o", sheet)
    fill(sheet, {3: "PERSON"})
    call("build", folders.run, "--audit", sheet)
    before = decide(folders, *(said(row, "甲", RIGHT) for row in range(10)))
    stated = metrics_of(folders)
    folders.private.rename(tmp_path / "elsewhere")
    copy = measure(of_run(Run(folders.run)), Options(), Answers(), stated)
    assert copy["pii"] == stated["pii"]
    assert copy["labels"]["letters"]["precision"] == before["precision"]
    stated["pii"]["residual"]["rescan"]["by_type"] = {"PERSON": 7}
    again = measure(of_run(Run(folders.run)), Options(), Answers(), stated)
    assert again["pii"]["residual"]["rescan"]["by_type"] == {}


def test_nobody_read_is_null_with_the_reason(folders: Any) -> None:
    metrics = metrics_of(folders)
    assert metrics["pii"]["residual"]["audit"] is None
    assert metrics["labels"]["letters"]["agreement"] is None
    for key in ("pii.residual.document_upper95", "labels.letters.agreement", "labels.letters.precision"):
        assert metrics["unmeasured"][key] == "not_read_by_people"


def said(row: int, by: str, value: str | None, **shown: Any) -> Decision:
    machine = Machine(value=RIGHT, method="classifier", abstained=False)
    shown = {"machine": machine, "reason": "audit", **shown}
    return Decision(
        id=f"k{row:02}",
        stage="label",
        content="0" * 32,
        by=by,
        seconds=None,
        scheme="letters",
        value=value,
        shown=Shown(**shown),
    )


def decide(folders: Any, *decisions: Decision) -> dict[str, Any]:
    """The labels `letters` of the run that knew these decisions, with the reasons for what is null."""
    lines = "".join(one.model_dump_json(by_alias=True) + "\n" for one in decisions)
    (folders.private / "decided.jsonl").write_text(lines, encoding="utf-8")
    metrics = metrics_of(folders)
    place = "labels.letters."
    why = {
        key.removeprefix(place): code for key, code in metrics["unmeasured"].items() if key.startswith(place)
    }
    return {**metrics["labels"]["letters"], "why": why}


def test_people_confirm_labels_of_records_drawn_at_random(folders: Any) -> None:
    answers = [said(row, "甲", RIGHT if row < 8 else WRONG) for row in range(10)]
    others = [said(row, "甲", WRONG, reason="uncertain") for row in range(10, 14)]
    seen = [said(14, "甲", RIGHT, suggestion=True)]
    labels = decide(folders, *answers, *others, *seen)
    assert labels["precision"] == {"labelled": 10, "right": 8, "lower95": pytest.approx(0.49310, abs=1e-5)}
    assert labels["confusion"] == {RIGHT: {RIGHT: 8, WRONG: 6}}
    assert (labels["agreement"], labels["why"]["agreement"]) == (None, "one_reader")


def test_two_people_who_did_not_see_each_others_answer_agree(folders: Any) -> None:
    one = [said(row, "甲", RIGHT if row % 2 else WRONG) for row in range(8)]
    same = [said(row, "乙", one[row].value) for row in range(8)]
    assert decide(folders, *one, *same)["agreement"] == {
        "records": 8, "people": 2, "alpha": 1.0, "observed": 1.0,
    }  # fmt: skip
    other = [said(row, "乙", one[row].value if row else RIGHT) for row in range(8)]
    differing = decide(folders, *one, *other)["agreement"]
    assert differing["observed"] == 0.875
    assert 0.5 < differing["alpha"] < 0.8
    seen = [each.model_copy(update={"shown": Shown(other=True)}) for each in other]
    assert decide(folders, *one, *seen)["why"]["agreement"] == "one_reader"


def test_one_label_for_all_shows_no_agreement(folders: Any) -> None:
    both = [said(row, by, RIGHT) for row in range(4) for by in ("甲", "乙")]
    labels = decide(folders, *both)
    assert labels["agreement"]["alpha"] is None
    assert labels["why"]["agreement.alpha"] == "one_value"


def test_what_was_taken_back_or_is_of_another_scheme_does_not_count(folders: Any) -> None:
    gone = said(0, "甲", WRONG)
    other = said(1, "甲", WRONG).model_copy(update={"scheme": "another"})
    labels = decide(folders, gone, gone.withdrawal(), other)
    assert labels["precision"] is None
    assert labels["why"]["precision"] == "not_read_by_people"
