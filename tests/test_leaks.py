"""Nothing personal leaks sideways: not into data, card, lock or figures, not onto the terminal."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from curation import Run, parquet
from curation.records import TEXT_FIELDS


@pytest.fixture(scope="module")
def truth(sample: Path) -> list[dict[str, Any]]:
    lines = (sample / "truth" / "truth.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


@pytest.fixture(scope="module")
def values(truth: list[dict[str, Any]]) -> set[str]:
    """Personal values of at least two characters; a shorter one is no value of its own."""
    return {value for record in truth for value in record["values"] if len(value) > 1}


def published(run: Path) -> str:
    """All that is published, as one text: every column of every record, and every other file."""
    data = sorted((run / "data").glob("*.parquet"))
    rows = [json.dumps(row, ensure_ascii=False) for path in data for row in parquet.read(path).to_pylist()]
    files = [path.read_text(encoding="utf-8") for path in run.iterdir() if path.is_file()]
    return "\n".join([*rows, *files])


def test_no_personal_value_of_the_truth_is_published(curated: Path, values: set[str]) -> None:
    text = published(curated)
    assert len(values) > 1000
    assert sum(value in text for value in values) == 0


def test_the_document_with_a_secrecy_mark_is_stopped_and_talk_about_secrecy_is_not(
    curated: Path, truth: list[dict[str, Any]]
) -> None:
    entries = [row for path in Run(curated).ledger for row in parquet.read(path).to_pylist()]
    by_place = {tuple(row["source_details"][key] for key in ("file", "sheet", "row")): row for row in entries}
    stopped = {
        place for place, row in by_place.items() if row["stage"] == "screen" and row["fate"] == "dropped"
    }
    assert stopped == {
        (record["file"], record["sheet"], record["row"]) for record in truth if record["secret"]
    }
    assert len(stopped) == 1


def test_planted_duplicates_go_and_planted_variants_stay(curated: Path, truth: list[dict[str, Any]]) -> None:
    entries = [row for path in Run(curated).ledger for row in parquet.read(path).to_pylist()]
    by_place = {tuple(row["source_details"][key] for key in ("file", "sheet", "row")): row for row in entries}

    def entry(place: dict[str, Any]) -> dict[str, Any]:
        return by_place[place["file"], place["sheet"], place["row"]]

    wrong = []
    for record in truth:
        if record["relation"] is None:
            continue
        dropped = [entry(each)["fate"] == "dropped" for each in (record, record["duplicate_of"])]
        if (record["relation"] == "variant") == any(dropped):
            wrong.append(record)
    assert wrong == []


def test_the_terminal_shows_neither_personal_values_nor_six_characters_of_any_record(
    sample: Path, tmp_path: Path, values: set[str]
) -> None:
    commands = [
        ["inspect", str(sample / "data")],
        ["plan", "letters", "--input", str(sample / "data")],
        ["curate", "letters", "--input", str(sample / "data"), "--output", str(tmp_path / "run")],
        ["card", "check", str(tmp_path / "run")],
    ]
    shown = ""
    for command in commands:
        done = subprocess.run([sys.executable, "-m", "govtune", *command], capture_output=True, text=True)
        assert done.returncode == 0
        shown += done.stdout + done.stderr
    record = parquet.read(Run(tmp_path / "run").ledger[0], ["id"])["id"][0].as_py()
    explain = [sys.executable, "-m", "govtune", "explain", str(tmp_path / "run"), record]
    shown += subprocess.run(explain, capture_output=True, text=True, check=True).stdout
    assert [value for value in values if value in shown] == []
    for path in (sample / "data").rglob("*"):  # a file's name is no record
        shown = shown.replace(path.name, "")
    partitions = (Run(tmp_path / "run").private / "partitions").glob("*-*.records.parquet")
    tables = [parquet.read(path, list(TEXT_FIELDS)) for path in partitions]
    texts = "\n".join(
        text for table in tables for name in TEXT_FIELDS for text in table[name].to_pylist() if text
    )
    six = {line[at : at + 6] for line in shown.splitlines() for at in range(len(line) - 5)}
    assert len(texts) > 50_000
    assert sorted(each for each in six if each in texts) == []
