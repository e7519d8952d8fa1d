"""A whole training: the same bytes each time, also after a kill; what is written down; what is refused."""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from curation import parquet, records
from curation.errors import UsageError
from training import adapter, model, stages
from training import lock as locks
from training import recipe as recipes
from training.evaluate.run import evaluate
from training.journal import TIMED
from training.objectives import sft
from training.run import TrainingRun, train

Rows = list[dict[str, Any]]
Letters = Callable[[int], Rows]
Write = Callable[..., Path]
Govtune = Callable[..., Any]

ARCHITECTURES = ["qwen3", "llama"]
KILLED = """
import os, signal, sys
from pathlib import Path
from training import recipe, run

def progress(phase, step, total):
    if (phase, step) == (sys.argv[4], int(sys.argv[5])):
        os.kill(os.getpid(), signal.SIGKILL)

run.train(recipe.load(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), progress=progress)
"""
"""A training that ends like one for which there was no memory."""


def bytes_of(run: TrainingRun) -> bytes:
    return (run.adapter / "adapter_model.safetensors").read_bytes()


def journal(run: TrainingRun) -> Rows:
    """The lines without what depends on the time."""
    lines = [json.loads(line) for line in run.journal.read_text(encoding="utf-8").splitlines()]
    return [{name: each for name, each in line.items() if name not in TIMED} for line in lines]


def quick(folder: Path, *more: str) -> recipes.Recipe:
    """The shipped recipe in two steps, for a model of one's own."""
    settings = [
        f"model.path={folder}",
        "model.device=cpu",
        "model.dtype=fp32",
        "train.max_steps=2",
        "train.batch_size=4",
        "train.micro_batch_size=2",
        "adapter.rank=4",
        "train.lr=0.05",
        "train.warmup=0",
    ]
    return recipes.load("dispatch", settings=[*settings, *more])


def test_the_same_seed_gives_the_same_adapter_and_another_one_another(
    trained: TrainingRun, recipe_file: Path, letter_file: Path, tmp_path: Path
) -> None:
    again, other = TrainingRun(tmp_path / "again"), TrainingRun(tmp_path / "other")
    train(recipes.load(str(recipe_file)), letter_file, again.folder)
    train(recipes.load(str(recipe_file), settings=["seed=7"]), letter_file, other.folder)
    assert bytes_of(again) == bytes_of(trained)
    assert bytes_of(other) != bytes_of(trained)
    assert journal(again) == journal(trained)
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        assert (again.adapter / name).read_bytes() == (trained.adapter / name).read_bytes()
    changed = {
        name for name, value in again.lock().items() if value != trained.lock()[name] and name != "threads"
    }
    assert changed == set()
    first, second = (
        json.loads((run.adapter / "adapter_config.json").read_text()) for run in (trained, again)
    )
    assert first == second
    assert first["target_modules"] == sorted(first["target_modules"])


def test_a_training_killed_twice_ends_with_the_bytes_of_one_that_was_not(
    trained: TrainingRun, recipe_file: Path, letter_file: Path, tmp_path: Path
) -> None:
    run = TrainingRun(tmp_path / "out")
    for step in (7, 11):
        probe = [sys.executable, "-c", KILLED, recipe_file, letter_file, run.folder, "train", str(step)]
        killed = subprocess.run(probe, env=os.environ | {"OMP_NUM_THREADS": "1"}, capture_output=True)
        assert killed.returncode == -signal.SIGKILL
        assert not killed.stderr
        assert not (run.folder / "govtune.lock.json").exists()
    seen: list[tuple[str, int]] = []
    train(
        recipes.load(str(recipe_file)),
        letter_file,
        run.folder,
        progress=lambda phase, step, total: seen.append((phase, step)),
    )
    assert seen[0] == ("train", 8)
    assert bytes_of(run) == bytes_of(trained)
    assert journal(run) == journal(trained)
    assert not run.checkpoints.exists()


