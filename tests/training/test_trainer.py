"""The training loop: order, padding, gradient accumulation, journal and checkpoints."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.errors import UsageError
from curation.pipeline import Progress, silent
from training import adapter
from training.chat import IGNORED, Chat, Encoded
from training.data import Message
from training.recipe import Adapter, Train
from training.trainer import WINDOW, answers_only, fit, order, pad

ARCHITECTURES = ["qwen3", "llama"]

lengths = st.lists(st.integers(1, 30), min_size=1, max_size=120).map(np.array)


@given(lengths=lengths, steps=st.integers(1, 80), batch_size=st.integers(1, 12), seed=st.integers(0, 9))
@settings(max_examples=200)
def test_every_example_is_taken_once_before_any_comes_again(
    lengths: Any, steps: int, batch_size: int, seed: int
) -> None:
    batches = order(lengths, steps, batch_size, seed).reshape(steps, batch_size)
    taken = np.zeros(len(lengths), np.int64)
    for batch in batches:
        np.add.at(taken, batch, 1)
        assert taken.max() - taken.min() <= 1
    assert (batches.ravel() == order(lengths, steps, batch_size, seed)).all()


def test_no_batch_holds_an_example_twice_where_a_round_fills_its_batches() -> None:
    lengths = np.repeat([3, 5, 7, 9], 10)  # many of one length: copies would be neighbours
    for batch in order(lengths, 25, 8, seed=1).reshape(25, 8):
        assert len(set(batch.tolist())) == 8


@given(
    lengths=st.lists(st.integers(1, 30), min_size=WINDOW * 4, max_size=WINDOW * 4).map(np.array),
    seed=st.integers(0, 9),
)
@settings(max_examples=30)
def test_a_batch_holds_examples_of_like_length(lengths: Any, seed: int) -> None:
    batches = lengths[order(lengths, WINDOW, 4, seed)].reshape(WINDOW, 4)
    by_length = batches[np.argsort(batches.mean(axis=1), kind="stable")]
    assert (by_length.ravel() == np.sort(lengths)).all()


def test_another_seed_gives_another_order_and_long_batches_do_not_come_last() -> None:
    lengths = np.arange(WINDOW * 4)
    first, other = order(lengths, WINDOW, 4, 1), order(lengths, WINDOW, 4, 2)
    assert (first != other).any()
    means = first.reshape(WINDOW, 4).mean(axis=1)
    assert (means != np.sort(means)).any()


@pytest.fixture(scope="session")
def models(qwen3: Path, llama: Path) -> dict[str, Any]:
    """Model and tokenizer of each architecture; nothing may be trained in them."""
    return {name: loaded(folder) for name, folder in zip(ARCHITECTURES, (qwen3, llama), strict=True)}


def loaded(folder: Path) -> tuple[Any, Any]:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()
    torch.set_num_threads(1)
    return AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)


def encoded(tokenizer: Any, n: int = 8) -> list[Encoded]:
    """Conversations of several lengths, one of them with two answers."""
    chat = Chat(tokenizer)
    rows = []
    for k in range(n):
        said = [("user", "路灯不亮" + "请修" * k), ("assistant", ["城乡建设", "交通"][k % 2])]
        said += [("user", "还有噪声"), ("assistant", "环境保护")] if k == 3 else []
        rows.append(
            chat.encode(
                [Message(role=role, content=text, weight=float(role == "assistant")) for role, text in said]
            )
        )
    return rows


def plain_loss(model: Any, rows: Sequence[Encoded]) -> float:
    """Mean over the supervised tokens, one row at a time, without padding."""
    import torch

    total, tokens = 0.0, 0
    for row in rows:
        with torch.inference_mode():
            logits = model(input_ids=torch.tensor([row.input_ids])).logits[0, :-1].double()
        wanted = torch.tensor(row.labels[1:])
        picked = logits.log_softmax(-1)[torch.arange(len(wanted)), wanted.clamp(min=0)]
        total -= float(picked[wanted != IGNORED].sum())
        tokens += int((wanted != IGNORED).sum())
    return total / tokens


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_padding_changes_no_loss(architecture: str, models: dict[str, Any]) -> None:
    import torch

    model, tokenizer = models[architecture]
    rows = encoded(tokenizer)
    assert len({len(row.input_ids) for row in rows}) > 1
    with torch.inference_mode():
        assert float(model(**pad(rows)).loss) == pytest.approx(plain_loss(model, rows), abs=1e-5)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_logits_from_the_first_answer_on_give_the_same_loss_and_gradients(
    architecture: str, models: dict[str, Any]
) -> None:
    import torch

    model, tokenizer = models[architecture]
    rows = encoded(tokenizer)
    short = answers_only(pad(rows))
    assert short["logits_to_keep"] < pad(rows)["labels"].shape[1]
    found = []
    for batch in (pad(rows), short):
        model.zero_grad()
        loss = model(**batch).loss
        loss.backward()
        found.append([loss.detach(), *(each.grad.clone() for each in model.parameters())])
    model.zero_grad(set_to_none=True)
    torch.testing.assert_close(found[0], found[1], rtol=1e-5, atol=1e-6)


def test_where_everything_is_learnt_every_logit_is_kept(models: dict[str, Any]) -> None:
    rows = [Encoded(row.input_ids, row.input_ids) for row in encoded(models["qwen3"][1], 2)]
    batch = pad(rows)
    assert (answers_only(batch)["labels"] == batch["labels"]).all()


def tune(
    folder: Path, model: Path, *, progress: Progress = silent, dropout: float = 0.0, **options: Any
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """An adapter's weights after training on `encoded`, and the journal."""
    loaded_model, tokenizer = loaded(model)
    folder.mkdir(exist_ok=True)
    adapted = adapter.attach(loaded_model, Adapter(rank=4, dropout=dropout), seed=1)
    rows = encoded(tokenizer)
    measured = {name: options.pop(name) for name in ("validation", "evaluate_every") if name in options}
    given = {"max_steps": 4, "batch_size": 4, "micro_batch_size": 4, "lr": 1e-2, "warmup": 0, **options}
    fit(
        adapted,
        rows,
        Train(**given),
        folder=folder / "checkpoints",
        journal=folder / "metrics.jsonl",
        seed=1,
        phase="train",
        progress=progress,
        **measured,
    )
    weights = {name: each.detach() for name, each in adapted.named_parameters() if each.requires_grad}
    return weights, journal(folder)


