"""Transformers' Trainer with a step of ours: a batch holds all that this process computes before the
optimiser moves, in parts, and the loss is the one that was laid out."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from training.batches import Learning, Steps


@dataclass(frozen=True)
class Measured:
    """Validation rows of one data set in padded batches, and the amount their loss is divided by."""

    batches: list[list[Any]]
    total: float
    learning: Learning

    @classmethod
    def of(cls, rows: Sequence[Any], learning: Learning, at_once: int) -> Measured:
        by_length = sorted(rows, key=lambda row: len(row.input_ids))
        batches = [by_length[start : start + at_once] for start in range(0, len(rows), at_once)]
        return cls(batches, sum(learning.amount(row) for row in rows), learning)


def step_trainer(
    model: Any,
    arguments: Any,
    steps: Steps,
    learning: Learning,
    validation: Mapping[str, Measured],
    callbacks: list[Any],
) -> Any:
    """A Trainer that is ready to train.

    Args:
        validation: by name of the data set; "" is --data.
    """
    import torch
    from transformers import Trainer
    from transformers.trainer_callback import PrinterCallback, ProgressCallback

    class StepTrainer(Trainer):  # type: ignore[misc]  # transformers is not type-checked
        loss_is_scaled_for_ga = True

        def training_step(self, model: Any, inputs: list[Any], num_items_in_batch: Any = None) -> Any:
            lost = []
            for number, part in enumerate(inputs, 1):
                last = number == len(inputs)
                self.accelerator.gradient_state._set_sync_gradients(last)  # as Trainer itself does
                at_once = last or self.is_deepspeed_enabled  # which has no `no_sync`
                with contextlib.nullcontext() if at_once else self.accelerator.no_sync(model):
                    lost.append(super().training_step(model, part))
            return torch.stack(lost).sum()

        def compute_loss(self, model: Any, inputs: dict[str, Any], *_: Any, **__: Any) -> Any:
            total = inputs.pop("total")
            # Gradients are averaged over processes, so that each part counts as often as there are any.
            return learning.loss(model, inputs) / total * self.accelerator.num_processes

        def evaluate(self, *_: Any, **__: Any) -> dict[str, Any]:
            sums = {name: self._sum(each) for name, each in validation.items()}
            metrics = {
                "eval_loss": sum(sums.values()) / sum(each.total for each in validation.values()),
                "eval_loss_by_source": {
                    name or "--data": sums[name] / each.total for name, each in validation.items()
                },
            }
            self.log(metrics)
            self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
            return metrics

        def _sum(self, measured: Measured) -> float:
            """The loss of all batches, which the processes share. Where that does not come out even, some
            compute one for nothing: sharded models wait for each other."""
            found = torch.zeros((), dtype=torch.float64, device=self.args.device)
            rank, world = self.accelerator.process_index, self.accelerator.num_processes
            self.model_wrapped.eval()
            for place in range(rank, rank + len(measured.batches), world):
                batch = measured.learning.collate(measured.batches[place % len(measured.batches)])
                with torch.no_grad(), self.compute_loss_context_manager():
                    lost = measured.learning.loss(self.model_wrapped, self._prepare_inputs(batch))
                found += lost.double() * (place < len(measured.batches))
            return float(self.accelerator.reduce(found, "sum"))

        def floating_point_ops(self, inputs: Any) -> int:
            return 0  # the journal counts, and knows what LoRA costs

    def collate(items: Sequence[Any]) -> list[dict[str, Any]]:
        return [{**learning.collate(rows), "total": torch.tensor(total)} for rows, total in items[0]]

    trainer = StepTrainer(
        model=model,
        args=arguments,
        data_collator=collate,
        train_dataset=steps,
        eval_dataset=list(validation) or None,
        callbacks=callbacks,
    )
    trainer.remove_callback(PrinterCallback)
    trainer.remove_callback(ProgressCallback)
    return trainer
