"""Several examples in one row that do not see each other, so that no time is spent on padding.

The examples of one step are packed among themselves, best fit first. So packing changes nothing but the
speed: a step has exactly `train.batch_size` examples, their order, the number of steps and the learning rate
are those of a padded training, and so is the result up to rounding. A row holds at most `data.max_length`
tokens and is computed alone, whatever `train.micro_batch_size` says, so a step needs about batch_size x mean
length / max_length rows.

The positions of each example begin at 0, and there is no attention mask: from that transformers builds one
that keeps the examples apart, on every kind of attention; on a CPU `training.apart` does. `isolation`
measures on the model itself that it works.
"""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from typing import Any

import numpy as np

from training.apart import apart
from training.encoded import IGNORED
from training.schema import Recipe

TOLERANCE = {"float32": 1e-3, "float16": 0.1, "bfloat16": 0.5}
"""Largest difference of logits that rounding explains. What leaks from a neighbour is several times that."""

_PROBE = 256
"""Tokens of an example in the test of isolation."""


def chosen(recipe: Recipe, lengths: Sequence[int]) -> int | None:
    """Tokens of a packed row, or None where examples of these lengths are padded.

    `auto` packs where the median is shorter than half a row. NEFTune's noise is scaled by the length of a
    row, so with it there is one example in each.
    """
    data = recipe.data
    if recipe.objective != "sft":
        return None
    fits = 2 * float(np.median(lengths)) < data.max_length and recipe.train.neftune_alpha is None
    return data.max_length if data.packing == "on" or (data.packing == "auto" and fits) else None


def pack(lengths: Sequence[int], row_length: int) -> list[list[int]]:
    """Best fit decreasing: the places of the examples in each row, every one exactly once.

    The longest unplaced example goes to the row it fills best, or begins a new one. Equal examples keep their
    order, so the same lengths always give the same rows.

    Args:
        row_length: a longer example has a row of its own.
    """
    rows: list[list[int]] = []
    space: list[tuple[int, int]] = []  # what is left in a row, and which; sorted
    for place in sorted(range(len(lengths)), key=lambda each: -lengths[each]):
        best = bisect.bisect_left(space, (lengths[place], -1))
        if best < len(space):
            left, row = space.pop(best)
        else:
            left, row = row_length, len(rows)
            rows.append([])
        rows[row].append(place)
        bisect.insort(space, (left - lengths[place], row))
    return rows


def join(rows: Sequence[Any]) -> dict[str, Any]:
    """One packed row as a batch.

    The first token of an example is never learnt: what stands before it belongs to another.
    """
    import torch

    ids = [token for row in rows for token in row.input_ids]
    labels = [label for row in rows for label in (IGNORED, *row.labels[1:])]
    positions = [torch.arange(len(row.input_ids)) for row in rows]
    batch = {
        "input_ids": torch.tensor([ids]),
        "labels": torch.tensor([labels]),
        "position_ids": torch.cat(positions)[None],
        "use_cache": False,  # with a cache transformers takes the row for one text
    }
    if any(row.weights is not None for row in rows):
        weights = [row.weights or [1.0] * len(row.labels) for row in rows]
        batch["weights"] = torch.tensor([[each for of_row in weights for each in of_row]])
    return batch


def isolation(model: Any, rows: Sequence[Any]) -> float:
    """The largest difference that neighbours in a row make to a logit; 0 for fewer than two examples.

    Two short forward passes and one of them together. Compare it with `tolerance`.
    """
    import torch

    if len(rows) < 2:
        return 0.0
    chosen = [row.input_ids[:_PROBE] for row in sorted(rows, key=lambda row: len(row.input_ids))[-2:]]
    together = {
        "input_ids": torch.tensor([[token for ids in chosen for token in ids]]),
        "position_ids": torch.cat([torch.arange(len(ids)) for ids in chosen])[None],
    }
    was_training = model.training
    model.eval()
    with torch.inference_mode(), apart(model):
        alone = [_logits(model, {"input_ids": torch.tensor([ids])}) for ids in chosen]
        packed = _logits(model, together)
    model.train(was_training)
    return float((torch.cat(alone) - packed).abs().max())


def tolerance(model: Any) -> float:
    """What `isolation` may be for a model's number format."""
    return TOLERANCE[str(model.dtype).removeprefix("torch.")]


def _logits(model: Any, batch: dict[str, Any]) -> Any:
    on_device = {name: each.to(model.device) for name, each in batch.items()}
    return model(**on_device, use_cache=False).logits[0].float()