def test_a_training_stopped_after_its_last_checkpoint_is_only_saved(
    trained: TrainingRun,
    recipe_file: Path,
    letter_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    run, recipe = TrainingRun(tmp_path / "out"), recipes.load(str(recipe_file))
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(adapter, "save", stop)
        train(recipe, letter_file, run.folder)
    assert not run.adapter.exists()
    train(recipe, letter_file, run.folder)
    assert bytes_of(run) == bytes_of(trained)
    assert journal(run) == journal(trained)


def test_each_step_stands_once_in_the_journal(trained: TrainingRun) -> None:
    lines = journal(trained)
    keys = [(line["phase"], line["step"], "validation_loss" in line) for line in lines]
    assert len(keys) == len(set(keys))
    assert [step for phase, step, validation in keys if phase == "train" and not validation] == [
        *range(1, 13)
    ]
    assert [step for _, step, validation in keys if validation] == [6, 12]


def test_a_finished_training_is_not_done_again(
    trained: TrainingRun, recipe_file: Path, letter_file: Path, govtune: Govtune
) -> None:
    before = {path: path.stat().st_mtime_ns for path in trained.folder.rglob("*")}
    done = govtune("train", recipe_file, "--data", letter_file, "--output", trained.folder)
    assert done.code == 0
    assert "done before; nothing to do" in done.out
    as_json = govtune("train", recipe_file, "--data", letter_file, "--output", trained.folder, "--json")
    told = json.loads(as_json.out)
    assert told["done_before"] is True
    assert told["examples"] == {"train": 24, "validation": 8, "test": 8}
    assert {path: path.stat().st_mtime_ns for path in trained.folder.rglob("*")} == before


def test_a_folder_of_another_training_is_refused(
    trained: TrainingRun,
    recipe_file: Path,
    letter_file: Path,
    letters: Letters,
    write: Write,
    govtune: Govtune,
) -> None:
    other_data = write([{**row, "text": row["text"] + "谢谢"} for row in letters(40)])
    for more in (["--data", letter_file, "--set", "train.lr=1e-4"], ["--data", other_data]):
        refused = govtune("train", recipe_file, "--output", trained.folder, *more)
        assert refused.code == 2
        assert "holds a training with another recipe, data or version" in only_line(refused)


def only_line(result: Any) -> str:
    """The one line of an error."""
    assert not result.out
    lines = [line for line in result.err.splitlines() if not line.startswith(("pretrain", "train "))]
    assert len(lines) == 1, lines
    assert lines[0].startswith("govtune: ")
    assert "internal error" not in lines[0]
    return str(lines[0])


def test_what_is_held_out_may_change_after_the_training(
    trained: TrainingRun, recipe_file: Path, letters: Letters, write: Write
) -> None:
    rows = [row for row in letters(40) if row["split"] != "test"]
    assert train(recipes.load(str(recipe_file)), write(rows), trained.folder).done_before


def test_a_folder_with_other_files_is_refused_and_left_alone(
    qwen3: Path, letter_file: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    (out / "checkpoints").mkdir(parents=True)
    (out / "checkpoints" / "mine").write_text("mine")
    with pytest.raises(UsageError, match="holds other files and is no training"):
        train(quick(qwen3), letter_file, out)
    with pytest.raises(UsageError, match="is a file; --output names a folder"):
        train(quick(qwen3), letter_file, out / "checkpoints" / "mine")
    assert [path.name for path in (out / "checkpoints").iterdir()] == ["mine"]


def test_an_unfinished_training_gives_way_to_no_other(qwen3: Path, letter_file: Path, tmp_path: Path) -> None:
    def stop(phase: str, step: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(quick(qwen3), letter_file, tmp_path / "out", progress=stop)
    with pytest.raises(UsageError, match="holds an unfinished training"):
        train(quick(qwen3, "seed=1"), letter_file, tmp_path / "out")
    assert train(quick(qwen3), letter_file, tmp_path / "out").steps == 2


def test_a_training_refused_before_its_first_step_does_not_take_the_folder(
    qwen3: Path, letter_file: Path, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=r"longer than data\.max_length 16"):
        train(quick(qwen3, "data.max_length=16"), letter_file, tmp_path / "out")
    assert train(quick(qwen3), letter_file, tmp_path / "out").steps == 2


def test_another_base_under_the_same_path_is_another_training(
    qwen3: Path, llama: Path, letter_file: Path, tmp_path: Path
) -> None:
    base = Path(shutil.copytree(qwen3, tmp_path / "base"))
    train(quick(base), letter_file, tmp_path / "out")
    shutil.copytree(llama, base, dirs_exist_ok=True)
    with pytest.raises(UsageError, match="holds a training with another"):
        train(quick(base), letter_file, tmp_path / "out")
    with pytest.raises(UsageError, match="the base model is gone or has changed since the training"):
        evaluate(tmp_path / "out")


def test_the_lock_tells_what_the_adapter_was_made_of(
    trained: TrainingRun, recipe_file: Path, letter_file: Path
) -> None:
    from transformers import AutoTokenizer

    def digest(path: Path) -> str:
        return hashlib.sha256(path.read_bytes()).hexdigest()

    lock = trained.lock()
    recipe = recipes.load(str(recipe_file))
    assert lock["adapter"] == digest(trained.adapter / "adapter_model.safetensors")
    assert lock["tokenizer"] == digest(trained.adapter / "tokenizer.json")
    assert lock["chat_template"] == digest(trained.template)
    assert lock["data"]["sha256"] == digest(letter_file)
    assert (trained.folder / lock["data"]["path"]).resolve() == letter_file.resolve()
    assert lock["model"]["sha256"] == model.digest(Path(recipe.model.path))
    assert (lock["model"]["dtype"], "cpu" in lock["model"]["device"]) == ("torch.float32", True)
    assert recipes.parse(lock["recipe"]) == recipe
    assert lock["fingerprint"] == stages.fingerprint(recipe, stages.examples(sft, letter_file, recipe))
    assert set(lock["packages"]) == {*locks.PACKAGES, "python"}
    assert lock["threads"] == 1
    assert (lock["trained"]["steps"], lock["trained"]["overlong"]) == (12, 0)
    assert lock["trained"]["examples"] == {"train": 24, "validation": 8, "test": 8}
    tokenizer = AutoTokenizer.from_pretrained(trained.adapter)
    supervised = sum(len(tokenizer(row["label"])["input_ids"]) + 1 for row in train_rows(letter_file))
    assert lock["trained"]["supervised_tokens"] == supervised


def train_rows(path: Path) -> Rows:
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [row for row in rows if row["split"] == "train"]


def test_no_record_is_shown_in_lock_journal_and_output(
    done: tuple[TrainingRun, str], letters: Letters
) -> None:
    run, printed = done
    shown = printed + run.journal.read_text() + (run.folder / "govtune.lock.json").read_text(encoding="utf-8")
    assert "24 examples to train on" in printed
    for row in letters(40):
        for value in (row["title"], row["text"], row["label"], row["title"][:4]):
            assert value not in shown


@pytest.mark.filterwarnings("ignore:.*is_activation_checkpointing:FutureWarning")
def test_plain_peft_reloads_the_adapter(trained: TrainingRun) -> None:
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    recipe = trained.recipe()
    base = AutoModelForCausalLM.from_pretrained(recipe.model.path)
    ids = AutoTokenizer.from_pretrained(trained.adapter)("路灯不亮，请处理。", return_tensors="pt")[
        "input_ids"
    ]
    with torch.inference_mode():
        before = base(ids).logits
        plain = PeftModel.from_pretrained(base, trained.adapter).eval()(ids).logits
        loaded, _ = model.load(recipe.model, recipe.model.path)
        ours = adapter.load(loaded, trained.adapter)(ids).logits
    assert torch.equal(plain, ours)
    assert (plain - before).abs().max() > 0.1
    assert not (trained.adapter / "README.md").exists()


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("profile", [None, "cpu"])
def test_a_shipped_recipe_trains_a_model_of_ones_own(
    profile: str | None,
    architecture: str,
    request: pytest.FixtureRequest,
    letter_file: Path,
    tmp_path: Path,
    govtune: Govtune,
) -> None:
    settings = [
        f"model.path={request.getfixturevalue(architecture)}",
        "model.device=cpu",
        "model.dtype=fp32",
        "train.max_steps=2",
        "train.batch_size=4",
        "train.micro_batch_size=2",
    ]
    chosen = [word for setting in settings for word in ("--set", setting)]
    chosen += ["--hardware", profile] if profile else []
    done = govtune("train", "dispatch", "--data", letter_file, "--output", tmp_path / "out", *chosen)
    assert done.code == 0, done.err
    assert "2 steps" in done.out
    assert bytes_of(TrainingRun(tmp_path / "out"))


@pytest.mark.parametrize(
    "settings",
    [
        ["model.dtype=bf16"],
        ["train.activation_checkpointing=true"],
        ["adapter.targets=[q_proj, mlp.down_proj]", "adapter.rslora=true"],
        ["train.scheduler=constant", "chat.loss_on=last_assistant"],
        ["model.attention=eager"],
    ],
)
def test_every_choice_of_a_recipe_trains(
    settings: list[str], qwen3: Path, letter_file: Path, tmp_path: Path
) -> None:
    assert train(quick(qwen3, *settings), letter_file, tmp_path / "out").steps == 2
    assert all(math.isfinite(line["loss"]) for line in journal(TrainingRun(tmp_path / "out")))


def test_one_letter_is_enough_to_train_on(
    qwen3: Path, letters: Letters, write: Write, tmp_path: Path
) -> None:
    done = train(quick(qwen3), write([letters(40)[0]]), tmp_path / "out")
    assert done.examples == {"train": 1, "validation": 0, "test": 0}
    assert done.steps == 2


def test_overlong_letters_are_dropped_and_counted(
    qwen3: Path, letters: Letters, write: Write, tmp_path: Path, govtune: Govtune
) -> None:
    rows = [row for row in letters(40) if row["split"] == "train"]
    rows[5]["text"] *= 20
    settings = yaml.safe_load((Path(recipes.find("dispatch"))).read_text(encoding="utf-8"))
    settings |= {"model": {"path": str(qwen3), "device": "cpu"}, "train": {"max_steps": 1}, "hardware": {}}
    settings["data"] = {"max_length": 600, "max_drop_fraction": 0.05}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    arguments = ["--data", write(rows), "--output", tmp_path / "out"]
    done = govtune("train", tmp_path / "mine.yaml", *arguments)
    assert done.code == 0, done.err
    assert "1 overlong examples dropped" in done.out
    assert TrainingRun(tmp_path / "out").lock()["trained"]["overlong"] == 1
    refused = govtune(
        "train", tmp_path / "mine.yaml", *arguments[:3], tmp_path / "b", "--set", "data.max_drop_fraction=0"
    )
    assert "1 of 24 conversations are longer than data.max_length 600" in only_line(refused)


def changed(folder: Path, change: str) -> None:
    """Spoil a model's folder."""
    config = folder / "config.json"
    if change in ("config.json", "model.safetensors", "tokenizer.json"):
        (folder / change).write_text("路灯不亮", encoding="utf-8")
    elif change == "no weights":
        (folder / "model.safetensors").unlink()
    elif change == "another shape":
        config.write_text(json.dumps({**json.loads(config.read_text()), "hidden_size": 64}))
    elif change == "no number":
        config.write_text(json.dumps({**json.loads(config.read_text()), "hidden_size": "many"}))
    elif change == "no language model":
        config.write_text(json.dumps({"model_type": "vit"}))
    elif change == "no template":
        (folder / "chat_template.jinja").unlink()
    elif change == "another template":
        template = "{% for m in messages %}<|turn|>{{ m['content'] }}<|im_end|>{% endfor %}<|turn|>"
        (folder / "chat_template.jinja").write_text(template)
    elif change == "fewer embeddings":
        from transformers import AutoTokenizer

        tokenizer = AutoTokenizer.from_pretrained(folder)
        tokenizer.add_tokens([f"word{k}" for k in range(50)])
        tokenizer.save_pretrained(folder)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("config.json", "transformers cannot load it"),
        ("model.safetensors", "transformers cannot load it"),
        ("tokenizer.json", "transformers cannot load it"),
        ("no weights", "transformers cannot load it"),
        ("another shape", "transformers cannot load it"),
        ("no number", "transformers cannot load it"),
        ("no language model", "transformers cannot load it"),
        ("fewer embeddings", "the tokenizer has more tokens than the model has embeddings"),
        ("no template", "has no chat template; give one: --set chat.template=FILE.jinja"),
        ("another template", "writes <|turn|>, which is not one token of this tokenizer"),
    ],
)
def test_a_model_that_cannot_be_tuned_is_refused_in_one_line(
    change: str, words: str, qwen3: Path, letter_file: Path, tmp_path: Path, govtune: Govtune
) -> None:
    base = Path(shutil.copytree(qwen3, tmp_path / "base"))
    changed(base, change)
    settings = ["--set", f"model.path={base}", "--set", "train.max_steps=1", "--set", "model.device=cpu"]
    refused = govtune("train", "dispatch", "--data", letter_file, "--output", tmp_path / "out", *settings)
    assert refused.code == 2
    assert words in only_line(refused)


HUB = ["--set", "model.path=nosuchowner/nosuchmodel"]
COMMIT = ["--set", "model.revision=0123456789012345678901234567890123456789"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (HUB, "is a model on a hub: give its commit as revision"),
        ([*HUB, *COMMIT], "transformers cannot load it"),  # there is no network
        (["--set", "model.path=nosuch"], "no model there"),
        (["--hardware", "gpu-24g"], "--set model.path=DIR"),
        (["--set", "evaluate.every=1"], "no row belongs to the split validation"),
        (["--set", "adapter.targets=[nosuch]"], "adapter.targets: the model has no layer nosuch"),
        (["--set", "adapter.targets=[q_proj, nosuch]"], "adapter.targets: the model has no layer nosuch"),
        (["--set", "adapter.targets=[norm]"], "adapter.targets: one of them is a layer that peft cannot"),
        (["--set", "train.lr=1e38"], "is not finite; take a lower learning rate"),
    ],
)
def test_a_training_that_cannot_be_done_is_refused_in_one_line(
    arguments: list[str],
    words: str,
    qwen3: Path,
    letters: Letters,
    write: Write,
    tmp_path: Path,
    govtune: Govtune,
) -> None:
    path = [] if "--hardware" in arguments else ["--set", f"model.path={qwen3}", "--set", "model.device=cpu"]
    path += ["--set", "train.max_steps=4"]
    data = write([row for row in letters(10) if row["split"] == "train"])
    refused = govtune("train", "dispatch", "--data", data, "--output", tmp_path / "out", *path, *arguments)
    assert refused.code == 2
    assert words in only_line(refused)


