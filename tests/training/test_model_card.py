"""The model card: what it says, in both languages, and where each number comes from."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from curation.files import canonical_json
from curation.writing.hub import card_faults
from training import model_card
from training import recipe as recipes
from training.evaluate.run import evaluate
from training.run import TrainingRun, train

Govtune = Callable[..., Any]
GOLDEN = Path(__file__).parent / "golden"
LANGUAGES = ["zh", "en"]

RECIPE = {
    "schema": "training/1",
    "name": "letters",
    "description": {"zh": "按诉求内容建议办理类别", "en": "Suggests the category of a letter"},
    "task": "dispatch",
    "model": {"path": "/models/Some-Model-1B"},
    "data": {"max_length": 1024},
    "pretrain": {"epochs": 2},
    "adapter": {"rank": 8},
    "train": {"max_steps": 40, "batch_size": 8, "lr": 2e-4},
}
LOCK = {
    "schema": "training-lock/1",
    "govtune": "0.1.0",
    "fingerprint": "f" * 64,
    "data": {"path": "../run", "sha256": ""},
    "trained": {
        "examples": {"train": 1200, "validation": 150, "test": 149},
        "overlong": 3,
        "tokens": 240_000,
        "supervised_tokens": 4_812,
        "parameters": 1_000_000,
        "trainable": 20_480,
        "steps": 40,
        "given_away": {"validation": 1, "test": 2},
        "unlabelled": {"rows": 900, "empty": 1, "duplicates": 20, "given_away": 4, "labelled": 310},
        "read": 2_075,
    },
    "model": {"sha256": "b" * 64, "revision": None, "dtype": "torch.bfloat16", "device": "Some GPU 24 GB"},
    "chat_template": "c" * 64,
    "tokenizer": "d" * 64,
    "adapter": "a" * 64,
    "labels": {},
    "gate": {"prompts": 200, "answers": 200, "fewest_learnt": 3, "neutralised": 0, "dropped": 0.0025,
             "isolation": None, "trainable": 20_480, "gradients": 28, "given_away": {"test": 2}},
    "packages": {"torch": "2.13.0", "peft": "0.21.2", "python": "3.11.7"},
    "threads": 4,
}  # fmt: skip
JOURNAL = [
    {"phase": "pretrain", "step": 9, "loss": 5.0, "tokens": 99, "tokens_per_second": 9.0},
    {"phase": "train", "step": 20, "loss": 1.0, "tokens": 120_000, "tokens_per_second": 4_000.0},
    {"phase": "train", "step": 40, "loss": 0.5, "tokens": 240_000, "tokens_per_second": 4_000.0,
     "peak_memory_bytes": 5 << 30, "utilisation": 0.3127},
]  # fmt: skip
METRICS = {
    "processing": {"screened": True, "anonymised": False},
    "published": {"records": 1_499, "characters": 300_000},
    "licenses": {"values": {"CC-BY-4.0": 1_400}, "missing": 99},
}
MODEL = {"n": 149, "accuracy": 0.25, "interval": [0.18, 0.33], "macro_f1": 0.1}
LABELS = {
    "环境保护": {"n": 20, "right": 8},
    "交通|运输": {"n": 30, "right": 27},
    "教育文体": {"n": 4, "right": 0},
}
EVALUATION = {
    "schema": "evaluation/1",
    "base": {**MODEL, "by_label": {}},
    "tuned": {**MODEL, "accuracy": 0.75, "interval": [0.67, 0.82], "macro_f1": 0.7012, "by_label": LABELS},
    "baseline": {
        **MODEL,
        "accuracy": 0.74,
        "interval": [0.66, 0.81],
        "macro_f1": 0.69,
        "method": "linear SVM",
    },
    "difference": {"accuracy": 0.5, "interval": [0.4, 0.6]},
    "over_baseline": {"accuracy": 0.01, "interval": [-0.04, 0.06]},
    "machine_labelled": 7,
    "given_away": 2,
    "data": "e" * 64,
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A training's files, written by hand."""
    run = tmp_path / "run"
    run.mkdir()
    (run / "govtune.lock.json").write_text("{}")
    (run / "metrics.json").write_text(json.dumps(METRICS))
    digest = hashlib.sha256(b"{}").hexdigest()
    out = tmp_path / "out"
    (out / "adapter").mkdir(parents=True)
    (out / "base").mkdir()
    lock = {**LOCK, "recipe": recipes.parse(RECIPE).resolved(), "data": {"path": "../run", "sha256": digest}}
    (out / "govtune.lock.json").write_text(canonical_json(lock), encoding="utf-8")
    (out / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in JOURNAL))
    (out / "evaluation.json").write_text(canonical_json(EVALUATION), encoding="utf-8")
    exports = {"merged": {"logit_difference": 0.03125}, "vllm": {}}
    (out / "export.json").write_text(canonical_json({"schema": "export/1", "formats": exports}))
    return out


