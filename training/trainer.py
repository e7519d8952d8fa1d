"""The one training loop: transformers' Trainer over steps that were laid out beforehand.

Which examples make a step depends on the seed and their lengths alone, so a killed run goes on where its last
checkpoint stood and ends with the same bytes (on a CPU). The loss of a step is the weighted mean over all it
teaches, however the step is divided: each part carries the sum that it is divided by.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.util
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from curation.errors import UsageError
from curation.pipeline import Progress
from training import answers, distributed, packing
from training.apart import apart
from training.batches import Layout, Learning, Steps, order
from training.journal import Meter, Work, add, callback
from training.loop import Measured, step_trainer
from training.schema import Checkpointing, Evaluate, Recipe, Report, Train

BETA2 = 0.95
"""Decay of Adam's second moment. The usual .999 averages over more steps than a fine-tuning has: with it the
tiny model reached .68 on the samples where it reaches .94 with .95."""

_OPTIMISERS = {
    "adamw": "adamw_torch_fused",
    "adamw_8bit": "adamw_bnb_8bit",
    "paged_adamw_8bit": "paged_adamw_8bit",
}


def require(recipe: Recipe) -> None:
    """Refuse what cannot be trained here, before a model is loaded.

    Raises:
        UsageError: a package is missing, or the processes were not started as the recipe says.
    """
    needed = [
        ("liger_kernel", "liger-kernel", "train.kernels: liger", recipe.train.kernels == "liger"),
        (
            "bitsandbytes",
            "bitsandbytes",
            f"train.optimiser: {recipe.train.optimiser}",
            "8bit" in recipe.train.optimiser,
        ),
        ("tensorboard", "tensorboard", "report.to: tensorboard", "tensorboard" in recipe.report.to),
    ]
    for module, package, key, wanted in needed:
        if wanted and importlib.util.find_spec(module) is None:
            raise UsageError(f"{key} is not installed; pip install {package}, or leave it out")
    distributed.check(recipe.train)


def fit(
    model: Any,
    rows: Sequence[Any],
    settings: Train,
    *,
    folder: Path,
    journal: Path,
    seed: int,
    phase: str,
    progress: Progress,
    packed: int | None = None,
    learning: Learning | None = None,
    validation: Mapping[str, Sequence[Any]] | None = None,
    evaluate: Evaluate | None = None,
    report: Report | None = None,
) -> int:
    """Train what is trainable of a model, in place.

    Args:
        rows: what is learnt, encoded.
        folder: for checkpoints. One that an earlier, killed run has left is gone on from.
        journal: JSON lines that are added to: phase, step, loss (mean since the last line, nats), lr,
            grad_norm (null where it overflowed), tokens (without padding), supervised_tokens, and what
            `training.journal.TIMED` names, since the start. Lines of a measurement have validation_loss (the
            mean over all that is learnt in all sources) and validation_loss_by_source instead of a loss.
        packed: tokens of a row into which several examples are put, see `training.packing`; None: examples
            are padded.
        learning: how rows become a loss; answers are learnt unless it is given.
        validation: rows by name of their data set, measured as `evaluate` says. With `evaluate.best` the
            weights of the lowest loss are what the model has in the end.

    Returns:
        The number of steps; fewer than asked for if `evaluate.early_stop` ended it.

    Raises:
        UsageError: the loss has become infinite or no number, or Liger is given weights.
    """
    evaluate, report, validation = evaluate or Evaluate(), report or Report(), validation or {}
    _check_weights(rows, settings)
    learning = learning or answers.learning(model, settings.kernels)
    steps = settings.max_steps or math.ceil(len(rows) * (settings.epochs or 0) / settings.batch_size)
    lengths = np.array([len(row.input_ids) for row in rows])
    supervised = np.array([learning.supervised(row) for row in rows])
    places = order(lengths, steps, settings.batch_size, seed).reshape(steps, settings.batch_size)
    taught = learning if packed is None else dataclasses.replace(learning, collate=packing.join)
    work = Work.of(lengths[places], supervised[places])
    if settings.activation_checkpointing:
        model.enable_input_require_grads()  # else nothing flows back past the frozen embeddings
    last, ended = _last_checkpoint(folder)
    layout = Layout(distributed.world(), settings.micro_batch_size, packed)
    meter = Meter(model, work, report.peak_tflops)
    written = callback(journal, phase, work, meter, progress, tensorboard="tensorboard" in report.to)
    trainer = step_trainer(
        model,
        _arguments(model, settings, evaluate if validation else Evaluate(), folder, ended or steps, seed),
        Steps(rows, places[:ended], layout, learning.amount),
        taught,
        {name: Measured.of(found, learning, evaluate.batch_size) for name, found in validation.items()},
        [written, *_early_stop(evaluate, bool(validation))],
    )
    with apart(model) if packed is not None else contextlib.nullcontext():
        trainer.train(resume_from_checkpoint=last)
    state = trainer.state
    if evaluate.best and state.best_global_step and distributed.is_first():
        add(journal, {"phase": phase, "step": state.global_step, "best_step": state.best_global_step})
    return int(state.global_step)


def _check_weights(rows: Sequence[Any], settings: Train) -> None:
    if settings.kernels == "liger" and any(getattr(row, "weights", None) is not None for row in rows):
        raise UsageError(
            "train.kernels: liger's loss takes no message weights between 0 and 1; set train.kernels to none"
        )


def _arguments(model: Any, settings: Train, evaluate: Evaluate, folder: Path, steps: int, seed: int) -> Any:
    from transformers import TrainingArguments

    on_cpu = model.device.type == "cpu"
    watched = evaluate.best or evaluate.early_stop is not None
    save_every = evaluate.every if evaluate.best else settings.save_every  # what is kept must be there
    arguments = TrainingArguments(
        output_dir=str(folder),
        max_steps=steps,
        per_device_train_batch_size=1,  # a step of this process, see `Steps`
        train_sampling_strategy="sequential",
        learning_rate=settings.lr,
        lr_scheduler_type=settings.scheduler,
        warmup_steps=settings.warmup if settings.warmup < 1 else int(settings.warmup),
        weight_decay=settings.weight_decay,
        optim=_OPTIMISERS[settings.optimiser],
        adam_beta2=BETA2,
        max_grad_norm=settings.max_grad_norm,
        neftune_noise_alpha=settings.neftune_alpha,
        activation_checkpointing=bool(settings.activation_checkpointing),
        activation_checkpointing_kwargs=_recomputed(settings.activation_checkpointing, on_cpu),
        use_liger_kernel=settings.kernels == "liger",
        torch_compile=settings.compile,
        seed=seed,
        use_cpu=on_cpu,
        bf16=_computes_in(model, "bfloat16"),
        fp16=_computes_in(model, "float16"),
        ddp_find_unused_parameters=False,
        save_strategy="steps" if save_every else "no",
        save_steps=save_every or steps,
        save_total_limit=2,  # the one before lasts until the next is whole
        restore_callback_states_from_checkpoint=True,  # how long early stopping has been patient
        eval_strategy="steps" if evaluate.every else "no",
        eval_steps=evaluate.every,
        metric_for_best_model="eval_loss" if watched else None,
        greater_is_better=False if watched else None,
        load_best_model_at_end=evaluate.best,
        logging_steps=max(1, min(10, steps // 20)),
        logging_nan_inf_filter=False,
        report_to="none",
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_pin_memory=not on_cpu,
    )
    arguments._n_gpu = min(1, arguments.n_gpu)  # more would silently multiply the batch by their number
    return arguments


def _recomputed(asked: bool | Checkpointing, on_cpu: bool) -> dict[str, Any] | None:
    if not isinstance(asked, Checkpointing):
        return None
    offload = asked.offload and not on_cpu  # a CPU's memory is the main memory already
    return {"use_reentrant": False, "every_n_layers": asked.every_n_layers, "offload": offload}


def _computes_in(model: Any, dtype: str) -> bool:
    return str(model.dtype) == f"torch.{dtype}"


def _early_stop(evaluate: Evaluate, measured: bool) -> list[Any]:
    from transformers import EarlyStoppingCallback

    asked = evaluate.early_stop
    return [EarlyStoppingCallback(asked.patience_evals, asked.min_delta)] if asked and measured else []


def _last_checkpoint(folder: Path) -> tuple[str | None, int | None]:
    """The latest checkpoint that was written to its end: its state is what Trainer writes last.

    With it the step at which early stopping has ended the training, if it has.
    """
    found = {
        path.parent: state
        for path in folder.glob("checkpoint-*/trainer_state.json")
        if (state := _state(path)) is not None
    }
    if not found:
        return None, None
    last = max(found, key=lambda path: int(path.name.rpartition("-")[2]))
    control = found[last].get("stateful_callbacks", {}).get("TrainerControl", {}).get("args", {})
    return str(last), int(found[last]["global_step"]) if control.get("should_training_stop") else None


def _state(path: Path) -> dict[str, Any] | None:
    try:
        state = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        return None
    return state if isinstance(state, dict) else None
