"""How surprised a model is by the answers people gave: for tasks without a fixed set of answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from training.batches import pad
from training.chat import IGNORED, Encoded


def mean_loss(model: Any, rows: Sequence[Encoded], batch_size: int) -> float:
    """Mean negative log-likelihood of the supervised tokens, in nats per token."""
    import torch

    total, tokens = 0.0, 0
    by_length = sorted(rows, key=lambda row: len(row.input_ids))
    for start in range(0, len(by_length), batch_size):
        batch = {
            name: each.to(model.device) for name, each in pad(by_length[start : start + batch_size]).items()
        }
        wanted = batch.pop("labels")[:, 1:]
        with torch.inference_mode():
            logits = model(**batch).logits[:, :-1].float()
        total += float(
            torch.nn.functional.cross_entropy(
                logits.flatten(0, 1), wanted.flatten(), ignore_index=IGNORED, reduction="sum"
            )
        )
        tokens += int((wanted != IGNORED).sum())
    return total / tokens