def change(folder: Path, section: str, **keys: Any) -> None:
    """Another recipe was trained."""
    path = folder / "govtune.lock.json"
    lock = json.loads(path.read_text(encoding="utf-8"))
    lock["recipe"][section].update(keys)
    path.write_text(canonical_json(lock), encoding="utf-8")


def card(folder: Path, lang: Any = None) -> str:
    return model_card.write(folder, lang).read_text(encoding="utf-8")


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_card_reads_as_agreed(lang: str, folder: Path) -> None:
    assert card(folder, lang) == (GOLDEN / f"model_card.{lang}.md").read_text(encoding="utf-8")


def test_both_languages_hold_the_same_numbers(folder: Path) -> None:
    numbers = [Counter(re.findall(r"\d+(?:[.,]\d+)*", card(folder, lang))) for lang in LANGUAGES]
    assert numbers[0] == numbers[1]
    assert sum(numbers[0].values()) > 100


def test_a_card_keeps_its_language(folder: Path) -> None:
    assert "<!-- govtune model card zh -->" in card(folder)
    english = card(folder, "en")
    assert "## Limits" in english
    assert card(folder) == english


def test_the_front_matter_is_what_the_hub_reads(folder: Path) -> None:
    front = yaml.safe_load(card(folder).split("---\n")[1])
    assert "base_model" not in front  # a folder's name is no model on a hub
    assert front["library_name"] == "peft"
    assert front["license"] == "unknown"
    [model] = front["model-index"]
    [result] = model["results"]
    assert result["metrics"][0] == {"type": "accuracy", "name": "accuracy", "value": 0.75}
    read = pytest.importorskip("huggingface_hub").ModelCard(card(folder)).data
    assert {each.metric_type: each.metric_value for each in read.eval_results} == {
        "accuracy": 0.75,
        "f1": 0.7012,
    }


@pytest.mark.parametrize(
    ("base", "license"), [("Apache-2.0", "apache-2.0"), ("qwen-research", "other"), (None, "unknown")]
)
def test_a_licence_that_the_hub_does_not_know_is_named(
    base: str | None, license: str, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "base").mkdir()
    said = f"license: {base}\n" if base else "language: zh\n"
    (tmp_path / "base" / "README.md").write_text(f"---\n{said}---\n")
    change(folder, "model", path=str(tmp_path / "base"))
    text = card(folder)
    front = yaml.safe_load(text.split("---\n")[1])
    assert front["license"] == license
    assert front.get("license_name") == (base if license == "other" else None)
    assert card_faults(text) == []


def test_a_card_is_checked_by_writing_it_again(folder: Path, govtune: Govtune) -> None:
    card(folder, "en")
    assert govtune("model-card", folder, "--check").code == 0
    path = folder / "README.md"
    true = path.read_bytes()
    path.write_bytes(true.replace(b"0.750", b"0.850", 1))
    assert path.read_bytes() != true
    assert govtune("model-card", folder, "--check").code == 1
    path.write_bytes(true)
    assert govtune("model-card", folder, "--check", "--lang", "zh").code == 1
    assert path.read_bytes() == true
    path.unlink()
    assert govtune("model-card", folder, "--check").code == 1


@pytest.mark.parametrize(("whole", "relation"), [(False, "adapter"), (True, "finetune")])
def test_a_base_on_a_hub_is_named_for_the_hub(whole: bool, relation: str, folder: Path) -> None:
    change(folder, "model", path="owner/name", revision="abc")
    if whole:
        (folder / "adapter").rmdir()
    front = yaml.safe_load(card(folder).split("---\n")[1])
    assert (front["base_model"], front["base_model_relation"]) == ("owner/name", relation)


def test_the_model_that_ships_is_loaded_from_the_package(folder: Path) -> None:
    change(folder, "model", path="tiny")
    read_on = card(folder, "en")
    assert 'from_pretrained("base")' in read_on and "training" not in _snippet(read_on)
    (folder / "base").rmdir()
    text = card(folder, "en")
    assert "base_model" not in text
    loaded: dict[str, Any] = {}
    exec(_snippet(text).partition("model = ")[0], loaded)  # what a reader would copy
    assert loaded["base"].config.model_type == "qwen3"
    (folder / "adapter").rmdir()
    assert "tiny" not in _snippet(card(folder, "en"))


def _snippet(text: str) -> str:
    return text.split("```python\n")[1].split("```")[0]


@pytest.mark.parametrize(("lang", "told"), [("zh", "调用方须同样截取"), ("en", "cuts them too")])
def test_how_much_is_read_of_a_message_is_told_where_it_is_cut(lang: str, told: str, folder: Path) -> None:
    assert told not in card(folder, lang)
    change(folder, "chat", user_length=190)
    [row] = [line for line in card(folder, lang).splitlines() if told in line]
    assert row.endswith(" | 190 |")


