"""Preferences: the loss is trl's, the model learns to prefer, and is held close to where it began."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from curation.errors import InputError, UsageError
from training import adapter
from training import recipe as recipes
from training.evaluate.run import evaluate
from training.objectives import dpo
from training.run import TrainingRun, train

Write = Callable[..., Path]
PLACES = ["柳荫里", "石桥街", "南湖边", "梧桐巷", "青石坡", "北门外", "东风路", "西河沿"]
SUBJECTS = ["路灯不亮", "井盖破损", "外墙渗水", "路面塌陷", "公交太少", "班车晚点", "河水发臭", "烟囱冒烟"]
REMARKS = ["已有半月，", "晚上出行不安全，", "多次打电话没有人管，", "邻居们都很着急，", "去年也是这样，"]
OFFICES = ["市政所", "公交公司", "环卫站", "房管所"]


def pairs(n: int) -> list[dict[str, Any]]:
    """Polite answers are preferred to curt ones."""
    made = []
    for k in range(n):
        draw = random.Random(k)
        about = draw.choice(PLACES) + draw.choice(SUBJECTS)
        question = f"{about}，{''.join(draw.sample(REMARKS, 2))}怎么办？"
        made.append(
            {
                "id": f"p{k}",
                "messages": [{"role": "user", "content": question}],
                "chosen": f"您好，{about}一事已转{draw.choice(OFFICES)}处理。",
                "rejected": f"{about}不归{draw.choice(OFFICES)}管。",
                "split": ("train", "train", "test", "validation")[k % 4],
            }
        )
    return made


def recipe_for(base: Path, **more: Any) -> recipes.Recipe:
    data: dict[str, Any] = {
        "schema": "training/1",
        "name": "polite",
        "objective": "dpo",
        "model": {"path": str(base), "dtype": "fp32", "device": "cpu"},
        "adapter": {"rank": 4},
        "train": {"max_steps": 20, "batch_size": 4, "micro_batch_size": 2, "lr": 0.02, "save_every": 4},
        "evaluate": {"every": 10},
    }
    return recipes.parse({**data, **more})


@pytest.fixture(scope="module")
def polite(qwen3: Path, tmp_path_factory: pytest.TempPathFactory) -> TrainingRun:
    """A finished training. Nothing may be changed in it but what `evaluate` writes."""
    folder = tmp_path_factory.mktemp("polite")
    rows = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in pairs(24))
    (folder / "pairs.jsonl").write_text(rows, encoding="utf-8")
    train(recipe_for(qwen3), folder / "pairs.jsonl", folder / "out")
    return TrainingRun(folder / "out")


def test_the_model_learns_to_prefer(polite: TrainingRun) -> None:
    import math

    lines = [json.loads(line) for line in polite.journal.read_text(encoding="utf-8").splitlines()]
    losses = [line["loss"] for line in lines if "loss" in line]
    assert losses[0] == pytest.approx(math.log(2), abs=1e-3)  # nothing is preferred over the start itself
    assert losses[-1] < 0.35
    assert [line["step"] for line in lines if "validation_loss" in line] == [10, 20]
    found = evaluate(polite.folder)
    assert found.tuned["accuracy"] == found.tuned["reward_accuracy"]["share"] == 1.0
    assert found.base["n"] == found.tuned["n"] == 6 - (found.given_away or 0)
    assert found.difference is not None
    assert found.lines()


@pytest.mark.parametrize(
    ("preference", "loss_type"),
    [
        ({}, "sigmoid"),
        ({"beta": 0.5}, "sigmoid"),
        ({"loss": "hinge", "beta": 0.3}, "hinge"),
        ({"loss": "ipo", "beta": 0.2}, "ipo"),
    ],
)
def test_the_loss_is_that_of_trl(
    preference: dict[str, Any],
    loss_type: str,
    qwen3: Path,
    write: Write,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HF_HUB_DISABLE_TELEMETRY", "1")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    trl = pytest.importorskip("trl", reason="trl is not installed; it is in the dev extra")
    import torch
    from datasets import Dataset

    recipe = recipe_for(qwen3, preference=preference)
    model, tokenizer = dpo.load(recipe, str(qwen3), [])
    found = dpo.read(write(pairs(12)), recipe)["train"]
    rows, _ = dpo.encode(tokenizer, recipe, [], found)
    adapted = adapter.attach(model, recipe.adapter, 0)
    rows = dpo.ready(adapted, rows, recipe)
    tokens = [
        {
            "prompt_ids": row.chosen.prompt,
            "chosen_ids": row.chosen.answer,
            "rejected_ids": row.rejected.answer,
        }
        for row in rows
    ]
    theirs = trl.DPOTrainer(
        model=adapted,
        args=trl.DPOConfig(
            output_dir=str(tmp_path),
            beta=recipe.preference.beta,
            loss_type=[loss_type],
            use_cpu=True,
            bf16=False,
            report_to="none",
            max_length=None,
        ),
        train_dataset=Dataset.from_list([{"prompt": "一", "chosen": "二", "rejected": "三"}]),
        processing_class=tokenizer,
    )
    adapted.eval()
    torch.manual_seed(0)
    with torch.no_grad():
        for name, each in adapted.named_parameters():
            if "lora_B.default" in name:
                each += 0.1 * torch.randn_like(each)
        expected = theirs.compute_loss(adapted, theirs.data_collator(tokens))
        learning = dpo.learning(adapted, recipe, rows, 0)
        ours = learning.loss(adapted, learning.collate(rows)) / len(rows)
    assert float(ours) == pytest.approx(float(expected), abs=1e-5)


def test_the_same_pairs_give_the_same_adapter_also_after_a_kill(
    polite: TrainingRun, qwen3: Path, tmp_path: Path
) -> None:
    def stop(phase: str, step: int, total: int) -> None:
        if step == 6:
            raise KeyboardInterrupt

    data, run = polite.folder.parent / "pairs.jsonl", TrainingRun(tmp_path / "out")
    with pytest.raises(KeyboardInterrupt):
        train(recipe_for(qwen3), data, run.folder, progress=stop)
    train(recipe_for(qwen3), data, run.folder)
    name = "adapter_model.safetensors"
    assert (run.adapter / name).read_bytes() == (polite.adapter / name).read_bytes()


def test_a_model_that_has_learnt_is_held_close_to_what_it_was_when_preferences_began(
    polite: TrainingRun, qwen3: Path, write: Write
) -> None:
    recipe = recipe_for(qwen3, adapter={"rank": 4, "continue_from": str(polite.adapter)})
    model, tokenizer = dpo.load(recipe, str(qwen3), [])
    rows, _ = dpo.encode(tokenizer, recipe, [], dpo.read(write(pairs(8)), recipe)["train"])
    adapted = adapter.attach(model, recipe.adapter, 0)
    with adapted.disable_adapter():
        base = dpo.log_likelihoods(adapted, rows, 4)
    began = [row.reference for row in dpo.ready(adapted, rows, recipe)]
    assert began != base
    assert all(after[0] - after[1] > before[0] - before[1] for after, before in zip(began, base, strict=True))


def test_prompt_and_chosen_may_be_texts_or_messages(write: Write, qwen3: Path) -> None:
    [plain, *_] = pairs(1)
    said = {key: [{"role": "assistant", "content": plain[key]}] for key in ("chosen", "rejected")}
    ask = plain["messages"][0]["content"]
    rows = [
        plain,
        {**plain, "prompt": ask, "messages": None},
        {**plain, **said},
        {**plain, "chosen": json.dumps(said["chosen"], ensure_ascii=False)},
    ]
    for name, row in enumerate(rows):
        given = {key: value for key, value in row.items() if value is not None}
        found = dpo.read(write([given], f"{name}.jsonl"), recipe_for(qwen3))["train"]
        assert [(each.asked[-1]["content"], each.chosen, each.rejected) for each in found] == [
            (ask, plain["chosen"], plain["rejected"])
        ]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"chosen": " "}, "an empty answer"),
        ({"rejected": None}, "no messages"),
        ({"messages": [{"role": "assistant", "content": "好的"}]}, "ends with an answer"),
        (
            {"chosen": [{"role": "user", "content": "好的"}]},
            "neither a text nor a list of one assistant message",
        ),
    ],
)
def test_a_row_that_cannot_be_used_is_named(
    change: dict[str, Any], words: str, qwen3: Path, write: Write
) -> None:
    rows = pairs(3)
    rows[1] |= change
    with pytest.raises(InputError) as refused:
        dpo.read(write(rows), recipe_for(qwen3))
    assert words in str(refused.value)
    assert "row 2" in str(refused.value)


def test_smoothing_is_of_the_sigmoid_loss_alone(qwen3: Path) -> None:
    with pytest.raises(UsageError, match="label_smoothing: only of the loss sigmoid"):
        recipe_for(qwen3, preference={"loss": "ipo", "label_smoothing": 0.1})
