"""The one training loop: transformers' Trainer over rows that were encoded, and put in order, beforehand.

The order of the examples depends on the seed and their lengths alone, so a killed run goes on where its last
checkpoint stood and ends with the same bytes (on a CPU).
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from curation.errors import UsageError
from curation.pipeline import Progress
from training.chat import IGNORED, Encoded
from training.model import keeps_logits
from training.recipe import Train

WINDOW = 32
"""Batches that are put together by length: long enough to save padding, short enough to stay a shuffle."""

BETA2 = 0.95
"""Decay of Adam's second moment. The usual .999 averages over more steps than a fine-tuning has: with it the
tiny model reached .68 on the samples where it reaches .94 with .95."""


def fit(
    model: Any,
    rows: Sequence[Encoded],
    settings: Train,
    *,
    folder: Path,
    journal: Path,
    seed: int,
    phase: str,
    progress: Progress,
    validation: Sequence[Encoded] = (),
    evaluate_every: int | None = None,
) -> int:
    """Train what is trainable of a model, in place.

    Args:
        rows: what is learnt, right-padded batch by batch.
        folder: for checkpoints. One that an earlier, killed run has left is gone on from.
        journal: JSON lines that are added to: phase, step, loss (mean over the supervised tokens since the
            last line, nats), lr, grad_norm (null where it overflowed), tokens (without padding) and
            tokens_per_second since the start.
        validation, evaluate_every: rows whose loss is measured every so many steps.

    Returns:
        The number of steps.

    Raises:
        UsageError: the loss has become infinite or no number.
    """
    from transformers import Trainer, TrainingArguments
    from transformers.trainer_callback import PrinterCallback, ProgressCallback

    steps = settings.max_steps or math.ceil(len(rows) * (settings.epochs or 0) / settings.batch_size)
    lengths = np.array([len(row.input_ids) for row in rows])
    places = order(lengths, steps, settings.batch_size, seed)
    on_cpu = model.device.type == "cpu"
    if settings.activation_checkpointing:
        model.enable_input_require_grads()  # else nothing flows back past the frozen embeddings
    arguments = TrainingArguments(
        output_dir=str(folder),
        max_steps=steps,
        per_device_train_batch_size=settings.micro_batch_size,
        gradient_accumulation_steps=settings.batch_size // settings.micro_batch_size,
        train_sampling_strategy="sequential",
        learning_rate=settings.lr,
        lr_scheduler_type=settings.scheduler,
        warmup_steps=settings.warmup if settings.warmup < 1 else int(settings.warmup),
        weight_decay=settings.weight_decay,
        adam_beta2=BETA2,
        max_grad_norm=settings.max_grad_norm,
        activation_checkpointing=settings.activation_checkpointing,
        seed=seed,
        use_cpu=on_cpu,
        bf16=_computes_in(model, "bfloat16"),
        fp16=_computes_in(model, "float16"),
        save_strategy="steps" if settings.save_every else "no",
        save_steps=settings.save_every or steps,
        save_total_limit=2,  # the one before lasts until the next is whole
        eval_strategy="steps" if evaluate_every else "no",
        eval_steps=evaluate_every,
        per_device_eval_batch_size=settings.micro_batch_size,
        logging_steps=max(1, min(10, steps // 20)),
        logging_nan_inf_filter=False,
        report_to="none",
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_pin_memory=not on_cpu,
    )
    arguments._n_gpu = min(1, arguments.n_gpu)  # more would silently multiply the batch by their number
    trainer = Trainer(
        model=model,
        args=arguments,
        data_collator=_collator(model),
        train_dataset=[rows[place] for place in places],
        eval_dataset=list(validation) or None,
        callbacks=[
            _journal(journal, phase, lengths[places].reshape(steps, -1).sum(axis=1).cumsum(), progress)
        ],
    )
    trainer.remove_callback(PrinterCallback)
    trainer.remove_callback(ProgressCallback)
    trainer.train(resume_from_checkpoint=_last_checkpoint(folder))
    return steps


def order(lengths: NDArray[Any], steps: int, batch_size: int, seed: int) -> NDArray[np.int64]:
    """Which example is taken when: `steps` batches; every example once before any comes again.

    Examples of like length share a batch; which batch comes when is shuffled.
    """
    rng, examples = np.random.default_rng(seed), steps * batch_size
    rounds = math.ceil(examples / len(lengths))
    stream = np.concatenate([rng.permutation(len(lengths)) for _ in range(rounds)])[:examples]
    # A batch in which one round ends and the next begins stays where it is: put together by length over the
    # border, the two copies of an example would be neighbours.
    ends = np.arange(1, rounds) * len(lengths)
    borders = np.unique([0, *(ends // batch_size), *-(-ends // batch_size), steps])
    taken = []
    for border, following in pairwise(borders.tolist()):
        for start in range(border, following, WINDOW):
            part = stream[start * batch_size : min(start + WINDOW, following) * batch_size]
            batches = part[np.argsort(lengths[part], kind="stable")].reshape(-1, batch_size)
            taken.append(batches[rng.permutation(len(batches))].ravel())
    return np.concatenate(taken)


def pad(rows: Sequence[Encoded]) -> dict[str, Any]:
    """A batch, padded on the right; padding is neither attended to nor learnt."""
    import torch

    width = max(len(row.input_ids) for row in rows)
    batch = {
        "input_ids": torch.zeros(len(rows), width, dtype=torch.long),
        "attention_mask": torch.zeros(len(rows), width, dtype=torch.long),
        "labels": torch.full((len(rows), width), IGNORED),
    }
    for number, row in enumerate(rows):
        batch["input_ids"][number, : len(row.input_ids)] = torch.tensor(row.input_ids)
        batch["attention_mask"][number, : len(row.input_ids)] = 1
        batch["labels"][number, : len(row.labels)] = torch.tensor(row.labels)
    return batch


def answers_only(batch: dict[str, Any]) -> dict[str, Any]:
    """The batch with labels, and an order for logits, from the earliest answer on.

    The logits of a letter that is only read are the largest tensor of all, and nothing is learnt from them.
    """
    learnt = (batch["labels"] != IGNORED).any(dim=0).nonzero()
    start = max(0, int(learnt[0]) - 1)  # the token before an answer predicts its first one
    labels = batch["labels"][:, start:]
    return {**batch, "labels": labels, "logits_to_keep": labels.shape[1]}


def _collator(model: Any) -> Any:
    """`pad`, and `answers_only` where the architecture can be told which logits to compute."""
    if not keeps_logits(model):
        return pad
    return lambda rows: answers_only(pad(rows))


def _computes_in(model: Any, dtype: str) -> bool:
    return str(model.dtype) == f"torch.{dtype}"


def _last_checkpoint(folder: Path) -> str | None:
    """The latest checkpoint that was written to its end: its state is what Trainer writes last."""
    found = [path.parent for path in folder.glob("checkpoint-*/trainer_state.json") if _is_whole(path)]
    return str(max(found, key=lambda path: int(path.name.rpartition("-")[2]))) if found else None


def _is_whole(state: Path) -> bool:
    try:
        return isinstance(json.loads(state.read_text(encoding="utf-8")), dict)
    except ValueError:
        return False


def _journal(path: Path, phase: str, tokens: NDArray[Any], progress: Progress) -> Any:
    """A callback that writes the journal and tells the progress.

    Args:
        tokens: trained on after each step.
    """
    from transformers import TrainerCallback

    class Journal(TrainerCallback):  # type: ignore[misc]  # transformers is not type-checked
        def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            self.started, self.first = time.perf_counter(), state.global_step
            _keep_before(path, phase, state.global_step)
            progress(phase, state.global_step, state.max_steps)

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            progress(phase, state.global_step, state.max_steps)
            control.should_log |= state.global_step == state.max_steps

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
            measured = {"loss", "grad_norm", "learning_rate", "eval_loss"} & set(logs)
            if not measured or state.global_step == 0:
                return
            if not math.isfinite(logs.get("loss", 0.0)):
                raise UsageError(
                    f"{phase}: the loss at step {state.global_step} is not finite; take a lower learning rate"
                )
            here = int(tokens[state.global_step - 1])
            before = int(tokens[self.first - 1]) if self.first else 0
            line = {
                "phase": phase,
                "step": state.global_step,
                **{_NAMES.get(name, name): _finite(logs[name]) for name in sorted(measured)},
                "tokens": here,
                "tokens_per_second": round((here - before) / (time.perf_counter() - self.started), 1),
            }
            with path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")

    return Journal()


_NAMES = {"learning_rate": "lr", "eval_loss": "validation_loss"}


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _keep_before(path: Path, phase: str, step: int) -> None:
    """Take out of the journal what a killed run wrote after the checkpoint that is gone on from."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    kept = [
        line
        for line in lines
        if line.endswith("}") and ((said := json.loads(line))["phase"] != phase or said["step"] <= step)
    ]
    path.write_text("".join(line + "\n" for line in kept), encoding="utf-8")