def test_time_and_memory_are_told_though_the_last_line_names_the_best_step(folder: Path) -> None:
    before = card(folder, "en")
    more = [
        {"phase": "train", "step": 40, "validation_loss": 0.4, "peak_memory_bytes": 3 << 30},
        {"phase": "train", "step": 40, "best_step": 20},
    ]
    with (folder / "metrics.jsonl").open("a") as journal:
        journal.writelines(json.dumps(line) + "\n" for line in more)
    assert "about 60 seconds" in before and "- Peak memory: 5.00 GiB." in before
    assert card(folder, "en") == before


def test_the_license_is_that_of_the_base(folder: Path, tmp_path: Path) -> None:
    base = tmp_path / "base"
    base.mkdir()
    (base / "README.md").write_text("---\nlicense: apache-2.0\n---\n# base\n")
    change(folder, "model", path=str(base))
    assert "\nlicense: apache-2.0\n" in card(folder)
    (base / "README.md").write_text("---\nlicense: [not, one]\n")
    assert "\nlicense: unknown\n" in card(folder)


@pytest.mark.parametrize(
    ("gone", "lines"),
    [
        ("evaluation.json", ["not measured. Run `govtune evaluate DIR`.", "- Quality: not measured."]),
        ("metrics.jsonl", ["- Time: not measured.", "- Peak memory: not measured."]),
        ("../run/govtune.lock.json", ["- Data card: none; licence: not measured."]),
    ],
)
def test_what_is_missing_is_called_not_measured(gone: str, lines: list[str], folder: Path) -> None:
    whole = card(folder, "en").splitlines()
    (folder / gone).unlink()
    assert [line for line in lines if line in whole] == []
    assert [line for line in lines if line not in card(folder).splitlines()] == []


def test_a_run_that_has_changed_is_not_told_of(folder: Path) -> None:
    (folder / "../run/govtune.lock.json").write_text("{ }")
    assert "1,499" not in card(folder)


def test_a_model_trained_as_a_whole_has_no_adapter(folder: Path) -> None:
    (folder / "adapter").rmdir()
    text = card(folder, "en")
    assert "library_name: transformers" in text
    assert "Rank" not in text
    assert "PeftModel" not in text
    assert "all parameters were trained" in text


def test_figures_of_other_tasks_have_their_intervals(folder: Path) -> None:
    share = {"share": 0.5, "n": 10, "interval": [0.19, 0.81]}
    none = {"share": None, "n": 0, "interval": [0.0, 1.0]}
    tuned = {
        "n": 12,
        "reward_accuracy": share,
        "refusal": {"precision": share, "recall": none},
        "chrf": {"mean": 0.31, "interval": [0.25, 0.4]},
        "loss": 2.0,
    }
    base = {"n": 12, "loss": 3.5}
    found = {"base": base, "tuned": tuned, "difference": {"chrf": 0.1, "interval": [0.05, 0.15]}}
    (folder / "evaluation.json").write_text(json.dumps(found))
    lines = card(folder, "en").splitlines()
    for line in (
        "| Figure | Base | Tuned |",
        "| examples | 12 | 12 |",
        "| gains more than the other | – | 0.500 [0.190, 0.810] (n 10) |",
        "| hands over rightly | – | 0.500 [0.190, 0.810] (n 10) |",
        "| silence noticed | – | not measured (n 0) |",
        "| chrF to people's | – | 0.310 [0.250, 0.400] |",
        "| loss, nats/token | 3.500 | 2.000 |",
        "Tuned − base: +0.100 [+0.050, +0.150]",
    ):
        assert line in lines, line


def test_a_training_and_its_evaluation_write_the_card(
    qwen3: Path, letter_file: Path, letters: Callable[[int], list[dict[str, Any]]], tmp_path: Path
) -> None:
    run = TrainingRun(tmp_path / "out")
    settings = [f"model.path={qwen3}", "model.device=cpu", "model.dtype=fp32", "train.max_steps=2"]
    train(recipes.load("dispatch", settings=settings), letter_file, run.folder)
    before = (run.folder / "README.md").read_text(encoding="utf-8")
    assert "未测量。运行 `govtune evaluate DIR`。" in before
    found = evaluate(run.folder)
    after = (run.folder / "README.md").read_text(encoding="utf-8")
    assert f"{found.tuned['accuracy']:.3f} [" in after
    for row in letters(40):
        for value in (row["title"], row["text"], row["title"][:4]):
            assert value not in after
    assert str(tmp_path) not in after
    assert str(qwen3.parent) not in after


def test_the_command_writes_it_in_another_language(folder: Path, govtune: Govtune) -> None:
    done = govtune("model-card", folder, "--lang", "en")
    assert done.code == 0, done.err
    assert "## Limits" in (folder / "README.md").read_text(encoding="utf-8")
    refused = govtune("model-card", folder.parent)
    assert refused.code == 2
    assert "not a finished training" in refused.errors[0]