@pytest.mark.parametrize("base", ["tiny", "qwen3"])
def test_a_gpu_that_is_not_there_is_told_before_anything_is_computed(
    base: str, qwen3: Path, letter_file: Path, tmp_path: Path, govtune: Govtune
) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    path = "tiny" if base == "tiny" else qwen3
    arguments = ["--data", letter_file, "--output", tmp_path / "out", "--set", f"model.path={path}"]
    refused = govtune("train", "dispatch", "--hardware", "gpu-24g", *arguments)
    assert refused.code == 2
    assert only_line(refused).startswith("govtune: model.device: cuda is asked for, but torch finds no GPU")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("messages", "words"),
    [
        ([("user", "路灯"), ("assistant", "城乡建设", 0)], "no answer to learn"),
        ([("user", "路灯")], "no answer to learn"),
        ([("user", "路灯"), ("assistant", " ")], "an assistant message without content"),
    ],
)
def test_rows_of_which_nothing_is_learnt_are_refused_by_number(
    messages: list[Any], words: str, qwen3: Path, write: Write, tmp_path: Path, govtune: Govtune
) -> None:
    good = {"messages": [{"role": "user", "content": "噪声"}, {"role": "assistant", "content": "环境保护"}]}
    names = ("role", "content", "weight")
    bad = {"messages": [dict(zip(names, message, strict=False)) for message in messages]}
    data = write([{**row, "split": "train"} for row in (good, bad)])
    settings = ["--set", f"model.path={qwen3}", "--set", "model.device=cpu"]
    refused = govtune("train", "dispatch", "--data", data, "--output", tmp_path / "out", *settings)
    line = only_line(refused)
    assert "row 2" in line
    assert words in line
    assert "路灯" not in line


