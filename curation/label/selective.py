"""From which confidence on a label may be trusted, so that the precision asked for holds.

Learn then test (Angelopoulos, Bates, Candès, Jordan, Lei 2021, arXiv:2110.01052): thresholds are tested from
the highest downwards, each by a one-sided Clopper-Pearson bound, and the last one before the first failure is
taken. The order is that of the confidences, which no outcome has tuned, so a long sequence needs no
correction. There are two sequences, which share the risk: one starts at the highest threshold that can pass
at all, the other at half of the examples, for labels of which some are wrong wherever one looks.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

CONFIDENCE = 0.9
"""Probability with which the chosen threshold keeps its promise."""

_RISK = (1 - CONFIDENCE) / 2
"""Of each sequence: that it lets a threshold pass that does not keep the precision."""

_STEP = 1.1
"""Each threshold lets this many times as many examples through as the one before."""

_ERRORS = (2, 1, 0)
"""The first threshold lets through as many examples as are needed to pass with this many errors; fewer errors
where the examples do not suffice. At the very top one unlucky error would end the sequence."""


@dataclasses.dataclass(frozen=True)
class Point:
    """What one threshold does on the out-of-fold examples.

    Attributes:
        threshold: smallest confidence that is let through.
        coverage: share of the examples that are.
        precision: share of these that are right.
        bound: one-sided lower confidence bound of the precision; that of the chosen point holds with a
            probability of `CONFIDENCE`, the search for it included.
    """

    threshold: float
    coverage: float
    precision: float
    bound: float


def choose(scores: NDArray[np.float64], right: NDArray[np.bool_], precision: float) -> Point | None:
    """The lowest threshold that keeps the precision; None where not even the first of a sequence does.

    Args:
        scores: confidence of each example, from a model that has not seen it. The examples are independent
            of each other and drawn as the texts are that the promise is made for; no two are copies.
        right: whether its label was the right one.
        precision: asked for, above 0 and below 1.
    """
    order = np.argsort(-scores, kind="stable")
    scores, right = scores[order], right[order]
    passed = [
        point
        for start in _starts(len(scores), precision)
        for point in itertools.takewhile(
            lambda point: point.bound >= precision,
            (_point(scores, right, size) for size in _sizes(start, len(scores))),
        )
    ]
    return max(passed, key=lambda point: point.coverage, default=None)


def curve(scores: NDArray[np.float64], right: NDArray[np.bool_]) -> list[Point]:
    """Coverage against precision at every twentieth of the examples, the most confident first."""
    order = np.argsort(-scores, kind="stable")
    scores, right = scores[order], right[order]
    sizes = np.unique(np.ceil(np.arange(1, 21) / 20 * len(scores)).astype(int))
    return [_point(scores, right, size) for size in sizes.tolist() if size]


def lower_bound(right: NDArray[np.int64], n: NDArray[np.int64]) -> NDArray[np.float64]:
    """One-sided Clopper-Pearson lower bound of a proportion, at the risk of one sequence."""
    from scipy.stats import beta

    some = np.maximum(right, 1)
    return np.where(right > 0, beta.ppf(_RISK, some, n - some + 1), 0.0)


def _starts(n: int, precision: float) -> list[int]:
    """How many of `n` examples the first threshold of each sequence lets through; none if none can pass."""
    sizes = np.arange(1, n + 1)
    for errors in _ERRORS:
        passing = np.flatnonzero(lower_bound(np.maximum(sizes - errors, 0), sizes) >= precision)
        if passing.size:
            smallest = int(sizes[passing[0]])
            return [smallest, max(smallest, n // 2)]
    return []


def _sizes(start: int, n: int) -> Iterator[int]:
    """How many of `n` examples each threshold of a sequence lets through."""
    while start < n:
        yield start
        start = int(np.ceil(start * _STEP))
    yield n


def _point(scores: NDArray[np.float64], right: NDArray[np.bool_], size: int) -> Point:
    """The threshold that lets `size` examples through, with those of the same confidence."""
    threshold = scores[size - 1]
    passed = int(np.searchsorted(-scores, -threshold, side="right"))
    correct = int(right[:passed].sum())
    bound = lower_bound(np.array([correct]), np.array([passed]))[0]
    return Point(float(threshold), passed / len(scores), correct / passed, float(bound))
