"""Sequence classification, and what all objectives share: each trains a few steps, is measured, reloads with
plain transformers and peft, and gives the same bytes again."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from curation.errors import UsageError
from training import adapter, objectives
from training import data as datasets
from training import recipe as recipes
from training.evaluate.run import evaluate
from training.objectives import heads, limits, seq_cls
from training.run import TrainingRun, train
from training.schema import Data

Write = Callable[..., Path]
LABELS = ["城乡建设", "交通运输", "环境保护"]


def recipe_for(base: Path, objective: str, *more: str, task: str | None = "dispatch") -> recipes.Recipe:
    """A training of seconds."""
    data: dict[str, Any] = {
        "schema": "training/1",
        "name": "small",
        "objective": objective,
        "task": task,
        "model": {"path": str(base), "dtype": "fp32", "device": "cpu"},
        "adapter": {"rank": 4},
        "train": {"max_steps": 30, "batch_size": 8, "micro_batch_size": 8, "lr": 0.02, "save_every": 10},
        "evaluate": {"every": 15},
    }
    for setting in more:
        path, _, value = setting.partition("=")
        section, key = path.split(".")
        data[section] = {**data.get(section, {}), key: json.loads(value)}
    return recipes.parse(data)


@pytest.fixture(scope="module")
def classified(qwen3: Path, letter_file: Path, tmp_path_factory: pytest.TempPathFactory) -> TrainingRun:
    """A finished training of a classifier. Nothing may be changed in it but what `evaluate` writes."""
    run = TrainingRun(tmp_path_factory.mktemp("classified") / "out")
    train(recipe_for(qwen3, "seq_cls", 'export.formats=["merged"]'), letter_file, run.folder)
    return run


def test_a_classifier_learns_the_labels_of_letters(classified: TrainingRun) -> None:
    lines = [json.loads(line) for line in classified.journal.read_text(encoding="utf-8").splitlines()]
    losses = [line["loss"] for line in lines if "loss" in line]
    assert losses[-1] < losses[0] / 2
    assert [line["step"] for line in lines if "validation_loss" in line] == [15, 30]
    assert lines[-1]["supervised_tokens"] == 30 * 8  # one label for each example


def test_a_classifier_is_measured_beside_the_commonest_label(classified: TrainingRun) -> None:
    found = evaluate(classified.folder)
    told = json.loads(classified.evaluation.read_text(encoding="utf-8"))
    assert told["tuned"]["n"] == told["base"]["n"] == 8
    assert told["base"]["method"] == "commonest label"
    counts = dict(classified.lock()["labels"])
    assert sum(counts.values()) == 24
    commonest = max(counts, key=counts.__getitem__)
    assert found.base["by_label"][commonest]["right"] == found.base["by_label"][commonest]["n"]
    assert 0 < told["base"]["accuracy"] < 1
    assert {"accuracy", "interval", "macro_f1", "by_label"} <= told["tuned"].keys()
    assert any("accuracy" in line for line in found.lines())


@pytest.mark.filterwarnings("ignore:.*is_activation_checkpointing:FutureWarning")
def test_plain_peft_and_transformers_reload_a_classifier(classified: TrainingRun, qwen3: Path) -> None:
    import torch
    from peft import PeftModel
    from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer

    recipe, labels = classified.recipe(), classified.lock()["labels"]
    config = AutoConfig.from_pretrained(classified.adapter)
    assert [config.id2label[number] for number in range(len(labels))] == [name for name, _ in labels]
    base = AutoModelForSequenceClassification.from_pretrained(qwen3, config=config)
    plain = PeftModel.from_pretrained(base, classified.adapter).eval()
    loaded, _ = seq_cls.load(recipe, str(qwen3), labels)
    ours = adapter.load(loaded, classified.adapter)
    whole = AutoModelForSequenceClassification.from_pretrained(classified.merged).eval()
    ids = AutoTokenizer.from_pretrained(classified.adapter)(["井盖坏了", "公交太少了，请增加"], padding=True)
    batch = {name: torch.tensor(ids[name]) for name in ("input_ids", "attention_mask")}
    with torch.inference_mode():
        said = ours(**batch).logits
        assert torch.equal(plain(**batch).logits, said)
        torch.testing.assert_close(whole(**batch).logits, said, rtol=0, atol=1e-4)
    assert whole.config.id2label == config.id2label


def test_padding_changes_no_answer_of_a_classifier(classified: TrainingRun, letter_file: Path) -> None:
    recipe, labels = classified.recipe(), classified.lock()["labels"]
    loaded, tokenizer = seq_cls.load(recipe, recipe.model.path, labels)
    model = adapter.load(loaded, classified.adapter)
    letters = datasets.read(letter_file, recipe)["train"]
    rows, _ = seq_cls.encode(tokenizer, recipe, labels, letters)
    alone = [heads.answers(model, [row], 1, pooled=True)[0] for row in rows]
    assert heads.answers(model, rows, 7, pooled=True) == alone


def test_a_classifier_is_the_same_again(
    classified: TrainingRun, qwen3: Path, letter_file: Path, tmp_path: Path
) -> None:
    again = TrainingRun(tmp_path / "again")
    train(recipe_for(qwen3, "seq_cls"), letter_file, again.folder)
    name = "adapter_model.safetensors"
    assert (again.adapter / name).read_bytes() == (classified.adapter / name).read_bytes()


def test_rare_labels_count_more_where_they_are_balanced(qwen3: Path) -> None:
    import torch

    rows = [seq_cls._row([1, 2, 3], label) for label in (0, 0, 0, 2)]
    recipe = recipe_for(qwen3, "seq_cls", 'labels.class_weight="balanced"')
    model, _ = seq_cls.load(recipe, str(qwen3), [(name, 1) for name in "abc"])
    learning = heads.learning(model, recipe, rows, 3, pooled=True)
    plain = heads.learning(model, recipe_for(qwen3, "seq_cls"), rows, 3, pooled=True)
    amounts = [learning.amount(row) for row in rows]
    assert amounts == pytest.approx([4 / 6, 4 / 6, 4 / 6, 2.0])
    assert sum(amounts) == pytest.approx(len(rows))
    batch = learning.collate(rows)
    with torch.no_grad():
        parts = [learning.loss(model, learning.collate([row])) for row in rows]
        whole, unweighted = learning.loss(model, batch), plain.loss(model, plain.collate(rows[3:]))
    assert float(whole) == pytest.approx(float(sum(parts)), rel=1e-5)
    assert float(parts[3]) == pytest.approx(2 * float(unweighted), rel=1e-5)


def test_labels_come_from_the_recipe_else_the_task_else_the_data(qwen3: Path, letter_file: Path) -> None:
    recipe = recipe_for(qwen3, "seq_cls")
    letters, no_task = datasets.read(letter_file, recipe)["train"], recipe.model_copy(update={"task": None})
    of_task = dict(seq_cls.labels(recipe, letters))
    assert set(LABELS) < set(of_task)
    assert sum(of_task.values()) == len(letters)
    assert [name for name, _ in seq_cls.labels(no_task, letters)] == sorted(LABELS)
    named = recipe_for(qwen3, "seq_cls", f"labels.names={json.dumps([*LABELS, '其他'])}")
    assert [name for name, _ in seq_cls.labels(named, letters)] == [*LABELS, "其他"]
    few = recipe_for(qwen3, "seq_cls", f"labels.names={json.dumps(LABELS[:2])}")
    with pytest.raises(UsageError, match="its answer is no label; name them all") as refused:
        seq_cls.labels(few, letters)
    assert not any(label in str(refused.value) for label in LABELS)
    alike = [each for each in letters if each.messages[-1]["content"] == LABELS[0]]
    with pytest.raises(UsageError, match="1 label in the train examples"):
        seq_cls.labels(no_task, alike)


@pytest.mark.parametrize(
    ("objective", "more", "words"),
    [
        ("seq_cls", ['data.packing="on"'], "data.packing: seq_cls is not packed"),
        ("seq_cls", ['data.overlong="truncate_history"'], "data.overlong: seq_cls has no turns"),
        ("seq_cls", ['export.formats=["vllm"]'], "export.formats: of seq_cls only merged"),
        ("sft", ['labels.class_weight="balanced"'], "labels: only of seq_cls and token_cls"),
        ("sft", ["preference.beta=0.2"], "preference: only of dpo"),
        ("token_cls", [], "task: token_cls reads rows with text and spans"),
        ("dpo", [], "task: dpo reads rows with messages, chosen and rejected"),
    ],
)
def test_a_key_of_another_objective_is_refused(objective: str, more: list[str], words: str) -> None:
    with pytest.raises(UsageError) as refused:
        recipe_for(Path("tiny"), objective, *more)
    assert words in str(refused.value)


def test_examples_that_are_too_long_are_dropped_counted_and_refused_beyond_the_limit() -> None:
    rows = [seq_cls._row([1] * length, 0) for length in (4, 20, 6, 30)]
    lengths, ids = [len(row.input_ids) for row in rows], ["a", "b", "c", "d"]

    def kept(**limit: Any) -> tuple[list[Any], Any]:
        return limits.short_enough(rows, ids, lengths, [1] * 4, Data(max_length=16, **limit))

    some, counts = kept(max_drop_fraction=0.5)
    assert some == [rows[0], rows[2]]
    assert (counts.rows, counts.kept, counts.overlong, counts.tokens, counts.longest) == (4, 2, 2, 10, 30)
    with pytest.raises(UsageError, match=r"2 of 4 examples are longer than data\.max_length 16"):
        kept(max_drop_fraction=0.4)
    with pytest.raises(UsageError, match=r"example b: 20 tokens, data\.max_length is 16"):
        kept(overlong="error", max_drop_fraction=0.9)


def test_every_objective_of_the_schema_has_its_module() -> None:
    functions = ("read", "read_held_out", "labels", "load", "encode", "ready", "learning", "measure")
    for name in ("sft", "seq_cls", "token_cls", "dpo"):
        module = objectives.of(name)
        assert all(callable(getattr(module, each)) for each in functions)
