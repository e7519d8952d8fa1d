from __future__ import annotations

import json
import sys
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import orjson
import pytest
import typer
from numpy.typing import NDArray
from typer.testing import CliRunner

from curation.errors import InputError, UsageError
from curation.label import audit, audit_cli, features, taxonomy
from curation.label.audit_files import audit_file
from curation.samples import letters as samples

VALUES = taxonomy.load("letters").values
needs_cleanlab = pytest.mark.skipif(
    audit.importlib.util.find_spec("cleanlab") is None,
    reason="cleanlab is not installed: pip install 'govtune[audit]'",
)


@pytest.fixture(scope="module")
def generated() -> list[dict[str, Any]]:
    """280 generated letters with their right labels."""
    rng = Random(5)
    made = [samples.compose(rng, VALUES[at % 7]) for at in range(280)]
    return [
        {"编号": f"L{at}", "标题": each.title.text, "来信内容": each.text.text, "label": each.category}
        for at, each in enumerate(made)
    ]


def documents(rows: list[dict[str, Any]]) -> list[str]:
    return [features.document(row["标题"], row["来信内容"]) for row in rows]


def labels_of(rows: list[dict[str, Any]]) -> NDArray[np.int64]:
    return np.array([VALUES.index(row["label"]) for row in rows])


