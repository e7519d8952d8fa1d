"""Which examples make a step, and how the examples of a step are laid out for the devices.

A step always has `batch_size` examples, the same ones however many processes share it, however many are
computed at once, and whether they are packed or padded: all of that changes the speed, not what is learnt.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.encoded import IGNORED
from training.packing import pack

WINDOW = 32
"""Batches that are put together by length: long enough to save padding, short enough to stay a shuffle."""


@dataclass(frozen=True)
class Learning:
    """How encoded examples become a loss.

    Attributes:
        amount: how much an example counts in the mean over a step: the sum of the weights of what is learnt.
        supervised: how many tokens of an example are learnt; for the journal.
        collate: a batch of tensors. It is `loss` that reads it.
        loss: of a model and a batch: the sum, over all that is learnt, of weight times loss, as a tensor.
    """

    amount: Callable[[Any], float]
    supervised: Callable[[Any], int]
    collate: Callable[[Sequence[Any]], dict[str, Any]]
    loss: Callable[[Any, dict[str, Any]], Any]


@dataclass(frozen=True)
class Layout:
    """How the examples of a step are divided.

    Attributes:
        processes: that share the step.
        at_once: examples in a padded batch.
        row_length: tokens of a row into which examples are packed; None: they are padded.
    """

    processes: int
    at_once: int
    row_length: int | None = None

    def divide(self, lengths: Sequence[int]) -> list[list[list[int]]]:
        """For each process its batches, each the places of some examples of the step.

        Every process has the same number of batches, which sharded models wait for.
        """
        shares = [list(range(process, len(lengths), self.processes)) for process in range(self.processes)]
        if self.row_length is None:
            return [
                [share[start : start + self.at_once] for start in range(0, len(share), self.at_once)]
                for share in shares
            ]
        packed = [
            [
                [share[place] for place in row]
                for row in pack([lengths[each] for each in share], self.row_length)
            ]
            for share in shares
        ]
        most = max(len(rows) for rows in packed)
        return [_as_many(rows, most) for rows in packed]


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


def pad(rows: Sequence[Any]) -> dict[str, Any]:
    """A batch of token ids and labels, padded on the right; padding is neither attended to nor learnt.

    `weights` of the labels are in it where some row has them.
    """
    import torch

    width = max(len(row.input_ids) for row in rows)
    batch = {
        "input_ids": torch.zeros(len(rows), width, dtype=torch.long),
        "attention_mask": torch.zeros(len(rows), width, dtype=torch.long),
        "labels": torch.full((len(rows), width), IGNORED),
    }
    if weighted := any(row.weights is not None for row in rows):
        batch["weights"] = torch.ones(len(rows), width)
    for number, row in enumerate(rows):
        length = len(row.input_ids)
        batch["input_ids"][number, :length] = torch.tensor(row.input_ids)
        batch["attention_mask"][number, :length] = 1
        batch["labels"][number, :length] = torch.tensor(row.labels)
        if weighted and row.weights is not None:
            batch["weights"][number, :length] = torch.tensor(row.weights)
    return batch


class Steps:
    """The steps as a data set of torch: an item is what one process computes in one step.

    Args:
        rows: encoded examples; `places` says which of them are taken, step by step.
    """

    def __init__(
        self,
        rows: Sequence[Any],
        places: NDArray[np.int64],
        layout: Layout,
        amount: Callable[[Any], float],
    ) -> None:
        self._rows, self._places, self._layout = rows, places, layout
        self._amounts = np.array([amount(row) for row in rows])

    def __len__(self) -> int:
        return len(self._places) * self._layout.processes

    def __getitem__(self, item: int) -> list[tuple[list[Any], float]]:
        """Batches of one process, each with the amount of the whole step, which its loss is divided by."""
        step, process = divmod(item, self._layout.processes)
        places = self._places[step]
        total = float(self._amounts[places].sum())
        rows = [self._rows[place] for place in places]
        batches = self._layout.divide([len(row.input_ids) for row in rows])[process]
        return [([rows[place] for place in batch], total) for batch in batches]


def _as_many(rows: list[list[int]], most: int) -> list[list[int]]:
    """The same examples in `most` rows."""
    rows = list(rows)
    while len(rows) < most:
        rows.sort(key=len)
        longest = rows.pop()
        rows += [longest[: len(longest) // 2], longest[len(longest) // 2 :]]
    return rows
