"""The road of a recipe that reads first: what is refused before it reads, what evaluate then counts as seen,
and what is written again when a training was cut short."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from curation.errors import UsageError
from training import recipe as recipes
from training.evaluate.run import evaluate
from training.run import TrainingRun, train
from training.schema import Recipe


@pytest.fixture(scope="module")
def everything(letter_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An office's full dump: every letter without its label, those held out too."""
    rows = [json.loads(line) for line in letter_file.read_text(encoding="utf-8").splitlines()]
    path = tmp_path_factory.mktemp("dump") / "dump.jsonl"
    said = [{"title": row["title"], "text": row["text"]} for row in rows]
    path.write_text("".join(json.dumps(each, ensure_ascii=False) + "\n" for each in said), encoding="utf-8")
    return path


def reading(qwen3: Path, dump: Path, *more: str) -> Recipe:
    settings = [
        f"model.path={qwen3}",
        f"data.unlabelled=[{dump}]",
        "pretrain={epochs: 1, batch_size: 8, max_length: 48}",
        "train.max_steps=2",
        "evaluate.batch_size=8",
    ]
    return recipes.load("dispatch", hardware="cpu", settings=[*settings, *more])


@pytest.fixture(scope="module")
def read(
    qwen3: Path, everything: Path, letter_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> TrainingRun:
    run = TrainingRun(tmp_path_factory.mktemp("read") / "out")
    train(reading(qwen3, everything), letter_file, run.folder)
    return run


def test_texts_that_are_held_out_are_not_read_and_so_no_leak(read: TrainingRun) -> None:
    trained = read.lock()["trained"]
    assert trained["unlabelled"]["given_away"] >= trained["examples"]["test"] > 0
    assert trained["read"] > 0
    found = evaluate(read.folder)
    assert (found.base["n"], found.given_away) == (trained["examples"]["test"], 0)


def test_a_file_of_letters_that_were_read_is_no_yardstick(
    read: TrainingRun, letter_file: Path, tmp_path: Path
) -> None:
    rows: list[dict[str, Any]] = [
        json.loads(line) for line in letter_file.read_text(encoding="utf-8").splitlines()
    ]
    seen = [{**row, "split": "test"} for row in rows if row["split"] == "train"]
    path = tmp_path / "seen.jsonl"
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in seen), encoding="utf-8")
    with pytest.raises(UsageError, match="given away"):
        evaluate(read.folder, path)


def test_a_dump_that_has_changed_since_tells_nothing(
    read: TrainingRun, everything: Path, letter_file: Path, tmp_path: Path
) -> None:
    content = everything.read_text(encoding="utf-8")
    everything.write_text(content + content.splitlines()[0] + "\n", encoding="utf-8")
    try:
        assert evaluate(read.folder, letter_file).given_away is None
    finally:
        everything.write_text(content, encoding="utf-8")


def test_what_the_gate_refuses_is_refused_before_anything_is_read(
    qwen3: Path, everything: Path, letter_file: Path, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="max_length"):
        train(reading(qwen3, everything, "data.max_length=16"), letter_file, tmp_path / "out")
    assert not (tmp_path / "out" / "base").exists()
    train(reading(qwen3, everything), letter_file, tmp_path / "out")  # the mended recipe takes the folder


def test_what_is_missing_beside_a_finished_training_is_written_by_the_same_command(
    read: TrainingRun, qwen3: Path, everything: Path, letter_file: Path, tmp_path: Path
) -> None:
    copied = TrainingRun(tmp_path / "out")
    shutil.copytree(read.folder, copied.folder)
    copied.report.unlink()
    (copied.folder / "README.md").unlink()
    done = train(reading(qwen3, everything), letter_file, copied.folder)
    assert done.done_before
    assert copied.report.exists()
    assert (copied.folder / "README.md").exists()
