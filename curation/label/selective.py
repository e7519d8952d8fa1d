"""From which confidence on a label may be trusted, so that the precision asked for holds.

Learn then test (Angelopoulos, Bates, Candès, Jordan, Lei 2021, arXiv:2110.01052): thresholds are tested from
the highest downwards, each by a one-sided Clopper-Pearson bound. The order is that of the leads, which no
outcome has tuned, so a long sequence needs no correction. A third of the risk is spent at the highest
threshold that can pass at all, a third at half of the examples and a third at all of them: some labels of
people are wrong wherever one looks, and at the top one of them is too many. A threshold that passes hands its
risk to the next, one that fails loses it (fallback procedure, Wiens and Dmitrienko 2005, J. Biopharm. Stat.
15). The lowest threshold that passes is taken.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from curation.intervals import lower_bound

CONFIDENCE = 0.9
"""Probability with which the chosen threshold keeps its promise."""

_RISK = (1 - CONFIDENCE) / 3
"""Spent at each of the three starts: that a threshold passes that does not keep the precision."""

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
    """The lowest threshold that keeps the precision; None where none does.

    Args:
        scores: how sure the model is of each example, which it has not seen. The examples are independent of
            each other and drawn as the texts are that the promise is made for; no two are copies.
        right: whether its label was the right one.
        precision: asked for, above 0 and below 1.
    """
    order = np.argsort(-scores, kind="stable")
    scores, right = scores[order], right[order]
    chosen, risk = None, 0.0
    for size, spent in _sizes(len(scores), precision):
        risk += spent
        if risk:
            point = _point(scores, right, size, risk)
            if point.bound >= precision:
                chosen = point
            else:
                risk = 0.0
    return chosen


def curve(scores: NDArray[np.float64], right: NDArray[np.bool_]) -> list[Point]:
    """Coverage against precision at every twentieth of the examples, the most confident first."""
    order = np.argsort(-scores, kind="stable")
    scores, right = scores[order], right[order]
    sizes = np.unique(np.ceil(np.arange(1, 21) / 20 * len(scores)).astype(int))
    return [_point(scores, right, size) for size in sizes.tolist() if size]


@dataclasses.dataclass(frozen=True)
class PerLabel:
    """How one label fares among the guesses that a threshold for all lets through.

    Attributes:
        label: its index.
        accepted, right: how many guesses of it are let through, and how many of these are right.
        bound: lower confidence bound of their precision, for this label alone.
        promised: the threshold at which the precision can be promised for guesses of this label by itself;
            None where its examples do not suffice.
        missing: how many more guesses of it would probably have to be judged for that; 0 where it is
            promised, None where too many are wrong for any number to do.
    """

    label: int
    accepted: int
    right: int
    bound: float
    promised: Point | None
    missing: int | None


def per_label(
    scores: NDArray[np.float64],
    right: NDArray[np.bool_],
    guesses: NDArray[np.int64],
    *,
    labels: int,
    precision: float,
) -> list[PerLabel]:
    """The figures of each label beside those of all.

    The threshold is that of `choose`; where there is none, every guess is looked at.

    Args:
        guesses: index of the label that each example was given.
        labels: how many there are.
    """
    pooled = choose(scores, right, precision)
    through = scores >= (-np.inf if pooled is None else pooled.threshold)
    usual = float(right[through].mean()) if through.any() else 0.0
    found = []
    for label in range(labels):
        own = guesses == label
        accepted, good = int((own & through).sum()), int((own & through & right).sum())
        promised = choose(scores[own], right[own], precision)
        bound = float(lower_bound(good, accepted, 1 - CONFIDENCE))
        missing = 0 if promised else _missing(accepted, good, usual, precision)
        found.append(PerLabel(label, accepted, good, bound, promised, missing))
    return found


def _missing(n: int, right: int, usual: float, precision: float) -> int | None:
    """How many more guesses would let the precision be promised; None: no number would.

    They are taken to be right as often as those of this label were; while it has few, as all are (`usual`).
    """
    share = (right + usual * _BELIEF) / (n + _BELIEF)
    if share <= precision:
        return None
    sizes = np.arange(n + 1, n + 100_001)
    enough = np.flatnonzero(lower_bound(np.floor(share * sizes), sizes, _RISK) >= precision)
    return int(sizes[enough[0]]) - n if enough.size else None


_BELIEF = 20
"""Guesses of a label that what is usual counts as many as."""


def _sizes(n: int, precision: float) -> Iterator[tuple[int, float]]:
    """How many of `n` examples each threshold lets through, and the risk spent."""
    sizes = np.arange(1, n + 1)
    for errors in _ERRORS:
        passing = np.flatnonzero(lower_bound(np.maximum(sizes - errors, 0), sizes, _RISK) >= precision)
        if passing.size:
            break
    else:
        return
    first = int(sizes[passing[0]])
    middle = max(first, n // 2)
    steps = sorted({*_steps(first, middle), *_steps(middle, n), n})
    for size in steps:
        yield size, _RISK * ((size == first) + (size == middle) + (size == n))


def _steps(start: int, end: int) -> Iterator[int]:
    """From the start on, below the end."""
    while start < end:
        yield start
        start = int(np.ceil(start * _STEP))


def _point(scores: NDArray[np.float64], right: NDArray[np.bool_], size: int, risk: float = _RISK) -> Point:
    """The threshold that lets `size` examples through, with those of the same confidence."""
    threshold = scores[size - 1]
    passed = int(np.searchsorted(-scores, -threshold, side="right"))
    correct = int(right[:passed].sum())
    bound = lower_bound(correct, passed, risk)
    return Point(float(threshold), passed / len(scores), correct / passed, float(bound))