def planted(right: NDArray[np.int64], share: float, seed: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Labels of which a share is another one, and which these are."""
    rng = np.random.default_rng(seed)
    wrong = np.zeros(len(right), bool)
    wrong[rng.choice(len(right), round(share * len(right)), replace=False)] = True
    return np.where(wrong, (right + rng.integers(1, 7, len(right))) % 7, right), wrong


def probabilities(texts: list[str], given: NDArray[np.int64]) -> NDArray[np.float64]:
    return audit.held_out(VALUES, texts, [VALUES[label] for label in given], audit.near_duplicates(texts))


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
    return path


@needs_cleanlab
@pytest.mark.parametrize("share", [0.05, 0.1])
def test_planted_errors_are_found_named_first_and_put_right(
    generated: list[dict[str, Any]], share: float
) -> None:
    texts, right = documents(generated), labels_of(generated)
    recall, precision, first, suggested = [], [], [], []
    for seed in range(3):
        given, wrong = planted(right, share, seed)
        doubts = audit.find_errors(given, probabilities(texts, given))
        named = doubts.wrong
        recall.append((named & wrong).sum() / wrong.sum())
        precision.append((named & wrong).sum() / named.sum())
        first.append(wrong[np.argsort(doubts.score, kind="stable")[: wrong.sum()]].mean())
        suggested.append((doubts.suggested == right)[named & wrong].mean())
    assert np.mean(recall) >= 0.7
    assert np.mean(precision) >= 0.9
    assert np.mean(first) >= 0.9
    assert np.mean(suggested) >= 0.9


@needs_cleanlab
def test_right_labels_are_left_alone(generated: list[dict[str, Any]]) -> None:
    given = labels_of(generated)
    assert audit.find_errors(given, probabilities(documents(generated), given)).wrong.sum() <= 3


@needs_cleanlab
def test_real_letters_with_planted_errors(shared: Path) -> None:
    lines = (shared / "letters" / "labelled.jsonl").read_bytes().splitlines()
    rows = [orjson.loads(line) for line in lines]
    texts = [features.document(row["title"], row["text"]) for row in rows]
    given, wrong = planted(labels_of(rows), 0.1, 0)
    doubts = audit.find_errors(given, probabilities(texts, given))
    assert (doubts.wrong & wrong).sum() / wrong.sum() >= 0.7
    assert (doubts.wrong & wrong).sum() / doubts.wrong.sum() >= 0.5


@needs_cleanlab
def test_what_is_doubted_is_what_the_probabilities_say() -> None:
    """Labels that do not occur have columns, too; a label that is the best guess is never doubted."""
    given = np.repeat([1, 3, 6], 60)
    told = np.full((180, 7), 0.02)
    told[np.arange(180), given] = 0.88
    told[0], told[70] = [0, 0.1, 0, 0.9, 0, 0, 0], [0, 0.95, 0, 0.04, 0, 0, 0.01]
    doubts = audit.find_errors(given, told)
    assert np.flatnonzero(doubts.wrong).tolist() == [0, 70]
    assert doubts.suggested[[0, 70]].tolist() == [3, 1]
    assert doubts.score[[0, 1, 70]].tolist() == [0.1, 0.88, 0.04]
    assert (told[1] == [0.02, 0.88, 0.02, 0.02, 0.02, 0.02, 0.02]).all()  # the input is not edited


def test_the_order_of_the_rows_does_not_matter(generated: list[dict[str, Any]]) -> None:
    rows = generated[:120]
    rows = [*rows, {**rows[3], "来信内容": rows[3]["来信内容"] + "谢谢。"}]
    order = np.random.default_rng(0).permutation(len(rows))
    told = probabilities(documents(rows), labels_of(rows))
    shuffled = [rows[at] for at in order]
    assert (probabilities(documents(shuffled), labels_of(shuffled)) == told[order]).all()


def test_nobody_is_judged_by_a_near_duplicate_of_himself() -> None:
    """Every text twice, nearly; its label is drawn by lot. Who had seen the copy would always be right."""
    rng = Random(0)
    texts, given = [], []
    for _ in range(60):
        text = "".join(chr(rng.randrange(0x4E00, 0x9000)) for _ in range(80))
        label = rng.randrange(2)
        texts += [text, text + "请尽快处理"]
        given += [label, label]
    told = probabilities(texts, np.array(given))
    assert (told.argmax(axis=1) == given).mean() < 0.65
    alone = audit.held_out(VALUES, texts, [VALUES[label] for label in given], np.arange(120))
    assert (alone.argmax(axis=1) == given).mean() > 0.9


def test_a_label_that_no_other_text_has_cannot_be_judged(generated: list[dict[str, Any]]) -> None:
    rows = [row for row in generated if row["label"] != VALUES[6]][:100]
    rows = [*rows, next(row for row in generated if row["label"] == VALUES[6])]
    told = probabilities(documents(rows), labels_of(rows))
    assert np.isnan(told).any(axis=1).tolist() == [False] * 100 + [True]


def test_all_near_duplicates_with_different_labels_are_listed(generated: list[dict[str, Any]]) -> None:
    rng = Random(1)
    made = [samples.compose(rng, VALUES[at % 7]) for at in range(200)]
    texts = [each.text.text for each in made]
    labels = [each.category for each in made]
    pairs = {}
    for at in range(0, 60, 2):
        texts.append(texts[at] if at % 4 else texts[at] + "望尽快")
        same = at % 3 == 0
        labels.append(labels[at] if same else VALUES[(VALUES.index(labels[at]) + 1) % 7])
        if not same:
            pairs[at] = len(texts) - 1
    found = audit.near_duplicates_with_different_labels(texts, labels)
    assert {each.members for each in found} == set(pairs.items())
    assert all(each.cluster == each.members[0] for each in found)
    assert all(each.labels == tuple(labels[at] for at in each.members) for each in found)


def test_empty_texts_are_no_duplicates_of_each_other() -> None:
    odd = ["", "", "\0\ud800<b>路灯坏了</b>😀", "\0\ud800<b>路灯坏了</b>😀"]
    found = audit.near_duplicates_with_different_labels(odd, ["a", "b", "a", "b"])
    assert [each.members for each in found] == [(2, 3)]
    assert audit.near_duplicates_with_different_labels([], []) == []


@needs_cleanlab
@pytest.mark.parametrize("suffix", [".jsonl", ".xlsx", ".csv", ".parquet"])
def test_the_table_of_findings_names_rows_and_holds_no_text(
    generated: list[dict[str, Any]], tmp_path: Path, suffix: str
) -> None:
    from curation.ingest.tables import Rows, read_rows, write_rows

    rows = [dict(row) for row in generated]
    rows[10]["label"] = VALUES[(VALUES.index(rows[10]["label"]) + 3) % 7]
    rows.append({**rows[20], "编号": "copy", "label": VALUES[(VALUES.index(rows[20]["label"]) + 1) % 7]})
    rows += [{**rows[30], "label": ""}, {"编号": "", "标题": "", "来信内容": " ", "label": VALUES[0]}]
    source, output = tmp_path / f"in{suffix}", tmp_path / f"out{suffix}"
    write_rows(source, Rows(tuple(rows[0]), rows))
    done = audit_file(source, taxonomy_name="letters", output=output)
    first = 2 if suffix in (".xlsx", ".csv") else 1
    assert (done.rows, done.unlabelled, done.empty, done.unjudged) == (281, 1, 1, 0)
    assert done.clusters == 1
    by_row = {each.row: each for each in done.findings}
    wrong = by_row[10 + first]
    assert (wrong.id, wrong.label, wrong.suggested) == ("L10", rows[10]["label"], generated[10]["label"])
    copies = {20 + first, 280 + first}
    assert copies <= set(by_row)
    assert {by_row[row].cluster for row in copies} == {20 + first}
    assert [each.cluster for each in done.findings if each.row not in copies] == [None] * (
        len(done.findings) - 2
    )
    assert done.errors == sum(each.suggested is not None for each in done.findings)
    table = read_rows(output)
    assert table.columns == ("row", "id", "label", "suggested", "score", "cluster")
    assert [int(row["row"]) for row in table.rows] == [each.row for each in done.findings]
    cells = " ".join(str(value) for row in table.rows for value in row.values())
    assert not any(
        phrase in cells for row in rows for phrase in row["来信内容"].split("，") if phrase.strip()
    )


@needs_cleanlab
def test_the_command_tells_rows_and_labels_and_never_a_text(
    generated: list[dict[str, Any]], tmp_path: Path
) -> None:
    given, wrong = planted(labels_of(generated), 0.2, 1)
    rows = [
        {**row, "label": VALUES[label], "来信内容": row["来信内容"] + "\0<b>\U0001f600"}
        for row, label in zip(generated, given, strict=True)
    ]
    source = write(tmp_path / "in.jsonl", rows)
    app = typer.Typer()
    app.command()(audit_cli.label_audit)
    output = tmp_path / "doubts.jsonl"
    said = CliRunner().invoke(app, [str(source), "-o", str(output), "--seed", "3"])
    assert said.exit_code == 0
    assert f"rows -> {output}" in said.stdout
    assert "more; -o FILE writes them all" in said.stdout
    told = json.loads(CliRunner().invoke(app, [str(source), "--json", "--seed", "3"]).stdout)
    assert [orjson.loads(line) for line in output.read_bytes().splitlines()] == told["findings"]
    assert wrong[[each["row"] - 1 for each in told["findings"] if each["suggested"]]].mean() > 0.5
    assert not any(row["标题"] in said.stdout or row["来信内容"][:12] in said.stdout for row in rows)


def test_an_id_with_half_of_a_surrogate_pair_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    from curation.label import audit_files

    found = audit_files.Finding(3, "\ud800", VALUES[0], VALUES[1], 0.01, None)
    done = audit_files.AuditSummary(1, 0, 0, 0, 1, 0, (found,))
    monkeypatch.setattr(audit_files, "audit_file", lambda *_, **__: done)
    app = typer.Typer()
    app.command()(audit_cli.label_audit)
    said = CliRunner().invoke(app, ["in.jsonl"])
    assert said.exit_code == 0
    assert f"row 3, id ?: {VALUES[0]} -> {VALUES[1]} (0.010)" in said.stdout


@needs_cleanlab
def test_wrong_use_is_one_line(generated: list[dict[str, Any]], tmp_path: Path) -> None:
    rows = [dict(row) for row in generated[:40]]
    source = write(tmp_path / "in.jsonl", rows)

    def refused(path: Path = source, **options: Any) -> str:
        with pytest.raises(UsageError) as error:
            audit_file(path, **{"taxonomy_name": "letters", **options})
        assert "\n" not in str(error.value)
        return str(error.value)

    assert "no column topic; name it with --label-field" in refused(label_field="topic")
    assert "is an input itself" in refused(output=source)
    assert "format not supported" in refused(output=tmp_path / "o.docx")
    assert "no such file" in refused(tmp_path / "none.jsonl")
    few = write(tmp_path / "few.jsonl", rows[:5])
    assert refused(few) == "too few labels to audit them: distinct labelled texts: 5, of at least 20"
    rows[2]["label"] = "城乡建没"
    bad = write(tmp_path / "bad.jsonl", rows)
    with pytest.raises(InputError, match=r"bad\.jsonl, row 3, field label: not a label of letters; did you"):
        audit_file(bad, taxonomy_name="letters")
    assert not (tmp_path / "o.docx").exists()


def test_without_cleanlab_one_line_says_how_to_get_it(
    generated: list[dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "cleanlab", None)
    source = write(tmp_path / "in.jsonl", generated)
    with pytest.raises(
        UsageError, match=r"^the audit of labels needs cleanlab: pip install 'govtune\[audit\]'$"
    ):
        audit_file(source, taxonomy_name="letters")
    with pytest.raises(UsageError, match="needs cleanlab"):
        audit.find_errors(np.array([0, 1]), np.eye(2))
