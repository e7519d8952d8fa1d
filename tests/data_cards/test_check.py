"""Whatever is edited by hand is found, also where the edit was made consistently."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curation.errors import UsageError
from curation.files import canonical_json
from data_cards.card import render
from data_cards.check import check
from data_cards.facts import Facts
from data_cards.options import Options
from data_cards.outputs import build


@pytest.fixture
def built(folders: Any) -> Any:
    build(folders.run, folders.private)
    return folders


def test_a_fresh_card_is_true(built: Any) -> None:
    result = check(built.run, built.private)
    assert (result.problems, len(result.notes)) == ([], 1)
    assert result.notes[0].startswith("partitions: gone")  # this run was not made by curate


def test_an_english_card_is_true_too(built: Any) -> None:
    build(built.run, built.private, Options(lang="en"))
    assert check(built.run, built.private).problems == []


def test_a_published_copy_is_checked_as_far_as_it_goes(built: Any) -> None:
    shutil.rmtree(built.private)
    result = check(built.run, None)
    assert result.problems == []
    assert "pii" in result.notes[0]


def card_number(made: Any) -> None:
    path = made.run / "README.md"
    path.write_text(path.read_text(encoding="utf-8").replace("保留 20 条", "保留 21 条"), encoding="utf-8")


def card_appendix(made: Any) -> None:
    with (made.run / "README.md").open("a", encoding="utf-8") as file:
        file.write("一句手写的话\n")


def card_language_mark(made: Any) -> None:
    path = made.run / "README.md"
    path.write_text(path.read_text(encoding="utf-8").replace("govtune card zh", "my card"), encoding="utf-8")


def card_gone(made: Any) -> None:
    (made.run / "README.md").unlink()


def metric_number(made: Any) -> None:
    edit_metrics(made, lambda metrics: metrics["pii"].update(replaced=5))


def metric_added(made: Any) -> None:
    edit_metrics(made, lambda metrics: metrics.update(verdict="fit"))


def metric_emptied(made: Any) -> None:
    edit_metrics(made, lambda metrics: metrics.update(labels={}))


def metrics_layout(made: Any) -> None:
    path = made.run / "metrics.json"
    path.write_text(json.dumps(json.loads(path.read_bytes())), encoding="utf-8")


def metrics_broken(made: Any) -> None:
    (made.run / "metrics.json").write_text("[]", encoding="utf-8")


def data_bytes(made: Any) -> None:
    path = made.run / "data" / "test-00000-of-00001.parquet"
    pq.write_table(pq.ParquetFile(path).read(), path, compression="gzip")


def data_damaged(made: Any) -> None:
    path = made.run / "data" / "test-00000-of-00001.parquet"
    path.write_bytes(path.read_bytes()[:-20])


def data_row_removed(made: Any) -> None:
    made.write_data("train", made.data("train").slice(1))


def data_id_exchanged(made: Any) -> None:
    set_column(made, "id", ["stranger", *made.data("train")["id"].to_pylist()[1:]])


def data_id_twice(made: Any) -> None:
    set_column(made, "id", ["k01", *made.data("train")["id"].to_pylist()[1:]])


def data_letter_exchanged(made: Any) -> None:
    texts = made.data("train")["text"].to_pylist()
    set_column(made, "text", [texts[0].replace("坏", "好"), *texts[1:]])


def data_private_column(made: Any) -> None:
    made.write_data("test", made.data("test").append_column("phone", pa.array(["[手机号]"] * 2)))


def data_private_column_as_a_field(made: Any) -> None:
    """A forged recipe claims that the telephone number is a category field."""
    for split in ("train", "validation", "test"):
        table = made.data(split)
        made.write_data(split, table.append_column("phone", pa.array(["[手机号]"] * table.num_rows)))
    lock = made.lock()
    lock["recipe"]["fields"].append("phone")
    made.write_lock(lock)


def data_file_added(made: Any) -> None:
    shutil.copy(made.run / "data" / "test-00000-of-00001.parquet", made.run / "data" / "extra.parquet")


def data_file_hidden(made: Any) -> None:
    (made.run / "data" / "more").mkdir()
    (made.run / "data" / "more" / "notes.txt").write_text("x", encoding="utf-8")


def data_file_gone(made: Any) -> None:
    (made.run / "data" / "test-00000-of-00001.parquet").unlink()


def lock_digest(made: Any) -> None:
    lock = made.lock()
    lock["files"]["data/test-00000-of-00001.parquet"]["sha256"] = "0" * 64
    made.write_lock(lock)


def lock_counts(made: Any) -> None:
    lock = made.lock()
    lock["records"]["dropped"] = 8
    made.write_lock(lock)


def lock_recipe(made: Any) -> None:
    lock = made.lock()
    lock["recipe"]["stages"].pop(0)
    made.write_lock(lock)


def ledger_fate(made: Any) -> None:
    edit_ledger(made, "d0", {"fate": "kept", "stage": None, "reason": None})


def ledger_reason(made: Any) -> None:
    edit_ledger(made, "d2", {"reason": "internal_mark"})


def ledger_row_removed(made: Any) -> None:
    made.write_ledger(made.ledger().slice(0, made.ledger().num_rows - 2))


def ledger_id(made: Any) -> None:
    edit_ledger(made, "k05", {"id": "k06"})


def ledger_gone(made: Any) -> None:
    shutil.rmtree(made.private / "ledger")


def findings_type(made: Any) -> None:
    path = made.private / "pii" / "part-00000.parquet"
    pq.write_table(pq.ParquetFile(path).read().slice(1), path)


def findings_kept(made: Any) -> None:
    edit_findings(made, "d6", {"kept": True})


def findings_parent(made: Any) -> None:
    """A record that was expanded and whose children were kept is said not to be published."""
    edit_findings(made, "d6", {"id": "x0"})


def findings_stranger(made: Any) -> None:
    edit_findings(made, "k02", {"id": "stranger"})


EDITS = (
    *(card_number, card_appendix, card_language_mark, card_gone),
    *(metric_number, metric_added, metric_emptied, metrics_layout, metrics_broken),
    *(data_bytes, data_damaged, data_row_removed, data_id_exchanged, data_id_twice, data_letter_exchanged),
    *(data_private_column, data_private_column_as_a_field, data_file_added, data_file_hidden, data_file_gone),
    *(lock_digest, lock_counts, lock_recipe),
    *(ledger_fate, ledger_reason, ledger_row_removed, ledger_id, ledger_gone),
    *(findings_type, findings_kept, findings_parent, findings_stranger),
)


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.__name__)
def test_an_edit_is_found(built: Any, edit: Callable[[Any], None]) -> None:
    edit(built)
    assert check(built.run, built.private).problems


PUBLIC_EDITS = [edit for edit in EDITS if not edit.__name__.startswith(("ledger", "findings"))]


@pytest.mark.parametrize("edit", PUBLIC_EDITS, ids=lambda edit: edit.__name__)
def test_an_edit_of_a_published_copy_is_found(built: Any, edit: Callable[[Any], None]) -> None:
    edit(built)
    assert check(built.run, None).problems


FORGED = [data_row_removed, data_id_exchanged, data_private_column, data_private_column_as_a_field]
FORGED += [lock_counts, ledger_fate, findings_kept, findings_stranger]


@pytest.mark.parametrize("edit", FORGED, ids=lambda edit: edit.__name__)
def test_a_forged_card_over_edited_data_is_found(built: Any, edit: Callable[[Any], None]) -> None:
    """Data, lock digests, metrics and card all agree; the ledger does not."""
    edit(built)
    build(built.run, built.private)
    assert check(built.run, built.private).problems


def test_a_number_forged_in_metrics_and_card_alike_is_found(built: Any) -> None:
    metrics = json.loads((built.run / "metrics.json").read_bytes())
    metrics["pii"]["by_type"]["PERSON"] = {"found": 2, "replaced": 1, "kept": 1}
    (built.run / "metrics.json").write_text(canonical_json(metrics), encoding="utf-8")
    (built.run / "README.md").write_text(render(Facts(metrics, built.lock()), "zh"), encoding="utf-8")
    problems = check(built.run, built.private).problems
    assert "metrics.json: pii.by_type.PERSON.kept is 1, measured 0" in problems
    assert any(problem.startswith("README.md: line ") for problem in problems)


def test_a_kept_count_forged_in_a_published_copy_is_found(built: Any) -> None:
    metrics = json.loads((built.run / "metrics.json").read_bytes())
    metrics["records"]["kept"] = 25
    (built.run / "metrics.json").write_text(canonical_json(metrics), encoding="utf-8")
    (built.run / "README.md").write_text(render(Facts(metrics, built.lock()), "zh"), encoding="utf-8")
    assert "metrics.json: records.kept is 25, measured 20" in check(built.run, None).problems


def test_metrics_of_another_shape_are_a_problem_not_a_crash(built: Any) -> None:
    (built.run / "metrics.json").write_text('{"records": 3, "funnel": []}\n', encoding="utf-8")
    problems = check(built.run, None).problems
    assert "metrics.json: not of schema metrics/2" in problems


def test_problems_name_file_key_and_both_values(built: Any) -> None:
    metric_number(built)
    assert check(built.run, built.private).problems == ["metrics.json: pii.replaced is 5, measured 4"]


def test_a_private_column_that_the_lock_calls_a_field_is_named(built: Any) -> None:
    data_private_column_as_a_field(built)
    build(built.run, built.private)
    problem = "data/test-00000-of-00001.parquet: column phone may not be published"
    assert problem in check(built.run, built.private).problems
    assert problem in check(built.run, None).problems


def test_findings_of_a_record_count_as_published_with_its_children(built: Any) -> None:
    edit_findings(built, "d6", {"id": "x0", "kept": True})
    build(built.run, built.private)
    assert check(built.run, built.private).problems == []


def test_findings_that_contradict_the_ledger_are_counted(built: Any) -> None:
    findings_kept(built)
    findings_stranger(built)
    problems = check(built.run, built.private).problems
    assert "findings: 1 records are not in the ledger" in problems
    assert "findings: 1 records are kept in one and not in the other of findings and ledger" in problems


def test_a_folder_that_is_no_run_is_refused(built: Any) -> None:
    with pytest.raises(UsageError, match=r"has no metrics\.json and no README\.md"):
        check(built.private, None)


def edit_metrics(made: Any, edit: Callable[[dict[str, Any]], None]) -> None:
    path = made.run / "metrics.json"
    metrics = json.loads(path.read_bytes())
    edit(metrics)
    path.write_text(canonical_json(metrics), encoding="utf-8")


def set_column(made: Any, name: str, values: list[str]) -> None:
    table = made.data("train")
    index = table.schema.get_field_index(name)
    made.write_data("train", table.set_column(index, table.schema.field(index), [values]))


def edit_ledger(made: Any, identity: str, values: dict[str, Any]) -> None:
    table = made.ledger()
    rows = [row | values if row["id"] == identity else row for row in table.to_pylist()]
    made.write_ledger(pa.Table.from_pylist(rows, schema=table.schema))


def edit_findings(made: Any, identity: str, values: dict[str, Any]) -> None:
    path = made.private / "pii" / "part-00000.parquet"
    table = pq.ParquetFile(path).read()
    rows = [row | values if row["id"] == identity else row for row in table.to_pylist()]
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), path)