def test_a_run_without_its_lock_is_refused_before_the_training(
    qwen3: Path, tmp_path: Path, govtune: Govtune
) -> None:
    messages = [{"role": "user", "content": "路灯"}, {"role": "assistant", "content": "城乡建设"}]
    columns = {"id": ["a"], "messages": [messages], "split": ["train"]}
    (tmp_path / "run" / "data").mkdir(parents=True)
    table = records.table(columns).select(records.PUBLIC.names)
    parquet.write(table, tmp_path / "run" / "data" / "train-00000-of-00001.parquet")
    settings = ["--set", f"model.path={qwen3}", "--set", "model.device=cpu"]
    refused = govtune("train", "dispatch", "--data", tmp_path / "run", "--output", tmp_path / "o", *settings)
    assert refused.code == 2
    assert "govtune.lock.json: cannot be read: No such file" in only_line(refused)
    assert not (tmp_path / "o").exists()


def test_the_network_is_never_asked(
    recipe_file: Path, letter_file: Path, qwen3: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []

    def refuse(*address: object, **_: object) -> None:
        asked.append(address)  # whoever asks may swallow the error
        raise OSError("no network")

    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    train(quick(qwen3, "export.formats=[merged]"), letter_file, tmp_path / "out")
    evaluate(tmp_path / "out")
    train(recipes.load(str(recipe_file), settings=["train.max_steps=1"]), letter_file, tmp_path / "tiny")
    assert asked == []


def test_the_command_line_needs_the_train_extra(
    letter_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, govtune: Govtune
) -> None:
    import importlib.util

    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *more: None if name == "peft" else find(name, *more)
    )
    for arguments in (
        ["train", "dispatch", "--hardware", "cpu", "--data", letter_file, "--output", tmp_path / "out"],
        ["evaluate", tmp_path],
    ):
        refused = govtune(*arguments)
        assert refused.code == 2
        assert (
            only_line(refused) == "govtune: peft not installed; training needs: pip install 'govtune[train]'"
        )
    assert not (tmp_path / "out").exists()
