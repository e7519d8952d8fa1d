"""Floating point operations of a training step, by shape; what model-FLOP utilisation is counted in.

Useful operations alone: what activation checkpointing computes a second time is not useful, however fast.
A frozen layer needs no gradient of its weights, so LoRA costs twice the forward pass and not three times;
attention has no weights and costs three times in any case.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from training import shape as shapes
from training.shape import Shape


@dataclasses.dataclass(frozen=True)
class Forward:
    """Operations per token of the forward pass; a multiplication with its addition counts as two.

    Attributes:
        linear: the linear layers of the blocks.
        attention: scores and weighted values, over the tokens before only.
        head: logits of every token.
    """

    linear: float
    attention: float
    head: float

    @property
    def total(self) -> float:
        return self.linear + self.attention + self.head


def per_token(config: Mapping[str, Any], length: int, *, adapter: bool, trainable: int = 0) -> float:
    """Useful operations per token of training, forward and backward, on rows of `length` tokens.

    Args:
        config: a model's `config.json`.
        adapter: the weights are frozen but for an adapter of `trainable` parameters.

    Raises:
        UsageError: an architecture that is not known.
    """
    return training(forward(shapes.of(config), length), adapter=adapter, trainable=trainable)


def forward(shape: Shape, length: int) -> Forward:
    """The forward pass over rows of `length` tokens that see only what is before them."""
    seen = sum(_mean_seen(length, window) for window in shape.windows)
    return Forward(
        linear=2.0 * shape.block_matrices,
        attention=2 * 2.0 * shape.heads * shape.head_dim * seen,
        head=2.0 * shape.hidden * shape.vocabulary,
    )


def training(passed: Forward, *, adapter: bool, trainable: int = 0) -> float:
    """Forward and backward together. An adapter's own layers are trained whole: three times their forward."""
    weights = 2 if adapter else 3
    own = 3 * 2.0 * trainable if adapter else 0.0
    return weights * (passed.linear + passed.head) + 3 * passed.attention + own


def recomputed(passed: Forward) -> float:
    """What activation checkpointing of every block adds: their forward pass again."""
    return passed.linear + passed.attention


def _mean_seen(length: int, window: int | None) -> float:
    """Tokens that a token sees on average, itself included."""
    if window is None or length <= window:
        return (length + 1) / 2
    return (window * (window + 1) / 2 + (length - window) * window) / length
