"""What a model learns to do, and all that differs by it: which rows are examples, which head the model has,
how an example becomes tokens, what the loss is, and how base and tuned model are measured.

Each objective is a module of this folder with the functions of `Objective`. Adapter, trainer, lock and export
are the same for all.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, cast

from training.batches import Learning
from training.data import Message
from training.encoded import Counts
from training.evaluate.measure import Evaluation
from training.schema import Objective as Name
from training.schema import Recipe


class Example(Protocol):
    """A frozen dataclass: a conversation, a text with spans, or a pair of answers."""

    @property
    def id(self) -> str: ...
    @property
    def source(self) -> str: ...
    @property
    def messages(self) -> list[Message]:
        """What a held-out example and a train example are compared by."""


@dataclass(frozen=True)
class Rows:
    """Encoded examples.

    Attributes:
        train: what is learnt; each has `input_ids`.
        counts: of the train split.
        validation: the same by name of the data set; "" is --data.
        unmeasured: validation examples that are too long, dropped.
    """

    train: list[Any]
    counts: Counts
    validation: dict[str, list[Any]] = field(default_factory=dict)
    unmeasured: int = 0


Labelled = Sequence[tuple[str, int]]
"""The labels of a head in its order, each with the number of train examples that have it."""


class Objective(Protocol):
    """The functions of each module."""

    def read(self, source: Path, recipe: Recipe) -> dict[str, list[Any]]:
        """Examples by split; all three splits are keys."""

    def read_held_out(self, source: Path, recipe: Recipe) -> list[Any]:
        """What a tuned model is measured on."""

    def labels(self, recipe: Recipe, train: Sequence[Any]) -> Labelled:
        """The labels of the head; empty without one."""

    def load(self, recipe: Recipe, path: str, labels: Labelled) -> tuple[Any, Any]:
        """The base with its head, and the tokenizer."""

    def encode(
        self, tokenizer: Any, recipe: Recipe, labels: Labelled, examples: Sequence[Any]
    ) -> tuple[list[Any], Counts]:
        """Examples as token ids."""

    def ready(self, model: Any, rows: Sequence[Any], recipe: Recipe) -> list[Any]:
        """The rows with what only the model, as it is before its first step, can tell of them."""

    def learning(self, model: Any, recipe: Recipe, rows: Sequence[Any], labels: int) -> Learning:
        """How the rows become a loss; `labels` is their number."""

    def measure(
        self,
        model: Any,
        tokenizer: Any,
        recipe: Recipe,
        labels: Labelled,
        held_out: Sequence[Any],
        train: Sequence[Any],
    ) -> Evaluation:
        """Base and tuned model on the same examples; `model` has `disable_adapter`."""


def of(objective: Name) -> Objective:
    """The module of an objective."""
    return cast(Objective, importlib.import_module(f"training.objectives.{objective}"))