def journal(folder: Path) -> list[dict[str, Any]]:
    def refused(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    text = (folder / "metrics.jsonl").read_text(encoding="utf-8")
    return [json.loads(line, parse_constant=refused) for line in text.splitlines()]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_batch_in_parts_trains_as_the_batch_at_once(
    architecture: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    import torch

    model = request.getfixturevalue(architecture)
    whole, lines = tune(tmp_path / "4", model)
    for micro in (1, 2):
        parts, others = tune(tmp_path / str(micro), model, micro_batch_size=micro)
        torch.testing.assert_close(parts, whole, rtol=0, atol=1e-4)
        for line, other in zip(lines, others, strict=True):
            assert other["loss"] == pytest.approx(line["loss"], abs=1e-5)
            assert other["grad_norm"] == pytest.approx(line["grad_norm"], abs=1e-5)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_recomputed_activations_train_as_kept_ones(
    architecture: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    import torch

    model = request.getfixturevalue(architecture)
    kept, _ = tune(tmp_path / "kept", model)
    recomputed, _ = tune(tmp_path / "recomputed", model, activation_checkpointing=True)
    torch.testing.assert_close(recomputed, kept, rtol=0, atol=1e-4)


def test_the_journal_says_what_was_lost_and_seen(models: dict[str, Any], qwen3: Path, tmp_path: Path) -> None:
    model, tokenizer = models["qwen3"]
    rows = encoded(tokenizer)
    _, lines = tune(tmp_path, qwen3, validation=rows[:3], evaluate_every=2)
    places = order(np.array([len(row.input_ids) for row in rows]), 4, 4, seed=1)
    losses = [line for line in lines if "loss" in line]
    assert [line["step"] for line in losses] == [1, 2, 3, 4]
    assert [line["step"] for line in lines if "validation_loss" in line] == [2, 4]
    seen = [len(rows[place].input_ids) for place in places]
    assert [line["tokens"] for line in losses] == [sum(seen[: 4 * step]) for step in (1, 2, 3, 4)]
    # The first step's loss is of the adapter that changes nothing yet.
    first = [rows[place] for place in places[:4]]
    assert losses[0]["loss"] == pytest.approx(plain_loss(model, first), abs=1e-5)
    assert losses[-1]["loss"] < losses[0]["loss"]
    assert {line["phase"] for line in lines} == {"train"}
    assert all(line["tokens_per_second"] > 0 for line in lines)
    assert (losses[0]["lr"], losses[0]["grad_norm"] > 0) == (1e-2, True)


class Stop(BaseException):
    """Ends a training from within, as Ctrl-C does."""


def stops_at(step: int) -> Progress:
    def progress(phase: str, done: int, total: int) -> None:
        if done == step:
            raise Stop

    return progress


def remove(state: Path) -> None:
    state.unlink()


def halve(state: Path) -> None:
    state.write_bytes(state.read_bytes()[:100])


def empty(state: Path) -> None:
    state.write_bytes(b"")


@pytest.mark.parametrize("damage", [remove, halve, empty])
def test_an_unfinished_checkpoint_is_passed_over(
    damage: Callable[[Path], None], qwen3: Path, tmp_path: Path
) -> None:
    import torch

    options: dict[str, Any] = {"max_steps": 6, "save_every": 2, "dropout": 0.2}
    whole, lines = tune(tmp_path / "whole", qwen3, **options)
    with pytest.raises(Stop):
        tune(tmp_path / "killed", qwen3, progress=stops_at(5), **options)
    checkpoints = tmp_path / "killed" / "checkpoints"
    assert {path.name for path in checkpoints.iterdir()} == {"checkpoint-2", "checkpoint-4"}
    damage(checkpoints / "checkpoint-4" / "trainer_state.json")
    seen: list[int] = []
    again, others = tune(
        tmp_path / "killed", qwen3, progress=lambda phase, done, total: seen.append(done), **options
    )
    assert seen[0] == 2
    torch.testing.assert_close(again, whole, rtol=0, atol=0)
    assert timeless(others) == timeless(lines)


def timeless(lines: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: each for name, each in line.items() if name != "tokens_per_second"} for line in lines]


def test_a_half_written_line_of_a_killed_run_goes(qwen3: Path, tmp_path: Path) -> None:
    _, lines = tune(tmp_path / "whole", qwen3)
    (tmp_path / "killed").mkdir()
    other = {"phase": "pretrain", "step": 9, "loss": 1.0}
    text = json.dumps(other) + '\n{"phase": "train", "step": 1}\n{"phase": "train", "st'
    (tmp_path / "killed" / "metrics.jsonl").write_text(text, encoding="utf-8")
    _, again = tune(tmp_path / "killed", qwen3)
    assert timeless(again) == [other, *timeless(lines)]


def test_a_loss_that_overflows_ends_the_training(qwen3: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"^train: the loss at step \d is not finite; take a lower"):
        tune(tmp_path, qwen3, lr=1e38)
    assert journal(tmp_path)


@pytest.mark.parametrize(
    ("options", "steps"),
    [
        ({"max_steps": 1, "batch_size": 64, "micro_batch_size": 32}, 1),  # more than there are rows
        ({"max_steps": 2, "save_every": 50}, 2),
        ({"max_steps": 2, "warmup": 50}, 2),
        ({"max_steps": None, "epochs": 0.1}, 1),
        ({"max_steps": None, "epochs": 1.2}, 3),
    ],
)
def test_lengths_that_do_not_fit_each_other_are_trained(
    options: dict[str, Any], steps: int, qwen3: Path, tmp_path: Path
) -> None:
    _, lines = tune(tmp_path, qwen3, **options)
    assert lines[-1]["step"] == steps
