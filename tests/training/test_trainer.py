"""The training loop: order, padding, gradient accumulation, journal and checkpoints."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.errors import UsageError
from curation.pipeline import Progress, silent
from training import adapter, answers, packing
from training.batches import WINDOW, Layout, order, pad
from training.chat import Chat
from training.data import Message
from training.encoded import IGNORED, Encoded
from training.journal import TIMED
from training.schema import Adapter, EarlyStop, Evaluate, Report, Train
from training.trainer import fit

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


def weighted(rows: Sequence[Encoded]) -> list[Encoded]:
    """The rows, every other one with half the weight on its answers."""
    return [
        replace(row, weights=[0.5 * (label != IGNORED) for label in row.labels]) if k % 2 else row
        for k, row in enumerate(rows)
    ]


def plain_loss(model: Any, rows: Sequence[Encoded]) -> float:
    """Weighted mean over the supervised tokens, one row at a time, without padding."""
    import torch

    total, amount = 0.0, 0.0
    for row in rows:
        with torch.inference_mode():
            logits = model(input_ids=torch.tensor([row.input_ids])).logits[0, :-1].double()
        wanted = torch.tensor(row.labels[1:])
        weights = torch.tensor(row.weights or [1.0] * len(row.labels))[1:] * (wanted != IGNORED)
        picked = logits.log_softmax(-1)[torch.arange(len(wanted)), wanted.clamp(min=0)]
        total -= float((picked * weights).sum())
        amount += float(weights.sum())
    return total / amount


def batch_loss(model: Any, rows: Sequence[Encoded], batch: dict[str, Any]) -> Any:
    """The same as training computes it."""
    return answers.learning(model, "none").loss(model, batch) / sum(answers.amount(row) for row in rows)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("collate", [pad, packing.join])
@pytest.mark.parametrize("change", [list, weighted])
def test_neither_padding_nor_packing_changes_a_loss(
    architecture: str, collate: Any, change: Any, models: dict[str, Any]
) -> None:
    import torch

    model, tokenizer = models[architecture]
    rows = change(encoded(tokenizer))
    assert len({len(row.input_ids) for row in rows}) > 1
    with torch.inference_mode():
        loss = float(batch_loss(model, rows, collate(rows)))
    assert loss == pytest.approx(plain_loss(model, rows), abs=1e-6)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_logits_of_supervised_tokens_alone_give_the_same_loss_and_gradients(
    architecture: str, models: dict[str, Any]
) -> None:
    import torch

    model, tokenizer = models[architecture]
    rows = encoded(tokenizer)
    found = []
    for learn in (answers.loss_of_kept, answers.loss_of_all, lambda model, batch: model(**batch).loss):
        model.zero_grad()
        loss = learn(model, pad(rows))
        if learn in (answers.loss_of_kept, answers.loss_of_all):
            loss = loss / sum(answers.supervised(row) for row in rows)
        loss.backward()
        found.append([loss.detach(), *(each.grad.clone() for each in model.parameters())])
    model.zero_grad(set_to_none=True)
    torch.testing.assert_close(found[0], found[1], rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(found[0], found[2], rtol=1e-5, atol=1e-6)


def test_no_logit_is_computed_that_predicts_nothing(models: dict[str, Any]) -> None:
    model, tokenizer = models["qwen3"]
    rows = encoded(tokenizer)
    seen = []
    handle = model.lm_head.register_forward_hook(lambda module, given, made: seen.append(made.shape[:-1]))
    answers.learning(model, "none").loss(model, pad(rows))
    handle.remove()
    assert seen == [(sum(answers.supervised(row) for row in rows),)]


def tune(
    folder: Path, model: Path, *, progress: Progress = silent, dropout: float = 0.0, **options: Any
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """An adapter's weights after training on `encoded`, and the journal."""
    loaded_model, tokenizer = loaded(model)
    folder.mkdir(exist_ok=True)
    adapted = adapter.attach(loaded_model, Adapter(rank=4, dropout=dropout), seed=1)
    rows = options.pop("change", list)(encoded(tokenizer))
    names = ("validation", "evaluate", "report", "packed")
    measured = {name: options.pop(name) for name in names if name in options}
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
def test_a_batch_in_parts_or_packed_trains_as_the_batch_at_once(
    architecture: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    import torch

    model = request.getfixturevalue(architecture)
    whole, lines = tune(tmp_path / "4", model, change=weighted)
    ways: list[dict[str, Any]] = [{"micro_batch_size": 1}, {"micro_batch_size": 2}, {"packed": 1024}]
    for number, way in enumerate(ways):
        parts, others = tune(tmp_path / f"way{number}", model, change=weighted, **way)
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
    validation = {"": rows[:3], "other": rows[3:5]}
    _, lines = tune(tmp_path, qwen3, validation=validation, evaluate=Evaluate(every=2))
    places = order(np.array([len(row.input_ids) for row in rows]), 4, 4, seed=1)
    losses = [line for line in lines if "loss" in line]
    assert [line["step"] for line in losses] == [1, 2, 3, 4]
    measured = [line for line in lines if "validation_loss" in line]
    assert [line["step"] for line in measured] == [2, 4]
    assert {"--data", "other"} == set(measured[0]["validation_loss_by_source"])
    seen = [len(rows[place].input_ids) for place in places]
    assert [line["tokens"] for line in losses] == [sum(seen[: 4 * step]) for step in (1, 2, 3, 4)]
    learnt = [answers.supervised(rows[place]) for place in places]
    assert [line["supervised_tokens"] for line in losses] == [sum(learnt[: 4 * k]) for k in (1, 2, 3, 4)]
    # The first step's loss is of the adapter that changes nothing yet.
    first = [rows[place] for place in places[:4]]
    assert losses[0]["loss"] == pytest.approx(plain_loss(model, first), abs=1e-5)
    assert losses[-1]["loss"] < losses[0]["loss"]
    assert {line["phase"] for line in lines} == {"train"}
    assert all(line["tokens_per_second"] > line["supervised_tokens_per_second"] > 0 for line in lines)
    assert all(line["flops_per_second"] > 0 and line["peak_memory_bytes"] > 1e6 for line in lines)
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
    return [{name: each for name, each in line.items() if name not in TIMED} for line in lines]


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


@given(
    lengths=st.lists(st.integers(1, 60), min_size=1, max_size=10),
    processes=st.integers(1, 4),
    row_length=st.none() | st.integers(10, 80),
)
def test_processes_share_a_step_evenly(lengths: list[int], processes: int, row_length: int | None) -> None:
    lengths = lengths * processes
    shares = Layout(processes, 1, row_length).divide(lengths)
    assert sorted(place for share in shares for batch in share for place in batch) == list(
        range(len(lengths))
    )
    assert {len(share) for share in shares} == {len(shares[0])}
    assert all(batch for share in shares for batch in share)


def test_the_loss_is_that_of_the_model_before_it_learns(
    models: dict[str, Any], qwen3: Path, tmp_path: Path
) -> None:
    model, tokenizer = models["qwen3"]
    rows = weighted(encoded(tokenizer))
    validation = {"": rows[:5], "other": rows[5:]}
    _, lines = tune(
        tmp_path,
        qwen3,
        change=weighted,
        lr=1e-9,
        validation=validation,
        evaluate=Evaluate(every=1, batch_size=2),
    )
    measured = next(line for line in lines if "validation_loss" in line)
    assert measured["validation_loss"] == pytest.approx(plain_loss(model, rows), abs=1e-5)
    by_source = measured["validation_loss_by_source"]
    assert by_source["--data"] == pytest.approx(plain_loss(model, rows[:5]), abs=1e-5)
    assert by_source["other"] == pytest.approx(plain_loss(model, rows[5:]), abs=1e-5)


WATCHED = Evaluate(every=1, best=True, early_stop=EarlyStop(patience_evals=3))
"""Of the training `rough`, whose validation rows contradict what is learnt: their loss falls, then rises."""


def rough(folder: Path, model: Path, evaluate: Evaluate, **options: Any) -> Any:
    wrong = [
        Encoded(row.input_ids, [label if label == IGNORED else (label + 7) % 256 for label in row.labels])
        for row in encoded(loaded(model)[1])
    ]
    given = {"max_steps": 12, "lr": 0.1, "dropout": 0.2, "scheduler": "constant", **options}
    return tune(folder, model, validation={"": wrong[:4]}, evaluate=evaluate, **given)


def test_the_adapter_of_the_lowest_loss_is_kept_and_training_ends_early(qwen3: Path, tmp_path: Path) -> None:
    import torch
    from safetensors.torch import load_file

    kept, lines = rough(tmp_path / "best", qwen3, WATCHED)
    losses = {line["step"]: line["validation_loss"] for line in lines if "validation_loss" in line}
    best = lines[-1]["best_step"]
    assert losses[best] == min(losses.values())
    assert lines[-1]["step"] == max(losses) == best + 3 < 12
    then = load_file(tmp_path / "best" / "checkpoints" / f"checkpoint-{best}" / "adapter_model.safetensors")
    named = {name.replace(".default", ""): each for name, each in kept.items()}
    torch.testing.assert_close(named, then, rtol=0, atol=0)


@pytest.mark.parametrize("killed_at", [2, "after the last step"])
def test_a_killed_run_keeps_the_same_adapter_and_ends_as_early(
    killed_at: int | str, qwen3: Path, tmp_path: Path
) -> None:
    import torch

    kept, lines = rough(tmp_path / "whole", qwen3, WATCHED)
    if isinstance(killed_at, int):
        with pytest.raises(Stop):
            rough(tmp_path / "killed", qwen3, WATCHED, progress=stops_at(killed_at))
    else:
        rough(tmp_path / "killed", qwen3, WATCHED)
        written = (tmp_path / "killed" / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
        (tmp_path / "killed" / "metrics.jsonl").write_text("\n".join(written[:-1]) + "\n", encoding="utf-8")
    again, others = rough(tmp_path / "killed", qwen3, WATCHED)
    torch.testing.assert_close(again, kept, rtol=0, atol=0)
    assert timeless(others) == timeless(lines)


def test_everything_at_once_is_the_same_twice(qwen3: Path, tmp_path: Path) -> None:
    import torch

    options: dict[str, Any] = {
        "neftune_alpha": 5.0,
        "dropout": 0.1,
        "activation_checkpointing": {"every_n_layers": 2, "offload": True},
        "report": Report(to=["tensorboard"]),
        "change": weighted,
    }
    first, lines = tune(tmp_path / "first", qwen3, **options)
    second, others = tune(tmp_path / "second", qwen3, **options)
    torch.testing.assert_close(first, second, rtol=0, atol=0)
    assert timeless(lines) == timeless(others)
    assert list((tmp_path / "first" / "tensorboard" / "train").glob("events.*"))
    plain, _ = tune(tmp_path / "plain", qwen3, **{**options, "neftune_alpha": None})
    assert any((plain[name] != first[name]).any() for name in plain)


def test_liger_is_given_no_weights(qwen3: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"train\.kernels: liger's loss takes no message weights"):
        tune(tmp_path, qwen3, change=weighted, kernels="liger")
