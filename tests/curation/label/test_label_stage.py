"""The stage: who decides a label, what the fit has seen, and that order changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pytest

from curation import Run, curate, parquet, records, stage
from curation import recipe as recipes
from curation.errors import UsageError
from curation.label import labeller, taxonomy
from curation.label.files import label_fit_files
from curation.label.stage import Label, LabelParams

Letters = list[tuple[str, str]]
VALUES = taxonomy.load("letters").values


def given(value: str) -> list[dict[str, Any]]:
    return [{"scheme": "input", "value": value, "method": "input", "abstained": False}]


def table(letters: Letters, *, labelled: int, **columns: list[Any]) -> pa.Table:
    """Letters of which the first ones came with their label; all of the split train unless said."""
    n = len(letters)
    return records.table(
        {
            "id": [f"r{at:04d}" for at in range(n)],
            "kind": ["letter"] * n,
            "text": [text for text, _ in letters],
            "labels": [given(label) if at < labelled else None for at, (_, label) in enumerate(letters)],
            "split": ["train"] * n,
            **columns,
        }
    )


def fetch_from(rows: pa.Table) -> stage.Fetch:
    ids = rows["id"].to_pylist()

    def fetch(wanted: Sequence[str], names: Sequence[str]) -> pa.Table:
        return rows.take([ids.index(each) for each in wanted]).select(["id", *names])

    return fetch


def run(rows: pa.Table, **params: Any) -> list[dict[str, Any]]:
    """The entry that the stage appended to each record, empty where none."""
    label = Label(LabelParams(taxonomy="letters", **params))
    verdict = label.decide(label.keys(rows), fetch_from(rows))
    after = stage.run_exchange(label, rows, verdict)
    found = []
    for before, labels in zip(rows["labels"].to_pylist(), after["labels"].to_pylist(), strict=True):
        assert (labels or [])[: len(before or [])] == (before or [])
        added = (labels or [])[len(before or []) :]
        found.append(added[0] if added else {})
    return found


def test_a_person_s_label_decides_and_the_classifier_labels_the_others(letters: Letters) -> None:
    entries = run(table(letters, labelled=120), precision=0.9)
    assert {(each["method"], each["confidence"], each["abstained"]) for each in entries[:120]} == {
        ("input", None, False)
    }
    assert [each["value"] for each in entries[:120]] == [label for _, label in letters[:120]]
    assert {each["method"] for each in entries[120:]} == {"classifier"}
    assert {each["scheme"] for each in entries} == {"letters"}
    assert [each["value"] for each in entries[120:]] == [label for _, label in letters[120:]]
    assert all(0 < each["confidence"] <= 1 for each in entries[120:])
    assert sum(each["abstained"] for each in entries[120:]) < 10


def test_what_is_below_the_precision_abstains_with_its_best_guess(letters: Letters) -> None:
    strange = [*letters, ("今天天气不错", ""), ("", "")]
    entries = run(table(strange, labelled=150), precision=0.95)
    assert (entries[-2]["abstained"], entries[-2]["value"] is None) == (True, False)
    assert entries[-1] == {
        "scheme": "letters",
        "value": None,
        "confidence": None,
        "method": "classifier",
        "abstained": True,
        "annotator": None,
        "reviewer": None,
    }


def test_a_label_that_the_taxonomy_has_not_stays_and_does_not_decide(letters: Letters) -> None:
    rows = table(letters, labelled=120)
    labels = [*rows["labels"].to_pylist()[:120], *[given("其他")] * 30]
    entries = run(records.with_columns(rows, {"labels": labels}), precision=0.9)
    assert {each["method"] for each in entries[120:]} == {"classifier"}


def test_kinds_that_are_nobody_s_request_get_no_label(letters: Letters) -> None:
    kinds = ["letter", "work_order", "text", "question_answer", "service_item", "document", "law"]
    entries = run(table(letters[:7], labelled=7, kind=kinds))
    assert [bool(each) for each in entries] == [True] * 4 + [False] * 3


def test_with_few_labels_functions_vote_and_abstain_unless_two_agree_and_none_objects() -> None:
    said = [
        ("医院的医生不给挂号", {"卫生计生"}, False),
        ("医院的医生不给挂号，公交也等不到", {"卫生计生", "交通运输"}, True),
        ("医院很远", {"卫生计生"}, True),
        ("你好", {None}, True),
    ]
    entries = run(table([(text, "") for text, *_ in said], labelled=0))
    for entry, (_, values, abstained) in zip(entries, said, strict=True):
        assert entry["value"] in values and entry["abstained"] == abstained
        assert entry["method"] == "label_model"
        assert (entry["confidence"] is None) == (entry["value"] is None)


@pytest.mark.parametrize(
    "said",
    [
        [(f"第{at}封信说的事", VALUES[at % 7]) for at in range(28)],
        [
            (text, label)
            for text, label in (("路灯坏了", VALUES[0]), ("医院挂号", VALUES[6]))
            for _ in range(20)
        ],
        [(f"第{at}封信说的事", VALUES[0]) for at in range(30)],
        [(f"第{at}封信说的事", VALUES[at == 7]) for at in range(30)],
    ],
    ids=["four of each label", "copies of two texts", "one label", "one text of the second label"],
)
def test_labels_that_nothing_can_be_fitted_to_leave_it_to_labelling_functions(said: Letters) -> None:
    entries = run(table([*said, ("医院的医生不给挂号", "")], labelled=len(said)))
    assert {each["method"] for each in entries[:-1]} == {"input"}
    assert (entries[-1]["method"], entries[-1]["value"]) == ("label_model", "卫生计生")


def test_the_order_of_the_records_changes_nothing(letters: Letters) -> None:
    rows = table(letters, labelled=100)
    backwards = rows.take(list(range(rows.num_rows))[::-1])
    assert run(backwards)[::-1] == run(rows)


@pytest.mark.parametrize("split", ["test", "validation"])
@pytest.mark.parametrize("labelled", [True, False])
def test_the_fit_sees_nothing_of_what_is_held_out(
    letters: Letters, tmp_path: Path, split: str, labelled: bool
) -> None:
    """A marker in held-out letters, with or without a label: the fitted model has the same bytes."""
    label = Label(LabelParams(taxonomy="letters"))
    written = []
    for name, marker in (("plain", ""), ("marked", "壹貳叁肆伍陸柒捌玖" * 20)):
        texts = [(text + marker * (at >= 120), value) for at, (text, value) in enumerate(letters)]
        splits = ["train"] * 120 + [split] * 30
        rows = table(texts, labelled=150 if labelled else 120, split=splits)
        fitted = label._fit(label.keys(rows), fetch_from(rows))
        assert fitted is not None
        assert fitted.pool == 0
        fitted.save(tmp_path / name)
        written.append((tmp_path / name).read_bytes())
    assert written[0] == written[1]
    seen = table([(text + "壹貳" * 20, value) for text, value in letters], labelled=150)
    fitted = label._fit(label.keys(seen), fetch_from(seen))
    assert fitted is not None
    fitted.save(tmp_path / "seen")
    assert (tmp_path / "seen").read_bytes() != written[0]


def test_a_given_model_is_used_and_one_for_another_taxonomy_refused(letters: Letters, tmp_path: Path) -> None:
    gold = tmp_path / "gold.jsonl"
    gold.write_bytes(b"".join(orjson.dumps({"text": t, "label": v}) + b"\n" for t, v in letters))
    label_fit_files(tmp_path / "m.npz", taxonomy_name="letters", gold=[gold])
    entries = run(table(letters[:6], labelled=0), model=str(tmp_path / "m.npz"), precision=0.9)
    assert [each["value"] for each in entries] == [value for _, value in letters[:6]]
    with pytest.raises(UsageError, match=r"m\.npz: fitted for another taxonomy than scenarios"):
        Label(LabelParams(taxonomy="scenarios", model=str(tmp_path / "m.npz")))
    with pytest.raises(UsageError, match=r"none\.npz: cannot be read"):
        Label(LabelParams(taxonomy="letters", model=str(tmp_path / "none.npz")))
    assert labeller.load(tmp_path / "m.npz").gold == (50, 0, 50, 0, 0, 0, 50)


def test_a_recipe_labels_after_split_and_anonymise() -> None:
    def parse(*stages: str) -> None:
        options: dict[str, Any] = {"label": {"taxonomy": "letters"}, "split": {"by": "id"}}
        entries = [{name: options.get(name, {})} for name in stages]
        recipes.parse({"schema": "curation/1", "name": "mine", "stages": entries})

    parse("split", "anonymise", "label")
    with pytest.raises(UsageError, match="label needs the column split"):
        parse("anonymise", "label")
    with pytest.raises(UsageError, match="label must stand after anonymise"):
        parse("split", "label", "anonymise")


def test_a_run_labels_the_sample_s_letters_mostly_as_the_truth_has_them(sample: Path, tmp_path: Path) -> None:
    stages = [
        {"clean": {}},
        {"deduplicate": {}},
        {"split": {}},
        {"anonymise": {"names": "none"}},
        {"label": {"taxonomy": "letters", "precision": 0.8}},
    ]
    made = recipes.parse({"schema": "curation/1", "name": "mine", "kind": "letter", "stages": stages})
    curate(made, [sample / "data"], tmp_path / "run")
    truth = {}
    for line in (sample / "truth" / "truth.jsonl").read_bytes().splitlines():
        record = orjson.loads(line)
        truth[record["file"], record["sheet"], record["row"]] = record["category"]
    rows = [row for path in Run(tmp_path / "run").ledger for row in parquet.read(path).to_pylist()]
    right_label = {
        row["id"]: truth[tuple(row["source_details"][key] for key in ("file", "sheet", "row"))]
        for row in rows
    }
    entries = [
        (right_label[row["id"]], label)
        for path in (tmp_path / "run" / "data").glob("*.parquet")
        for row in parquet.read(path, ["id", "labels"]).to_pylist()
        for label in row["labels"] or ()
        if label["scheme"] == "letters"
    ]
    people = [right == label["value"] for right, label in entries if label["method"] == "input"]
    machine = [
        (right == label["value"], label["abstained"])
        for right, label in entries
        if label["method"] == "classifier"
    ]
    assert len(people) > 200
    assert 0.9 < sum(people) / len(people) < 1
    assert len(machine) > 120
    trusted = [right for right, abstained in machine if not abstained]
    assert len(trusted) > 0.3 * len(machine)
    assert sum(trusted) / len(trusted) > 0.85
