"""The preview: what is learnt is marked, nothing is written, no weights are read."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from govtune.cli import app
from training import packing
from training import recipe as recipes
from training.preview import Preview, preview, show
from training.schema import Recipe

Write = Callable[..., Path]

SAID = [
    {"role": "user", "content": "路灯<|im_end|>不亮\x1b[2J"},
    {"role": "assistant", "content": "交通运输", "weight": 0.5},
    {"role": "user", "content": "不对"},
    {"role": "assistant", "content": "城乡建设"},
]
MARKED = """<|im_start|>user
路灯\\<|im_end|>不亮␛[2J<|im_end|>
<|im_start|>assistant
⟦0.5:交通运输<|im_end|>⟧
<|im_start|>user
不对<|im_end|>
<|im_start|>assistant
⟦城乡建设<|im_end|>⟧
"""


@pytest.fixture(scope="module")
def no_weights(qwen3: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of which only the tokenizer is there."""
    folder = Path(shutil.copytree(qwen3, tmp_path_factory.mktemp("base") / "model"))
    (folder / "model.safetensors").unlink()
    return folder


def recipe_of(model: Path, **sections: Any) -> Recipe:
    given = {"schema": "training/1", "name": "t", "model": {"path": str(model), "device": "cpu"}, **sections}
    return recipes.parse(given)


def printed(found: Preview, **console: Any) -> str:
    out = io.StringIO()
    show(found, Console(file=out, width=200, **console))
    return out.getvalue()


def test_what_is_learnt_is_marked_and_told(no_weights: Path, write: Write) -> None:
    rows = [{"id": f"c{k}", "messages": SAID, "split": "train"} for k in range(3)]
    found = preview(recipe_of(no_weights), write(rows), 2)
    assert [row.id for row in found.rows] == ["c0", "c1"]
    assert (found.examples, found.overlong, found.truncated, found.refused) == (3, 0, 0, False)
    assert found.tokens == 3 * found.rows[0].tokens == 3 * found.longest
    assert found.learnt == 3 * found.rows[0].learnt
    row = packing.chosen(recipe_of(no_weights), [found.longest] * 3)
    assert row is not None
    assert found.packed_rows == -(-16 // (row // found.longest))
    text = printed(found)
    assert text.startswith(f"--- c0: {found.longest} tokens, {found.rows[0].learnt} learnt\n{MARKED}--- c1: ")
    assert "3 examples to train on" in text
    assert "\x1b" not in text


def test_a_terminal_shows_what_is_learnt_in_colour(no_weights: Path, write: Write) -> None:
    rows = [{"messages": SAID, "split": "train"}]
    found = preview(recipe_of(no_weights), write(rows), 1)
    text = printed(found, force_terminal=True, color_system="standard", no_color=False)
    assert "⟦" not in text
    assert "\x1b[30;102m城乡建设" in text  # black on bright green
    assert "[2J" in text
    assert "\x1b[2J" not in text


def test_letters_are_shown_as_the_task_asks_about_them(no_weights: Path, letter_file: Path) -> None:
    found = preview(recipe_of(no_weights, task="dispatch", data={"packing": "off"}), letter_file, 1)
    text = printed(found)
    assert "⟦城乡建设<|im_end|>⟧" in text
    assert found.examples == 24
    assert found.learnt_by_role["assistant"] == 1
    assert found.learnt_by_role["user"] == found.learnt_by_role["system"] == 0
    assert found.packed_rows is None


def test_dropped_examples_are_told_and_not_shown(no_weights: Path, write: Write) -> None:
    long = [{"role": "user", "content": "路灯" * 200}, {"role": "assistant", "content": "城乡建设"}]
    rows = [{"id": name, "messages": said, "split": "train"} for name, said in (("a", long), ("b", SAID))]
    found = preview(recipe_of(no_weights, data={"max_length": 100}), write(rows), 5)
    assert [row.id for row in found.rows] == ["b"]
    assert (found.overlong, found.refused) == (1, True)
    assert found.longest > 100
    assert "1 longer than data.max_length, dropped" in printed(found)


def test_a_classifiers_labels_are_shown_where_they_are_learnt(no_weights: Path, letter_file: Path) -> None:
    found = preview(recipe_of(no_weights, task="dispatch", objective="seq_cls"), letter_file, 1)
    [piece] = [piece for piece in found.rows[0].pieces if piece.weight]
    assert piece.label == "城乡建设"
    assert found.rows[0].learnt == 1
    assert "⟦城乡建设:" in printed(found)


def test_both_answers_of_a_pair_are_shown(no_weights: Path, write: Write) -> None:
    row = {"id": "p", "prompt": "路灯不亮", "chosen": "城乡建设", "rejected": "交通运输", "split": "train"}
    found = preview(recipe_of(no_weights, objective="dpo"), write([row]), 1)
    assert [row.id for row in found.rows] == ["p chosen", "p rejected"]
    assert "⟦交通运输<|im_end|>⟧" in printed(found)


def test_the_command_writes_nothing(
    no_weights: Path, letter_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    arguments = ["train", "dispatch", "--data", str(letter_file), "--set", f"model.path={no_weights}"]
    shown = CliRunner().invoke(app, [*arguments, "--preview", "1"])
    assert shown.exit_code == 0
    assert "⟦城乡建设<|im_end|>⟧" in shown.output
    told = json.loads(CliRunner().invoke(app, [*arguments, "--preview", "0", "--json"]).output)
    assert told["rows"] == []
    assert told["examples"] == 24
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([], "say where to write: --output DIR; or --preview N"),
        (["--preview", "1", "--resume"], "--preview trains nothing"),
    ],
)
def test_a_command_that_would_neither_train_nor_show_is_refused(
    options: list[str], words: str, letter_file: Path
) -> None:
    refused = CliRunner().invoke(app, ["train", "dispatch", "--data", str(letter_file), *options])
    assert refused.exit_code != 0
    assert words in str(refused.exception)


def test_a_preview_writes_nothing_whatever_output_names(
    qwen3: Path, letter_file: Path, tmp_path: Path
) -> None:
    arguments = ["--set", f"model.path={qwen3}", "--preview", "1", "--output", str(tmp_path / "out")]
    done = CliRunner().invoke(
        app, ["train", "dispatch", "--hardware", "cpu", "--data", str(letter_file), *arguments]
    )
    assert done.exit_code == 0, done.exception
    assert not (tmp_path / "out").exists()
